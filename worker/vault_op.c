/* What is written and removed in several steps (vault.h). An operation is a list of steps, done one after the other; each may be
 * done twice, and their order is what a crash in between, or another worker at the same CV, is judged by. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "spool_record.h"
#include "vault_internal.h"

enum step {
	STEP_END,
	LOOK_FOR_RECORD,                        /* there already: only the mark is looked for */
	PUT_USER, PUT_FILE, GET_OLDER, PUT_RESULT, PUT_RECORD,
	LOOK_FOR_MARK,                          /* erased meanwhile: STEPS_LEAVE follow, and the answer is -ENOENT */
	DROP_RECORD, DROP_RESULT, DROP_FILE, DROP_USER,
	MARK_ERASING, MARK_ERASED,
};

static const enum step STEPS_PUT[] = { PUT_USER, PUT_FILE, GET_OLDER, PUT_RESULT, PUT_RECORD, LOOK_FOR_MARK, STEP_END };
static const enum step STEPS_PUT_KNOWN[] = {
	LOOK_FOR_RECORD, PUT_USER, PUT_FILE, GET_OLDER, PUT_RESULT, PUT_RECORD, LOOK_FOR_MARK, STEP_END
};
static const enum step STEPS_PUT_FETCHED[] = { PUT_FILE, PUT_RECORD, LOOK_FOR_MARK, STEP_END };
static const enum step STEPS_LOOK[] = { LOOK_FOR_MARK, STEP_END };
static const enum step STEPS_RESTART[] = { PUT_RECORD, DROP_RESULT, LOOK_FOR_MARK, STEP_END };
static const enum step STEPS_RESULT[] = { PUT_RESULT, LOOK_FOR_MARK, STEP_END };
static const enum step STEPS_REMOVE[] = { DROP_RECORD, DROP_RESULT, DROP_FILE, DROP_USER, STEP_END };
/* The record goes last: until then a client that got no good answer can ask again, and the sweep knows what Redis has to forget. */
static const enum step STEPS_ERASE[] = { MARK_ERASING, DROP_RESULT, DROP_FILE, DROP_USER, DROP_RECORD, MARK_ERASED, STEP_END };
static const enum step STEPS_LEAVE[] = { MARK_ERASING, DROP_RESULT, DROP_FILE, STEP_END }; /* the rest is the sweep's */

struct op {
	struct vault *vault;
	const enum step *steps;                 /* what is done next */
	struct spool_record *record;            /* NULL where only user and cv count */
	char folder[VAULT_KEY_SIZE], cv[ID_MAX + 1];    /* folder: the user's; "": not known */
	int fd;                                 /* -1: none */
	struct buf result;
	bool undoes;                            /* a put that failed takes back what it wrote */
	int rc;                                 /* what will be told */
	vault_fn *fn;
	void *ctx;
};

static void next(struct op *op);

static void finish(struct op *op, int rc)
{
	if (op->fd >= 0) /* first: it may share a lock that the one who is told asks for */
		close(op->fd);
	op->fn(op->ctx, rc);
	buf_free(&op->result);
	free(op);
}

/* A step could not be done. */
static void failed(struct op *op, int rc)
{
	if (op->undoes && op->rc >= 0) {
		op->rc = rc;
		op->steps = STEPS_REMOVE;
		next(op);
		return;
	}
	finish(op, op->rc < 0 ? op->rc : rc);
}

static void took_older(struct op *op, int rc, struct str body)
{
	if (rc == 0)
		buf_adds(&op->result, body);
	if (rc == -ENOENT || rc == -EIO)
		op->record->duplicate_of[0] = '\0';
}

static void on_step(void *ctx, int rc, struct str body)
{
	struct op *op = ctx;
	enum step step = *op->steps++;
	bool may_be_missing = step == GET_OLDER || step == LOOK_FOR_MARK || step == LOOK_FOR_RECORD;

	if (step == GET_OLDER)
		took_older(op, rc, body);
	if (step == LOOK_FOR_RECORD && rc == 0) {
		op->rc = VAULT_KNOWN;
		op->steps = STEPS_LOOK;
	}
	if (step == LOOK_FOR_RECORD && rc == -ENOENT)
		op->undoes = true;
	if (step == LOOK_FOR_MARK && rc == 0) {
		op->rc = -ENOENT;
		op->undoes = false;
		op->steps = STEPS_LEAVE;
	}
	if ((may_be_missing && rc == -ENOENT) || (step == GET_OLDER && rc == -EIO))
		rc = 0;
	if (rc < 0)
		failed(op, rc);
	else
		next(op);
}

static int put_file(struct op *op)
{
	char key[VAULT_KEY_SIZE];
	const struct s3_request request = { .method = "PUT", .key = key, .sha256 = op->record->sha256, .fd = op->fd,
		.fd_bytes = op->record->bytes };

	vault_cv_key(key, str_c(op->cv), ".file");
	return s3_send(op->vault->s3, &request, on_step, op, NULL);
}

static int put_record(struct op *op)
{
	char key[VAULT_KEY_SIZE];
	struct buf text;
	int rc = -EMSGSIZE;

	buf_init(&text, VAULT_RECORD_MAX_BYTES);
	spool_record_format(op->record, &text);
	vault_cv_key(key, str_c(op->cv), ".json");
	if (!text.failed)
		rc = vault_write(op->vault, key, buf_str(&text), on_step, op);
	buf_free(&text);
	return rc;
}

/* Both are shorter than half of it. */
static void user_key(const struct op *op, char out[2 * VAULT_KEY_SIZE])
{
	snprintf(out, 2 * VAULT_KEY_SIZE, "%s%s.cv", op->folder, op->cv);
}

static int mark(struct op *op, enum step step)
{
	char key[VAULT_KEY_SIZE];
	const char *text = step == MARK_ERASED ? VAULT_ERASED : *op->folder ? op->folder : "-";

	vault_mark_key(key, str_c(op->cv));
	return vault_write(op->vault, key, str_c(text), on_step, op);
}

static int drop(struct op *op, const char *ending)
{
	char key[VAULT_KEY_SIZE];

	vault_cv_key(key, str_c(op->cv), ending);
	return vault_delete(op->vault, key, on_step, op);
}

static bool is_needed(const struct op *op, enum step step)
{
	switch (step) {
	case PUT_FILE:
		return op->fd >= 0;
	case GET_OLDER:
		return *op->record->duplicate_of;
	case PUT_RESULT:
		return op->result.n > 0;
	case DROP_USER:
	case PUT_USER:
		return *op->folder;
	default:
		return true;
	}
}

static int begin(struct op *op, enum step step)
{
	struct vault *v = op->vault;
	char key[2 * VAULT_KEY_SIZE];

	switch (step) {
	case LOOK_FOR_RECORD:
		vault_cv_key(key, str_c(op->cv), ".json");
		return vault_head(v, key, on_step, op);
	case PUT_USER:
		user_key(op, key);
		return vault_write(v, key, STR("1"), on_step, op);
	case PUT_FILE:
		return put_file(op);
	case GET_OLDER:
		vault_cv_key(key, str_c(op->record->duplicate_of), ".result");
		return vault_get(v, key, VAULT_RESULT_MAX_BYTES, on_step, op);
	case PUT_RESULT:
		vault_cv_key(key, str_c(op->cv), ".result");
		return vault_write(v, key, buf_str(&op->result), on_step, op);
	case PUT_RECORD:
		return put_record(op);
	case LOOK_FOR_MARK:
		vault_mark_key(key, str_c(op->cv));
		return vault_head(v, key, on_step, op);
	case DROP_RECORD:
		return drop(op, ".json");
	case DROP_RESULT:
		return drop(op, ".result");
	case DROP_FILE:
		return drop(op, ".file");
	case DROP_USER:
		user_key(op, key);
		return vault_delete(v, key, on_step, op);
	case MARK_ERASING:
	case MARK_ERASED:
		return mark(op, step);
	case STEP_END:
		break;
	}
	abort();
}

/* The first step of an operation is begun by its caller, who may be told that it could not. */
static int begin_next(struct op *op)
{
	while (*op->steps != STEP_END && !is_needed(op, *op->steps))
		op->steps++;
	return *op->steps == STEP_END ? 0 : begin(op, *op->steps);
}

static void next(struct op *op)
{
	int rc = begin_next(op);

	if (rc < 0)
		failed(op, rc);
	else if (*op->steps == STEP_END)
		finish(op, op->rc);
}

static int start(struct vault *v, struct op op, const char *folder, struct str cv)
{
	struct op *own = cv.n <= ID_MAX ? malloc(sizeof(*own)) : NULL;
	int rc;

	if (!own) {
		if (op.fd >= 0)
			close(op.fd);
		return -ENOMEM;
	}
	*own = op;
	own->vault = v;
	snprintf(own->folder, sizeof(own->folder), "%s", folder);
	snprintf(own->cv, sizeof(own->cv), STR_FMT, STR_ARG(cv));
	rc = begin_next(own);
	if (rc < 0) {
		if (own->fd >= 0)
			close(own->fd);
		buf_free(&own->result);
		free(own);
	}
	return rc;
}

static int start_for_user(struct vault *v, struct op op, struct str user, struct str cv)
{
	char folder[VAULT_KEY_SIZE];

	vault_user_folder(folder, user);
	return start(v, op, folder, cv);
}

int vault_put(struct vault *v, enum vault_put kind, struct spool_record *rec, int fd, vault_fn *fn, void *ctx)
{
	static const enum step *const steps[] = {
		[VAULT_NEW] = STEPS_PUT, [VAULT_MAYBE_KNOWN] = STEPS_PUT_KNOWN, [VAULT_FETCHED] = STEPS_PUT_FETCHED,
	};
	struct op op = { .steps = steps[kind], .record = rec, .fd = fd, .undoes = kind == VAULT_NEW, .fn = fn, .ctx = ctx };

	buf_init(&op.result, VAULT_RESULT_MAX_BYTES);
	return start_for_user(v, op, str_c(rec->user), str_c(rec->cv));
}

int vault_restart(struct vault *v, struct spool_record *rec, vault_fn *fn, void *ctx)
{
	struct op op = { .steps = STEPS_RESTART, .record = rec, .fd = -1, .fn = fn, .ctx = ctx };

	return start_for_user(v, op, str_c(rec->user), str_c(rec->cv));
}

int vault_put_result(struct vault *v, struct str user, struct str cv, struct str json, vault_fn *fn, void *ctx)
{
	struct op op = { .steps = STEPS_RESULT, .fd = -1, .fn = fn, .ctx = ctx };

	buf_init(&op.result, VAULT_RESULT_MAX_BYTES);
	buf_adds(&op.result, json);
	if (op.result.failed) {
		buf_free(&op.result);
		return -EMSGSIZE;
	}
	return start_for_user(v, op, user, cv);
}

int vault_may_come_back(struct vault *v, struct str user, struct str cv, vault_fn *fn, void *ctx)
{
	return start_for_user(v, (struct op){ .steps = STEPS_LOOK, .fd = -1, .fn = fn, .ctx = ctx }, user, cv);
}

int vault_uncommit(struct vault *v, const struct spool_record *rec, vault_fn *fn, void *ctx)
{
	struct op op = { .steps = STEPS_REMOVE, .fd = -1, .fn = fn, .ctx = ctx };

	return start_for_user(v, op, str_c(rec->user), str_c(rec->cv));
}

int vault_erase(struct vault *v, struct str user, struct str cv, vault_fn *fn, void *ctx)
{
	return start_for_user(v, (struct op){ .steps = STEPS_ERASE, .fd = -1, .fn = fn, .ctx = ctx }, user, cv);
}

int vault_erase_in(struct vault *v, const char *folder, struct str cv, vault_fn *fn, void *ctx)
{
	return start(v, (struct op){ .steps = STEPS_ERASE, .fd = -1, .fn = fn, .ctx = ctx }, folder, cv);
}

int vault_remove_in(struct vault *v, const char *folder, struct str cv, vault_fn *fn, void *ctx)
{
	return start(v, (struct op){ .steps = STEPS_REMOVE, .fd = -1, .fn = fn, .ctx = ctx }, folder, cv);
}
