/* See intake.h. Here: each synced file is placed (place.h), some at a time, then the batch is closed and the one answer given. */
#include "intake.h"

#include <errno.h>

#include "once.h"

#define PLACING_MAX 8
#define ANSWER_MAX_BYTES (4 * 1024 * 1024)

static void place_some(struct intake *in);

static void answer(struct intake *in)
{
	const struct intake_file *file = in->files;
	struct call *call = in->call;
	struct buf body;

	while (file && file->state != FILE_ACCEPTED)
		file = file->next;
	intake_set_state(in, INTAKE_OVER);
	if (file) {
		buf_init(&body, ANSWER_MAX_BYTES);
		intake_write_answer(in, &body);
		if (*call->once && !body.failed)
			once_keep(call, INTAKE_ONCE, buf_str(&body));
		call_json(call, 202, &body);
		buf_free(&body);
	} else {
		if (*call->once)
			once_forget(call->worker->redis, call->worker->cfg, str_c(call->who.user), INTAKE_ONCE, call->once);
		call_refuse(call, &in->files->problem);
	}
	call_release(call);
}

/* When it was not heard, the batch is closed by the sweep once it lies idle. */
static void on_closed(void *ctx, const struct publish_answer *unused)
{
	answer(ctx);
}

static bool any_accepted(const struct intake *in)
{
	for (const struct intake_file *file = in->files; file; file = file->next)
		if (file->state == FILE_ACCEPTED)
			return true;
	return false;
}

static void all_placed(struct intake *in)
{
	struct call *call = in->call;

	if (in->own_batch && any_accepted(in) &&
	    publish_batch(&call->worker->publisher, str_c(call->who.user), str_c(in->batch), BATCH_CLOSE, 0, on_closed, in) == 0)
		return;
	answer(in);
}

static void placed(struct intake_file *file)
{
	struct intake *in = file->intake;

	in->placing--;
	place_some(in);
}

static void on_placed(void *ctx, const struct problem *problem)
{
	struct intake_file *file = ctx;

	if (problem)
		intake_file_refuse(file, *problem);
	else
		intake_file_set_state(file, FILE_ACCEPTED);
	placed(file);
}

static void commit(void *ctx, struct placement *placement, struct spool_record *rec)
{
	struct intake_file *file = ctx;

	file->placement = placement;
	receive_commit(file->receive, rec);
}

void intake_file_committed(void *ctx)
{
	struct intake_file *file = ctx;

	receive_free(file->receive);
	file->receive = NULL;
	placement_committed(file->placement, 0);
}

/* With a vault the spool's part is over when the store has the file: it is held by its descriptor, and its name goes. */
static int open_file(void *ctx)
{
	struct intake_file *file = ctx;
	int fd = receive_open(file->receive);

	receive_free(file->receive);
	file->receive = NULL;
	return fd;
}

/* -errno: it was not begun. */
static int place(struct intake_file *file)
{
	static const struct placement_owner owner = { commit, open_file, VAULT_NEW, on_placed };
	struct intake *in = file->intake;
	struct spool_record *rec = &file->record;

	intake_file_set_state(file, FILE_PLACING);
	memcpy(rec->user, in->call->who.user, sizeof(rec->user));
	memcpy(rec->batch, in->batch, sizeof(rec->batch));
	memcpy(rec->once, in->call->once, sizeof(rec->once));
	rec->priority = in->priority;
	return placement_begin(in->call->worker, rec, in->force, &owner, file);
}

static struct intake_file *next_synced(struct intake *in)
{
	struct intake_file *file = in->files;

	while (file && file->state != FILE_SYNCED)
		file = file->next;
	return file;
}

static void place_some(struct intake *in)
{
	struct intake_file *file;

	while (in->placing < PLACING_MAX && (file = next_synced(in))) {
		int rc = place(file);

		if (rc < 0)
			intake_file_refuse(file, problem_of(rc));
		else
			in->placing++;
	}
	if (in->placing == 0)
		all_placed(in);
}

static void begin_placing(struct intake *in)
{
	char id[ID_NEW_SIZE];

	intake_set_state(in, INTAKE_PLACING);
	in->own_batch = !*in->batch;
	if (in->own_batch) {
		id_new('b', id);
		memcpy(in->batch, id, sizeof(id));
	}
	place_some(in);
}

/* Another request with this key was quicker: its answer, or that it is not known yet. */
static void give_way(struct intake *in, struct str answer)
{
	if (str_eq(answer, STR(INTAKE_ONCE_PENDING)))
		intake_refuse(in, (struct problem){ 409, "in_progress", "another upload with this Idempotency-Key is not over yet", 0 });
	else
		intake_answer_again(in, answer);
}

static void on_claimed(void *ctx, const struct redisReply *reply)
{
	struct intake *in = ctx;
	struct call *call = in->call;

	if (reply_kind(reply) == REPLY_NIL) {
		begin_placing(in);
		return;
	}
	if (reply_kind(reply) == REPLY_STRING)
		give_way(in, reply_str(reply));
	else
		intake_refuse(in, problem_of(-ENOTCONN));
	call_release(call);
}

/* A crash before the answer is known leaves the key taken for this long. */
#define CLAIM_S 60

void intake_place(struct intake *in)
{
	struct call *call = in->call;
	int rc;

	if (!*call->once) {
		begin_placing(in);
		return;
	}
	rc = once_claim(call, INTAKE_ONCE, STR(INTAKE_ONCE_PENDING), CLAIM_S, on_claimed, in);
	if (rc < 0) {
		intake_refuse(in, problem_of(rc));
		call_release(call);
	}
}

void intake_write_answer(const struct intake *in, struct buf *out)
{
	const char *before = "";

	buf_addf(out, "{\"batch_id\":\"%s\",\"cvs\":[", in->batch);
	for (const struct intake_file *file = in->files; file; file = file->next) {
		if (file->state != FILE_ACCEPTED)
			continue;
		buf_addf(out, "%s{\"cv_id\":\"%s\",\"filename\":", before, file->record.cv);
		buf_add_json(out, str_c(file->record.filename));
		buf_addz(out, "}");
		before = ",";
	}
	before = "],\"problems\":[";
	for (const struct intake_file *file = in->files; file; file = file->next) {
		if (file->state != FILE_REFUSED)
			continue;
		buf_addf(out, "%s{\"filename\":", before);
		buf_add_json(out, str_c(file->record.filename));
		buf_addf(out, ",\"code\":\"%s\",\"message\":\"%s\"}", file->problem.code, file->problem.sentence);
		before = ",";
	}
	buf_addz(out, "]}");
}
