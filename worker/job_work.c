/* See job.h. Here: what is done for a job. Its file is read by the extractor, the result stored by a thread, and every stage
 * reported. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "extractor.h"
#include "job_state.h"
#include "json_member.h"
#include "keys.h"
#include "log.h"
#include "metrics.h"
#include "pace.h"

/* How far a CV is at the beginning of each stage; reading takes most of the time, or half of it when the result then goes to
 * the operator's processor (job_hook.c). */
#define PROGRESS_EXTRACT 5
#define PROGRESS_PARSE 85
#define PROGRESS_PARSE_HALF 48
#define PROGRESS_DELIVER 95
#define EXTRACTOR_PARSES_FROM 90        /* of the extractor's percent: before it reads, from here on it parses */
#define SUMMARY_MAX_BYTES 16384         /* a longer one is left out of the event */
#define TIMINGS_MAX_BYTES 512

/* Redis is slow: it need not be told every page, only where this stands when it has answered. */
static void hold_report(struct job *job, int progress, struct str message)
{
	if (message.n >= sizeof(job->held_message))
		return;
	job->report_held = true;
	job->held_progress = progress;
	memcpy(job->held_message, message.p, message.n);
	job->held_message[message.n] = '\0';
}

static void report_held(struct job *job)
{
	char message[sizeof(job->held_message)];

	if (!job->report_held || job->state >= JOB_STORING)
		return;
	memcpy(message, job->held_message, sizeof(message));
	job_report(job, job->stage, job->held_progress, str_c(message));
}

static void on_reported(void *ctx, const struct publish_answer *answer)
{
	struct job *job = ctx;

	job->event_unanswered = false;
	switch (answer->verdict) {
	case PUBLISH_stale:             /* a newer attempt is there */
	case PUBLISH_duplicate:
	case PUBLISH_erased:
		job_end(job, JOB_END_over, ERR_NONE);
		break;
	default:
		report_held(job);
		break;
	}
	job_call_done(job);
}

void job_report(struct job *job, enum cv_stage stage, int progress, struct str message)
{
	struct cv_frame frame;

	job->moved_us = clock_monotonic_us();
	if (job->event_unanswered && stage == job->stage) {
		hold_report(job, progress, message);
		return;
	}
	job->report_held = false;
	job->stage = stage;
	job->progress = progress;
	job_fill_frame(job, &frame);
	frame.status = CV_processing;
	frame.message = message;
	frame.early_json = str_c(job->early);
	frame.eta_ms = pace_eta_ms(job->owner->pace, job->moved_us - job->leased_us, progress);
	job->calls++;
	if (publish_cv(job->owner->parts->publisher, &frame, on_reported, job) < 0)
		job->calls--;
	else
		job->event_unanswered = true;
}

static void enter_stage(struct job *job, enum cv_stage stage, int progress)
{
	job_report(job, stage, progress, str_c(cv_stage_sentence(stage)));
}

static const struct {
	const char *name;
	enum histogram histogram;
} steps[STEP_COUNT] = {
#define JOB_STEP(name, help) [STEP_##name] = { #name, HISTOGRAM_step_##name },
#include "job_steps.def"
#undef JOB_STEP
};

void job_enter_step(struct job *job, enum job_step step)
{
	int64_t now_us = clock_monotonic_us();

	if (step == job->step)
		return;
	if (job->step != STEP_COUNT) {
		job->spent_us[job->step] += now_us - job->step_us;
		metrics_observe_us(steps[job->step].histogram, now_us - job->step_us);
	}
	job->step = step;
	job->step_us = now_us;
}

void job_add_timings(struct job *job, struct buf *object)
{
	const char *comma = "";

	if (object->n < 2)
		return;
	object->n--; /* its brace */
	buf_addz(object, object->p[object->n - 1] == '{' ? "\"timings\":{" : ",\"timings\":{");
	for (int i = 0; i < STEP_COUNT; i++) {
		if (!job->spent_us[i])
			continue;
		buf_addf(object, "%s\"%s_ms\":%lld", comma, steps[i].name, (long long)(job->spent_us[i] / 1000));
		comma = ",";
	}
	buf_addz(object, "}}");
}

static void store(uv_work_t *work)
{
	struct job *job = work->data;

	job->store_result = spool_result_write(job->owner->parts->spool, str_c(job->cv), buf_str(&job->resume));
}

void job_result_kept(struct job *job, int rc)
{
	if (job->state == JOB_STORING && rc < 0) {
		LOG(ERROR, "result_not_stored", LOG_TEXT("cv", job->cv), LOG_ERRNO(rc));
		if (job->owner->parts->vault || rc == -ENOENT) /* it was erased meanwhile */
			job_fail_storage(job, rc);
		else
			job_fail(job, ERR_internal);
	} else if (job->state == JOB_STORING) {
		job_enter_step(job, STEP_COUNT);
		job_add_timings(job, &job->summary);
		job_end(job, JOB_END_completed, ERR_NONE);
	}
	job_call_done(job);
}

static void on_stored(uv_work_t *work, int status)
{
	struct job *job = work->data;

	job_result_kept(job, job->store_result);
}

void job_begin_storing(struct job *job)
{
	job_enter_step(job, STEP_deliver);
	job_set_state(job, JOB_STORING);
	enter_stage(job, STAGE_deliver, PROGRESS_DELIVER);
	job->storing.data = job;
	job->calls++;
	if (!job->owner->parts->vault)
		uv_queue_work(job->owner->parts->loop, &job->storing, store, on_stored);
	else
		job_keep_result(job);
}

static bool keep_result(struct job *job, struct str json)
{
	struct str resume = json_member(json, "resume"), summary = json_member(json, "result"), text = json_member(json, "text");

	buf_init(&job->resume, resume.n + 1);
	buf_adds(&job->resume, resume);
	buf_init(&job->summary, SUMMARY_MAX_BYTES);
	if (summary.n < SUMMARY_MAX_BYTES - TIMINGS_MAX_BYTES)
		buf_adds(&job->summary, summary);
	if (*job->owner->parts->cfg->processor_url) {
		buf_init(&job->text, text.n + 1);
		buf_adds(&job->text, text);
	}
	return !job->resume.failed && !job->summary.failed && !job->text.failed;
}

static int parse_progress(const struct job *job)
{
	return *job->owner->parts->cfg->processor_url ? PROGRESS_PARSE_HALF : PROGRESS_PARSE;
}

static void on_read(void *ctx, enum error_code code, struct str json)
{
	struct job *job = ctx;

	job->reading = NULL;
	if (job->state == JOB_READING) {
		if (code != ERR_NONE) {
			job_fail(job, code);
		} else if (!keep_result(job, json)) {
			job_fail(job, ERR_internal);
		} else {
			if (job->stage < STAGE_parse)
				enter_stage(job, STAGE_parse, parse_progress(job));
			job_begin_processing(job);
		}
	}
	job_call_done(job);
}

/* In the lane of text there is no time for pictures. */
static void on_needs_ocr(void *ctx)
{
	struct job *job = ctx;

	job->reading = NULL;
	if (job->state == JOB_READING)
		job_end(job, JOB_END_moved, ERR_NONE);
	job_call_done(job);
}

static enum cv_stage reading_stage(const struct job *job)
{
	return job->owner->task == TASK_READ_PICTURES ? STAGE_ocr : STAGE_extract;
}

static void on_read_progress(void *ctx, int percent, struct str message)
{
	struct job *job = ctx;

	if (job->state != JOB_READING)
		return;
	if (percent < EXTRACTOR_PARSES_FROM) {
		job_report(job, reading_stage(job),
			   PROGRESS_EXTRACT + percent * (parse_progress(job) - PROGRESS_EXTRACT) / EXTRACTOR_PARSES_FROM, message);
	} else {
		job_enter_step(job, STEP_parse);
		job_report(job, STAGE_parse, parse_progress(job), message);
	}
}

/* It goes out with the next event, which is on its way: the reader says how far it is after each page. */
static void on_early(void *ctx, struct str json)
{
	struct job *job = ctx;

	if (json.n >= sizeof(job->early))
		return;
	memcpy(job->early, json.p, json.n);
	job->early[json.n] = '\0';
}

int job_open_file(struct job *job)
{
	int fd;

	if (!job->owner->parts->vault)
		return spool_open(job->owner->parts->spool, str_c(job->cv));
	fd = fcntl(job->file_fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return -errno; /* cannot be: it is a file */
	return fd;
}

static int read_file(struct job *job)
{
	static const struct extract_callbacks callbacks = { on_read_progress, on_read, on_needs_ocr, on_early };
	const struct pipeline_parts *parts = job->owner->parts;
	int rc, fd = job_open_file(job);

	if (fd < 0)
		return fd;
	rc = extractor_run(parts->extractor, fd, str_c(job->filename), job->owner->task == TASK_READ_PICTURES, &callbacks, job,
			   &job->reading);
	close(fd);
	return rc;
}

void job_begin_reading(struct job *job)
{
	int rc;

	job_enter_step(job, job->owner->task == TASK_READ_PICTURES ? STEP_ocr : STEP_extract);
	enter_stage(job, reading_stage(job), PROGRESS_EXTRACT);
	rc = read_file(job);
	if (rc < 0) {
		LOG(WARNING, "file_not_read", LOG_TEXT("cv", job->cv), LOG_ERRNO(rc));
		job_fail(job, ERR_internal);
		return;
	}
	job->calls++;
	job_set_state(job, JOB_READING);
}

void job_begin_work(struct job *job)
{
	if (job->owner->task == TASK_FETCH)
		job_begin_fetching(job);
	else
		job_begin_scanning(job);
}

static void on_known(void *ctx, const struct redisReply *reply)
{
	struct job *job = ctx;

	if (job->state == JOB_LEASED || job->state == JOB_GETTING) {
		if (reply_kind(reply) == REPLY_NIL)
			job_end(job, JOB_END_over, ERR_NONE);
		else if (reply_kind(reply) == REPLY_STRING)
			job_end(job, JOB_END_failed, ERR_internal);
		else
			job_begin_work(job);
	}
	job_call_done(job);
}

/* The CV is not in the spool, and will not be: an upload was refused because Redis went away in the middle, and its job is left
 * over. If nobody has heard of the CV, nobody is told. */
static int ask_if_known(struct job *job)
{
	const struct pipeline_parts *parts = job->owner->parts;
	char key[KEY_SIZE];

	return REDIS_COMMAND(parts->redis, on_known, job, STR("HGET"),
		key_batch(key, parts->cfg->redis_key_form, str_c(job->user), str_c(job->batch), ":cvs"), str_c(job->cv));
}

void job_end_unknown(struct job *job)
{
	job->calls++;
	if (ask_if_known(job) == 0)
		return;
	job->calls--;
	job_begin_work(job);
}

void job_start(struct job *job)
{
	if (job->owner->parts->vault)
		job_begin_getting(job);
	else if (spool_has_record(job->owner->parts->spool, str_c(job->cv)))
		job_begin_work(job);
	else
		job_end_unknown(job);
}

void job_stop_work(struct job *job)
{
	job_stop_scanning(job);
	job_stop_processing(job);
	if (job->reading)
		extractor_cancel(job->reading);
	job_stop_fetching(job);
	uv_timer_stop(&job->timer);
}
