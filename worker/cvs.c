/* Calls about one CV: its state and result, its file, once more, away with it. A CV is the user's if its spool record says so;
 * what is known of its state is its newest frame in Redis. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "accept.h"
#include "calls.h"
#include "clock.h"
#include "filename.h"
#include "hash_index.h"
#include "json_member.h"
#include "spool_jobs.h"

#define ANSWER_MAX_BYTES (16 * 1024 * 1024)

struct cv_call {
	struct spool_record record;
	struct cv_state known;
	void (*then)(struct call *call);        /* with the newest frame */
	struct buf frame;
};

struct cv_state cv_state_of(struct str frame)
{
	struct str status = json_member(frame, "status");
	struct cv_state state = { .status = CV_queued, .attempt = 1 };
	uint64_t attempt;
	int known = -ENOENT;

	if (status.n > 2)
		known = cv_status_by_name(str_of(status.p + 1, status.n - 2));
	if (known >= 0)
		state.status = (enum cv_status)known;
	if (str_to_u64(json_member(frame, "attempt"), 1, INT32_MAX, &attempt) == 0)
		state.attempt = (int)attempt;
	return state;
}

static void on_free(struct call *call)
{
	struct cv_call *cv = call->state;

	buf_free(&cv->frame);
	free(cv);
}

static void on_frame(void *ctx, const struct redisReply *reply)
{
	struct call *call = ctx;
	struct cv_call *cv = call->state;

	if (reply_kind(reply) == REPLY_LOST || reply_kind(reply) == REPLY_ERROR) {
		call_failed(call, -ENOTCONN);
	} else {
		buf_adds(&cv->frame, reply_str(reply));
		cv->known = cv_state_of(buf_str(&cv->frame));
		cv->then(call);
	}
	call_release(call);
}

/* The record, if it is the user's; answers otherwise. */
static bool read_record(struct call *call, struct spool_record *out)
{
	int rc = spool_record_read(call->worker->spool, str_c(call->id), out);

	if (rc == 0 && strcmp(out->user, call->who.user) != 0)
		rc = -ENOENT;
	if (rc < 0)
		call_failed(call, rc);
	return rc == 0;
}

/* Goes on with `then` once record and frame are known; the call is held until it returns. */
static void with_frame(struct call *call, void (*then)(struct call *call))
{
	struct cv_call *cv = calloc(1, sizeof(*cv));
	char key[KEY_SIZE];
	int rc;

	if (!cv) {
		call_failed(call, -ENOMEM);
		return;
	}
	buf_init(&cv->frame, FRAME_MAX_BYTES);
	cv->then = then;
	call->state = cv;
	call->on_free = on_free;
	if (!read_record(call, &cv->record))
		return;
	call_hold(call);
	rc = REDIS_COMMAND(call->worker->redis, on_frame, call, STR("HGET"),
			   call_batch_key(call, key, str_c(cv->record.batch), ":cvs"), str_c(call->id));
	if (rc < 0) {
		call_failed(call, rc);
		call_release(call);
	}
}

/* "name":value as it stands in the object, if it does. */
void copy_member(struct buf *out, struct str object, const char *name)
{
	struct str value = json_member(object, name);

	if (value.p)
		buf_addf(out, ",\"%s\":" STR_FMT, name, STR_ARG(value));
}

static void write_timings(struct buf *out, const struct spool_record *rec, struct str frame)
{
	char received[ISO8601_SIZE];
	struct str updated = json_member(frame, "ts");

	clock_iso8601(rec->created_ms, received);
	buf_addf(out, ",\"timings\":{\"received\":\"%s\"", received);
	if (updated.p)
		buf_addf(out, ",\"updated\":" STR_FMT, STR_ARG(updated));
	buf_addz(out, "}");
}

static void write_state(struct buf *out, const struct cv_call *cv)
{
	static const char *const members[] = { "stage", "message", "error", "duplicate_of" };
	struct str frame = buf_str(&cv->frame), progress = json_member(frame, "progress");

	buf_addf(out, "{\"cv_id\":\"%s\",\"batch_id\":\"%s\",\"filename\":", cv->record.cv, cv->record.batch);
	buf_add_json(out, str_c(cv->record.filename));
	buf_addf(out, ",\"status\":\"%s\",\"progress\":" STR_FMT ",\"attempt\":%d", cv_status_name(cv->known.status),
		 STR_ARG(progress.p ? progress : STR("0")), cv->known.attempt);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		copy_member(out, frame, members[i]);
	copy_member(out, json_member(frame, "result"), "warnings");
	write_timings(out, &cv->record, frame);
}

static void answer_state(struct call *call)
{
	struct cv_call *cv = call->state;
	struct buf body;
	int rc = 0;

	buf_init(&body, ANSWER_MAX_BYTES);
	write_state(&body, cv);
	if (cv->known.status == CV_completed) {
		buf_addz(&body, ",\"resume\":");
		rc = spool_result_read(call->worker->spool, str_c(cv->record.cv), &body);
	}
	buf_addz(&body, "}");
	if (rc < 0)
		call_failed(call, rc == -ENOENT ? -EIO : rc);
	else
		call_json(call, 200, &body);
	buf_free(&body);
}

void cvs_get(struct call *call)
{
	with_frame(call, answer_state);
}

void cvs_file(struct call *call)
{
	struct spool_record rec;
	struct buf disposition;
	struct stat st;
	int fd;

	if (!read_record(call, &rec))
		return;
	fd = spool_open(call->worker->spool, str_c(rec.cv));
	if (fd < 0 || fstat(fd, &st) < 0) {
		call_failed(call, fd < 0 ? fd : -errno);
		return;
	}
	buf_init(&disposition, 8 * FILENAME_SIZE);
	filename_disposition(rec.filename, &disposition);
	struct http_header headers[] = {
		{ "Content-Disposition", buf_str(&disposition) },
		{ "X-Content-Type-Options", STR("nosniff") },
		{ "Content-Security-Policy", STR("sandbox; default-src 'none'") },
		{ "Cache-Control", STR("private, no-store") },
	};
	request_respond_file(call->request, 200, "application/octet-stream", fd, 0, st.st_size, headers, 4);
	buf_free(&disposition);
}

static void on_retry_accepted(void *ctx, const struct accept_result *result)
{
	struct call *call = ctx;
	struct cv_call *cv = call->state;
	struct buf body;

	if (result->answer == ACCEPT_OK || result->answer == ACCEPT_SAME) {
		buf_init(&body, 1024);
		buf_addf(&body, "{\"cv_id\":\"%s\",\"batch_id\":\"%s\",\"attempt\":%d}", cv->record.cv, cv->record.batch, cv->record.attempt);
		call_json(call, 202, &body);
		buf_free(&body);
		if (call->worker->pipeline)
			pipeline_kick(call->worker->pipeline);
	} else if (result->answer == ACCEPT_OVER) {
		call_problem(call, 409, "conflict", "this CV has been tried again already");
	} else if (result->answer == ACCEPT_USER_FULL) {
		call_problem(call, 429, "too_many_pending", "too many of your files wait already; please try again when some have ended");
	} else {
		call_failed(call, -ENOTCONN);
	}
	call_release(call);
}

static void on_restarted(void *ctx, int rc)
{
	struct call *call = ctx;
	const struct spool_record *rec = &((struct cv_call *)call->state)->record;
	struct queue_job job = {
		.user = str_c(rec->user), .batch = str_c(rec->batch), .cv = str_c(rec->cv), .filename = str_c(rec->filename),
		.sha256 = str_c(rec->sha256), .bytes = rec->bytes, .priority = rec->priority, .attempt = rec->attempt,
	};

	if (rc == 0)
		rc = accept_cv(call->worker->queue, &call->worker->publisher, &job, false, on_retry_accepted, call);
	if (rc < 0) {
		call_failed(call, rc);
		call_release(call);
	}
}

static void retry(struct call *call)
{
	struct cv_call *cv = call->state;
	struct worker *w = call->worker;
	int rc;

	if (!cv_status_terminal(cv->known.status)) {
		call_problem(call, 409, "conflict", "this CV has not ended yet");
		return;
	}
	cv->record.attempt = cv->known.attempt + 1;
	cv->record.duplicate_of[0] = '\0';
	call_hold(call);
	rc = spool_job_restart(w->loop, w->spool, &cv->record, on_restarted, call);
	if (rc < 0)
		on_restarted(call, rc);
}

void cvs_retry(struct call *call)
{
	with_frame(call, retry);
}

static void on_removed(void *ctx, int rc)
{
	struct call *call = ctx;
	const struct spool_record *rec = &((struct cv_call *)call->state)->record;

	if (rc < 0) {
		call_failed(call, rc);
	} else {
		hash_index_remove(call->worker->redis, call->worker->cfg, str_c(rec->user), rec->sha256);
		call_empty(call, 204);
	}
	call_release(call);
}

static void on_dropped(void *ctx, enum queue_answer answer)
{
	struct call *call = ctx;
	const struct spool_record *rec = &((struct cv_call *)call->state)->record;
	struct worker *w = call->worker;
	char key[KEY_SIZE];
	int rc = answer == QUEUE_no_answer ? -ENOTCONN : 0;

	/* A running one keeps its `cancelled` frame, so that what it still says is dropped as a duplicate. */
	if (rc == 0 && answer != QUEUE_running)
		REDIS_COMMAND(w->redis, NULL, NULL, STR("HDEL"), call_batch_key(call, key, str_c(rec->batch), ":cvs"), str_c(rec->cv));
	if (rc == 0)
		rc = spool_job_remove(w->loop, w->spool, str_c(rec->cv), on_removed, call);
	if (rc < 0)
		on_removed(call, rc);
}

static void on_cancelled(void *ctx, const struct publish_answer *answer)
{
	struct call *call = ctx;
	const struct spool_record *rec = &((struct cv_call *)call->state)->record;
	int rc = answer->verdict == PUBLISH_NO_ANSWER ? -ENOTCONN : 0;

	if (rc == 0)
		rc = queue_drop(call->worker->queue, str_c(rec->user), str_c(rec->cv), on_dropped, call);
	if (rc < 0) {
		call_failed(call, rc);
		call_release(call);
	}
}

static void erase(struct call *call)
{
	struct cv_call *cv = call->state;
	int rc;

	call_hold(call);
	if (cv_status_terminal(cv->known.status))
		rc = queue_drop(call->worker->queue, str_c(cv->record.user), str_c(cv->record.cv), on_dropped, call);
	else
		rc = publish_cancelled(call, str_c(cv->record.batch), str_c(cv->record.cv), buf_str(&cv->frame), on_cancelled, call);
	if (rc < 0) {
		call_failed(call, rc);
		call_release(call);
	}
}

void cvs_delete(struct call *call)
{
	with_frame(call, erase);
}
