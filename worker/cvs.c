/* Calls that look at one CV: its state with its result, and its file. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "cv_call.h"
#include "filename.h"
#include "json_member.h"
#include "vault.h"

#define ANSWER_MAX_BYTES (16 * 1024 * 1024)

static void write_timings(struct buf *out, const struct spool_record *rec, struct str frame)
{
	char received[ISO8601_SIZE];
	struct str updated = json_member(frame, "ts"), stages;

	clock_iso8601(rec->created_ms, received);
	buf_addf(out, ",\"timings\":{\"received\":\"%s\"", received);
	if (updated.p)
		buf_addf(out, ",\"updated\":" STR_FMT, STR_ARG(updated));
	stages = json_member(json_member(frame, "result"), "timings");
	if (stages.p)
		buf_addf(out, ",\"stages\":" STR_FMT, STR_ARG(stages));
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

/* If-None-Match: whether one of its tags is this one; weak ones count too (RFC 9110, 13.1.2). */
static bool is_known(struct str header, struct str tag)
{
	while (header.n) {
		struct str one = str_trim(str_cut(&header, ','));

		if (str_starts(one, STR("W/")))
			one = str_skip(one, 2);
		if (str_eq(one, tag) || str_eq(one, STR("*")))
			return true;
	}
	return false;
}

/* What is said of a CV changes with its newest event. Without one (it is long over, or not yet begun) the record stands for it. */
static bool not_modified(struct call *call, const struct cv_call *cv)
{
	struct str id = json_member(buf_str(&cv->frame), "id");
	char text[96];
	struct str tag = id;

	if (id.n < 2) {
		int n = snprintf(text, sizeof(text), "\"%lld-%d\"", (long long)cv->record.created_ms, cv->record.attempt);

		tag = str_of(text, (size_t)n);
	}
	call_header(call, "ETag", tag);
	if (!call->request || !is_known(request_field(call->request, "if-none-match"), tag))
		return false;
	call_empty(call, 304);
	return true;
}

static void on_result(void *ctx, int rc, struct str json)
{
	struct call *call = ctx;
	struct buf body;

	buf_init(&body, ANSWER_MAX_BYTES);
	write_state(&body, cv_call_of(call));
	buf_addz(&body, ",\"resume\":");
	buf_adds(&body, json);
	buf_addz(&body, "}");
	if (rc < 0)
		call_failed(call, rc == -ENOENT ? -EIO : rc);
	else
		call_json(call, 200, &body);
	buf_free(&body);
	call_release(call);
}

static void add_result(struct call *call)
{
	struct worker *w = call->worker;
	struct str cv = str_c(cv_call_of(call)->record.cv);
	struct buf json;
	int rc = 0;

	call_hold(call);
	if (w->vault) {
		rc = vault_read_result(w->vault, cv, on_result, call);
		if (rc < 0)
			on_result(call, rc, STR(""));
		return;
	}
	buf_init(&json, ANSWER_MAX_BYTES);
	rc = spool_result_read(w->spool, cv, &json);
	on_result(call, rc, buf_str(&json));
	buf_free(&json);
}

static void answer_state(struct call *call)
{
	struct cv_call *cv = call->state;
	struct buf body;

	if (not_modified(call, cv))
		return;
	if (cv->known.status == CV_completed) {
		add_result(call);
		return;
	}
	buf_init(&body, ANSWER_MAX_BYTES);
	write_state(&body, cv);
	buf_addz(&body, "}");
	call_json(call, 200, &body);
	buf_free(&body);
}

void cvs_get(struct call *call)
{
	cv_call_begin(call, answer_state);
}

static void give_file(struct call *call, int fd, int64_t bytes)
{
	struct buf disposition;

	buf_init(&disposition, 8 * FILENAME_SIZE);
	filename_disposition(cv_call_of(call)->record.filename, &disposition);
	call_header(call, "Content-Disposition", buf_str(&disposition));
	call_file(call, fd, bytes);
	buf_free(&disposition);
}

/* fd: of the file, or -errno. */
static void on_file(void *ctx, int fd)
{
	struct call *call = ctx;
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0) {
		give_file(call, fd, st.st_size);
	} else {
		call_failed(call, fd < 0 ? fd : -errno);
		if (fd >= 0)
			close(fd);
	}
	call_release(call);
}

static void answer_file(struct call *call)
{
	struct worker *w = call->worker;
	const struct spool_record *rec = &cv_call_of(call)->record;
	int rc = 0;

	if (w->vault && !*rec->url && call->request && call->request->method == HTTP_HEAD) {
		give_file(call, -1, rec->bytes); /* which need not come for that */
		return;
	}
	call_hold(call);
	if (!w->vault)
		on_file(call, spool_open(w->spool, str_c(rec->cv)));
	else
		rc = *rec->url ? -ENOENT : vault_open_file(w->vault, rec, on_file, call);
	if (rc < 0)
		on_file(call, rc);
}

void cvs_file(struct call *call)
{
	cv_call_record(call, answer_file);
}
