/* The sweep of the store (vault.h): a page is listed, what has to be done is picked from it, and done one by one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "log.h"
#include "spool_record.h"
#include "vault_internal.h"

#define LATE_WORD_MS 1200000            /* word may come to be seen after younger word, and clocks differ by 15 minutes */
#define SECOND_MS 1000                  /* what listings round times down to */

enum place { PLACE_MARKS, PLACE_LEFT, PLACE_CVS, PLACE_USERS, PLACES };

static const char *const folders[PLACES] = { "gone/", "left/", "cvs/", "users/" };

enum task {
	FINISH_ERASING,         /* a mark that does not say that nothing is left */
	DROP_OLD_MARK,          /* no writer can be left; what one wrote after a crash goes with it */
	DROP_REST,              /* of a CV that has no record */
	DROP_OLD_CV,            /* if its record says so too */
	DROP_OLD_NAME,          /* of a user's list, if its CV is gone */
	FORGET_HERE,            /* an erased user */
	DROP_OLD_WORD,          /* of one: no worker can have anything left */
};

struct chore {
	enum task task;
	char cv[ID_MAX + 1], name[VAULT_KEY_SIZE];
	int64_t modified_ms;
};

struct vault_sweep {
	struct vault *vault;
	vault_forget_fn *forget;
	void *forget_ctx;
	char folder[VAULT_KEY_SIZE];            /* of the mark that is finished: the user's */
	struct spool_record record;             /* likewise, its CV's */
	enum place place;
	char after[PLACES][VAULT_KEY_SIZE];
	struct chore *chores;
	size_t n, next;
	int64_t forgot_ms, forgetting_ms;       /* users erased until then are forgotten here; what the walk under way is up to */
	int unforgotten;                        /* of that walk: found, and not forgotten yet */
	int removed;
	int64_t now_ms;
	bool keeps, stopped;
	vault_fn *fn;
	void *ctx;
};

static void do_next(struct vault_sweep *s);

struct vault_sweep *vault_sweep_new(struct vault *v, vault_forget_fn *forget, void *ctx)
{
	struct vault_sweep *s = calloc(1, sizeof(*s));

	if (s) {
		s->vault = v;
		s->forget = forget;
		s->forget_ctx = ctx;
	}
	return s;
}

void vault_sweep_stop(struct vault_sweep *s)
{
	if (s)
		s->stopped = true;
}

void vault_sweep_free(struct vault_sweep *s)
{
	free(s);
}

static void finish(struct vault_sweep *s, int rc)
{
	free(s->chores);
	s->chores = NULL;
	s->fn(s->ctx, rc < 0 ? rc : s->removed);
}

/* A chore is over: the sweep stops where the store is away, and goes on there at another turn. */
static void done(struct vault_sweep *s, int rc)
{
	if (rc == -EREMOTEIO || rc == -ECANCELED)
		finish(s, rc);
	else
		do_next(s);
}

static void on_done(void *ctx, int rc)
{
	done(ctx, rc);
}

static void on_answered(void *ctx, int rc, struct str unused)
{
	done(ctx, rc);
}

static void on_removed(void *ctx, int rc)
{
	struct vault_sweep *s = ctx;

	s->removed += rc == 0;
	done(s, rc);
}

static const struct chore *current(const struct vault_sweep *s)
{
	return &s->chores[s->next - 1];
}

static void begun(struct vault_sweep *s, int rc)
{
	if (rc < 0)
		done(s, rc);
}

static void finish_erasing(void *ctx, int rc)
{
	struct vault_sweep *s = ctx;

	if (rc < 0)
		done(s, rc);
	else
		begun(s, vault_erase_in(s->vault, s->folder, str_c(current(s)->cv), on_removed, s));
}

static void on_erased_record(void *ctx, int rc, const struct spool_record *rec)
{
	struct vault_sweep *s = ctx;

	if (rc == -ENOENT || rc == -EBADMSG) {
		finish_erasing(s, 0);
	} else if (rc < 0) {
		done(s, rc);
	} else {
		s->record = *rec;
		begun(s, s->forget(s->forget_ctx, &s->record, finish_erasing, s));
	}
}

/* The mark says whose list it stands in. */
static void on_mark(void *ctx, int rc, struct str text)
{
	struct vault_sweep *s = ctx;

	if (rc < 0) {
		done(s, rc);
		return;
	}
	s->folder[0] = '\0';
	if (text.n < sizeof(s->folder) && str_starts(text, STR("users/"))) {
		memcpy(s->folder, text.p, text.n);
		s->folder[text.n] = '\0';
	}
	begun(s, vault_read_record(s->vault, str_c(current(s)->cv), on_erased_record, s));
}

static void on_mark_emptied(void *ctx, int rc)
{
	struct vault_sweep *s = ctx;
	char key[VAULT_KEY_SIZE];

	if (rc < 0) {
		done(s, rc);
		return;
	}
	vault_mark_key(key, str_c(current(s)->cv));
	begun(s, vault_delete(s->vault, key, on_answered, s));
}

static void on_old_record(void *ctx, int rc, const struct spool_record *rec)
{
	struct vault_sweep *s = ctx;
	char folder[VAULT_KEY_SIZE] = "";

	if (rc == 0 && rec->created_ms >= s->now_ms - s->vault->cfg->worker_retention_days * DAY_MS)
		rc = -EEXIST;
	if (rc == 0)
		vault_user_folder(folder, str_c(rec->user));
	if (rc == 0 || rc == -EBADMSG)
		begun(s, vault_remove_in(s->vault, folder, str_c(current(s)->cv), on_removed, s));
	else
		done(s, rc);
}

static void on_cv_of_name(void *ctx, int rc, struct str unused)
{
	struct vault_sweep *s = ctx;
	char key[2 * VAULT_KEY_SIZE];

	snprintf(key, sizeof(key), "users/%s", current(s)->name);
	if (rc == -ENOENT)
		begun(s, vault_delete(s->vault, key, on_answered, s));
	else
		done(s, rc);
}

static void on_forgotten(void *ctx, int rc)
{
	struct vault_sweep *s = ctx;

	s->unforgotten -= rc >= 0;
	if (rc >= 0 && current(s)->modified_ms > s->forgetting_ms)
		s->forgetting_ms = current(s)->modified_ms;
	done(s, rc);
}

static int begin(struct vault_sweep *s, const struct chore *chore)
{
	struct str cv = str_c(chore->cv);
	char key[2 * VAULT_KEY_SIZE];

	switch (chore->task) {
	case FINISH_ERASING:
		vault_mark_key(key, cv);
		return vault_get(s->vault, key, VAULT_RECORD_MAX_BYTES, on_mark, s);
	case DROP_OLD_MARK:
		return vault_remove_in(s->vault, "", cv, on_mark_emptied, s);
	case DROP_REST:
		return vault_remove_in(s->vault, "", cv, on_done, s);
	case DROP_OLD_CV:
		return vault_read_record(s->vault, cv, on_old_record, s);
	case DROP_OLD_NAME:
		vault_cv_key(key, cv, ".json");
		return vault_head(s->vault, key, on_cv_of_name, s);
	case FORGET_HERE:
		return vault_forget_here(s->vault, chore->name, chore->modified_ms + SECOND_MS, on_forgotten, s);
	case DROP_OLD_WORD:
		snprintf(key, sizeof(key), "left/%s", chore->name);
		return vault_delete(s->vault, key, on_answered, s);
	}
	abort();
}

static void do_next(struct vault_sweep *s)
{
	int rc;

	if (s->next == s->n || s->stopped) {
		finish(s, 0);
		return;
	}
	rc = begin(s, &s->chores[s->next++]);
	if (rc < 0)
		finish(s, rc);
}

static void add(struct vault_sweep *s, enum task task, const char *cv, const struct vault_name *name)
{
	struct chore *chore = &s->chores[s->n++];

	chore->task = task;
	snprintf(chore->cv, sizeof(chore->cv), "%s", cv);
	if (name) {
		memcpy(chore->name, name->name, sizeof(chore->name));
		chore->modified_ms = name->modified_ms;
	}
}

static bool is_old(const struct vault_sweep *s, int64_t ms, int64_t limit_ms)
{
	return !s->keeps && ms < s->now_ms - limit_ms;
}

static void pick_name(struct vault_sweep *s, const struct vault_name *name)
{
	const struct config *cfg = s->vault->cfg;
	const char *slash = strchr(name->name, '/');
	char cv[ID_MAX + 1];

	if (s->place == PLACE_MARKS && vault_name_cv(name->name, ".erased", cv)) {
		if (name->bytes != sizeof(VAULT_ERASED) - 1)
			add(s, FINISH_ERASING, cv, name);
		else if (is_old(s, name->modified_ms, cfg->worker_upload_expire_ms))
			add(s, DROP_OLD_MARK, cv, name);
	} else if (s->place == PLACE_LEFT) {
		if (is_old(s, name->modified_ms, cfg->worker_upload_expire_ms)) {
			add(s, DROP_OLD_WORD, "", name);
		} else if (name->modified_ms > s->forgot_ms || name->modified_ms > s->now_ms - LATE_WORD_MS) {
			add(s, FORGET_HERE, "", name);
			s->unforgotten++;
		}
	} else if (s->place == PLACE_USERS && slash && vault_name_cv(slash + 1, ".cv", cv)) {
		if (is_old(s, name->modified_ms, cfg->worker_retention_days * DAY_MS))
			add(s, DROP_OLD_NAME, cv, name);
	}
}

/* The record is written again when the CV begins again; its file never. */
static void pick_cv(struct vault_sweep *s, const struct vault_cv *cv)
{
	const struct config *cfg = s->vault->cfg;

	if (!cv->has_record && is_old(s, cv->newest_ms, cfg->worker_upload_expire_ms))
		add(s, DROP_REST, cv->cv, NULL);
	else if (cv->has_record && is_old(s, cv->oldest_ms, cfg->worker_retention_days * DAY_MS))
		add(s, DROP_OLD_CV, cv->cv, NULL);
}

/* A page has come: the next turn is for another place, and this place then goes on behind `last`. */
static bool turn_page(struct vault_sweep *s, size_t n, const char *last)
{
	snprintf(s->after[s->place], VAULT_KEY_SIZE, "%s", last);
	s->n = s->next = 0;
	s->chores = calloc(n + 1, sizeof(*s->chores));
	return s->chores != NULL;
}

static void leave_page(struct vault_sweep *s)
{
	s->place = (s->place + 1) % PLACES;
	do_next(s);
}

static void on_names(void *ctx, int rc, const struct vault_name *names, size_t n, bool more)
{
	struct vault_sweep *s = ctx;

	if (rc == 0 && !turn_page(s, n, more && n ? names[n - 1].name : ""))
		rc = -ENOMEM;
	if (rc < 0) {
		finish(s, rc);
		return;
	}
	for (size_t i = 0; i < n; i++)
		pick_name(s, &names[i]);
	leave_page(s);
}

static void on_cvs(void *ctx, int rc, const struct vault_cv *cvs, size_t n, bool more)
{
	struct vault_sweep *s = ctx;

	if (rc == 0 && !turn_page(s, n, more && n ? cvs[n - 1].cv : ""))
		rc = -ENOMEM;
	if (rc < 0) {
		finish(s, rc);
		return;
	}
	for (size_t i = 0; i < n; i++)
		pick_cv(s, &cvs[i]);
	leave_page(s);
}

/* A walk that missed some is done again. */
static void begin_forgetting(struct vault_sweep *s)
{
	if (s->unforgotten == 0)
		s->forgot_ms = s->forgetting_ms;
	s->forgetting_ms = s->forgot_ms;
	s->unforgotten = 0;
}

int vault_sweep_turn(struct vault_sweep *s, int64_t now_ms, bool keeps, vault_fn *fn, void *ctx)
{
	const char *after = s->after[s->place];

	if (s->place == PLACE_LEFT && !*after)
		begin_forgetting(s);
	s->now_ms = now_ms;
	s->keeps = keeps;
	s->removed = 0;
	s->fn = fn;
	s->ctx = ctx;
	if (s->place == PLACE_CVS)
		return vault_list(s->vault, after, on_cvs, s);
	return vault_list_names(s->vault, folders[s->place], after, on_names, s);
}
