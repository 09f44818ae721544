/* See intake.h. Here: each synced file is compared, committed and accepted, some at a time, then the batch is closed and the
 * one answer given. A file that cannot be accepted leaves the spool again before the answer. */
#include <errno.h>

#include "accept.h"
#include "clock.h"
#include "hash_index.h"
#include "intake.h"
#include "json_member.h"
#include "log.h"
#include "metrics.h"
#include "spool_jobs.h"

#define PLACING_MAX 8
#define SUMMARY_MAX_BYTES 16384
#define ANSWER_MAX_BYTES (4 * 1024 * 1024)
#define RESULT_URL_SIZE (sizeof(API_BASE) + sizeof("/cvs/") + ID_MAX)

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
		call_json(call, 202, &body);
		buf_free(&body);
	} else {
		const struct intake_problem *problem = &in->files->problem;

		call_problem(call, problem->status, problem->code, problem->sentence);
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

static void refuse(struct intake_file *file, struct intake_problem problem)
{
	intake_file_refuse(file, problem);
	placed(file);
}

static void on_removed(void *ctx, int rc)
{
	struct intake_file *file = ctx;

	if (rc < 0)
		LOG(ERROR, "upload_not_removed", LOG_TEXT("cv", file->record.cv), LOG_ERRNO(rc));
	refuse(file, file->problem);
}

/* The file is in the spool already. */
static void take_back(struct intake_file *file, struct intake_problem problem)
{
	struct worker *w = file->intake->call->worker;

	file->problem = problem;
	if (spool_job_remove(w->loop, w->spool, str_c(file->record.cv), on_removed, file) < 0)
		on_removed(file, -ENOMEM);
}

static void accepted(struct intake_file *file)
{
	intake_file_set_state(file, FILE_ACCEPTED);
	metrics_add(METRIC_uploads_accepted, 1);
	metrics_add(METRIC_upload_bytes, file->record.bytes);
	placed(file);
}

static void on_accepted(void *ctx, const struct accept_result *result)
{
	struct intake_file *file = ctx;
	struct worker *w = file->intake->call->worker;

	switch (result->answer) {
	case ACCEPT_OK:
	case ACCEPT_SAME:
	case ACCEPT_OVER:
		hash_index_put(w->redis, w->cfg, str_c(file->record.user), file->record.sha256, str_c(file->record.cv));
		accepted(file);
		if (w->pipeline)
			pipeline_kick(w->pipeline);
		break;
	case ACCEPT_FULL:
		take_back(file, PROBLEM(503, "queue_full", "too many files wait already; please try again later"));
		break;
	case ACCEPT_USER_FULL:
		take_back(file, PROBLEM(429, "too_many_pending", "too many of your files wait already; please try again when some have ended"));
		break;
	case ACCEPT_DRAINING:
		take_back(file, PROBLEM(503, "draining", "no new files are taken for now; please try again later"));
		break;
	case ACCEPT_UNAVAILABLE:
		take_back(file, intake_problem_of(-ENOTCONN));
		break;
	}
}

static void give_to_queue(struct intake_file *file)
{
	const struct spool_record *rec = &file->record;
	struct worker *w = file->intake->call->worker;
	struct queue_job job = {
		.user = str_c(rec->user), .batch = str_c(rec->batch), .cv = str_c(rec->cv), .filename = str_c(rec->filename),
		.sha256 = str_c(rec->sha256), .bytes = rec->bytes, .priority = rec->priority, .attempt = rec->attempt,
	};
	int rc = accept_cv(w->queue, &w->publisher, &job, false, on_accepted, file);

	if (rc < 0)
		take_back(file, intake_problem_of(rc));
}

static void on_duplicate_published(void *ctx, const struct publish_answer *answer)
{
	struct intake_file *file = ctx;

	if (answer->verdict == PUBLISH_NO_ANSWER || answer->verdict == PUBLISH_REFUSED)
		take_back(file, intake_problem_of(-ENOTCONN));
	else
		accepted(file);
}

/* Received and completed at once: its result is the older one's. */
static void publish_duplicate(struct intake_file *file)
{
	const struct spool_record *rec = &file->record;
	const struct publisher *p = &file->intake->call->worker->publisher;
	char url[RESULT_URL_SIZE];
	struct cv_frame frame = {
		.user = str_c(rec->user), .batch = str_c(rec->batch), .cv = str_c(rec->cv), .filename = str_c(rec->filename),
		.status = CV_queued, .stage = STAGE_received, .attempt = 1, .message = str_c(cv_stage_sentence(STAGE_received)),
	};
	int rc = publish_cv(p, &frame, NULL, NULL);

	snprintf(url, sizeof(url), API_BASE "/cvs/%s", rec->cv);
	frame.status = CV_completed;
	frame.stage = STAGE_deliver;
	frame.progress = 100;
	frame.message = STR("This file was read before; here is its result");
	frame.result_url = str_c(url);
	frame.result_json = buf_str(&file->summary);
	frame.duplicate_of = str_c(rec->duplicate_of);
	if (rc == 0)
		rc = publish_cv(p, &frame, on_duplicate_published, file);
	if (rc < 0)
		take_back(file, intake_problem_of(rc));
}

void intake_file_committed(void *ctx)
{
	struct intake_file *file = ctx;

	receive_free(file->receive);
	file->receive = NULL;
	if (*file->record.duplicate_of)
		publish_duplicate(file);
	else
		give_to_queue(file);
}

void intake_file_commit_failed(struct intake_file *file, int rc)
{
	refuse(file, intake_problem_of(rc));
}

static void commit(struct intake_file *file)
{
	receive_commit(file->receive, &file->record);
}

/* The older CV's newest frame: only a completed one has a result to share. */
static void on_older_frame(void *ctx, const struct redisReply *reply)
{
	struct intake_file *file = ctx;
	struct str frame = reply_str(reply), summary = json_member(frame, "result");

	if (!str_eq(json_member(frame, "status"), STR("\"completed\"")))
		file->record.duplicate_of[0] = '\0';
	else if (summary.n <= SUMMARY_MAX_BYTES)
		buf_adds(&file->summary, summary);
	commit(file);
}

static int ask_older_frame(struct intake_file *file, struct str cv)
{
	struct worker *w = file->intake->call->worker;
	struct spool_record older;
	char key[KEY_SIZE];

	if (!id_valid(cv) || spool_record_read(w->spool, cv, &older) < 0 || strcmp(older.user, file->record.user) != 0)
		return -ENOENT;
	memcpy(file->record.duplicate_of, older.cv, sizeof(older.cv));
	key_batch(key, w->cfg->redis_key_form, str_c(older.user), str_c(older.batch), ":cvs");
	return REDIS_COMMAND(w->redis, on_older_frame, file, STR("HGET"), str_c(key), cv);
}

static void on_index(void *ctx, const struct redisReply *reply)
{
	struct intake_file *file = ctx;

	if (reply_kind(reply) == REPLY_LOST || reply_kind(reply) == REPLY_ERROR) {
		refuse(file, intake_problem_of(-ENOTCONN));
	} else if (ask_older_frame(file, reply_str(reply)) < 0) {
		file->record.duplicate_of[0] = '\0';
		commit(file);
	}
}

/* -errno: it was not begun. */
static int place(struct intake_file *file)
{
	struct intake *in = file->intake;
	struct worker *w = in->call->worker;
	struct spool_record *rec = &file->record;

	intake_file_set_state(file, FILE_PLACING);
	buf_init(&file->summary, SUMMARY_MAX_BYTES);
	memcpy(rec->user, in->call->who.user, sizeof(rec->user));
	memcpy(rec->batch, in->batch, sizeof(rec->batch));
	rec->created_ms = clock_wall_ms();
	rec->priority = in->priority;
	rec->attempt = 1;
	if (in->force) {
		commit(file);
		return 0;
	}
	return hash_index_find(w->redis, w->cfg, str_c(rec->user), rec->sha256, on_index, file);
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
			intake_file_refuse(file, intake_problem_of(rc));
		else
			in->placing++;
	}
	if (in->placing == 0)
		all_placed(in);
}

void intake_place(struct intake *in)
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
