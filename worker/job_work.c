/* See job.h. Here: what is done for a job. Its file is read by the extractor, the result stored by a thread, and every stage
 * reported. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "extractor.h"
#include "job_state.h"
#include "json_member.h"
#include "log.h"

/* How far a CV is at the beginning of each stage; reading takes most of the time. */
#define PROGRESS_EXTRACT 5
#define PROGRESS_PARSE 85
#define PROGRESS_DELIVER 95
#define EXTRACTOR_PARSES_FROM 90        /* of the extractor's percent: before it reads, from here on it parses */
#define SUMMARY_MAX_BYTES 16384         /* a longer one is left out of the event */

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
		break;
	}
	job_call_done(job);
}

void job_report(struct job *job, enum cv_stage stage, int progress, struct str message)
{
	struct cv_frame frame;

	job->moved_us = clock_monotonic_us();
	if (job->event_unanswered && stage == job->stage)
		return; /* Redis is slow: no need to tell it every page */
	job->stage = stage;
	job->progress = progress;
	job_fill_frame(job, &frame);
	frame.status = CV_processing;
	frame.message = message;
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

static void store(uv_work_t *work)
{
	struct job *job = work->data;

	job->store_result = spool_result_write(job->owner->parts->spool, str_c(job->cv), buf_str(&job->resume));
}

static void on_stored(uv_work_t *work, int status)
{
	struct job *job = work->data;

	if (job->state == JOB_STORING && job->store_result < 0) {
		LOG(ERROR, "result_not_stored", LOG_TEXT("cv", job->cv), LOG_ERRNO(job->store_result));
		job_fail(job, ERR_internal);
	} else if (job->state == JOB_STORING) {
		job_end(job, JOB_END_completed, ERR_NONE);
	}
	job_call_done(job);
}

static void begin_storing(struct job *job)
{
	job_set_state(job, JOB_STORING);
	enter_stage(job, STAGE_deliver, PROGRESS_DELIVER);
	job->storing.data = job;
	job->calls++;
	uv_queue_work(job->owner->parts->loop, &job->storing, store, on_stored);
}

static bool keep_result(struct job *job, struct str json)
{
	struct str resume = json_member(json, "resume"), summary = json_member(json, "result");

	buf_init(&job->resume, resume.n + 1);
	buf_adds(&job->resume, resume);
	buf_init(&job->summary, SUMMARY_MAX_BYTES);
	if (summary.n < SUMMARY_MAX_BYTES)
		buf_adds(&job->summary, summary);
	return !job->resume.failed && !job->summary.failed;
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
				enter_stage(job, STAGE_parse, PROGRESS_PARSE);
			begin_storing(job);
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
	if (percent < EXTRACTOR_PARSES_FROM)
		job_report(job, reading_stage(job),
			   PROGRESS_EXTRACT + percent * (PROGRESS_PARSE - PROGRESS_EXTRACT) / EXTRACTOR_PARSES_FROM, message);
	else
		job_report(job, STAGE_parse, PROGRESS_PARSE, message);
}

static int begin_reading(struct job *job)
{
	static const struct extract_callbacks callbacks = { on_read_progress, on_read, on_needs_ocr };
	const struct pipeline_parts *parts = job->owner->parts;
	int rc, fd = spool_open(parts->spool, str_c(job->cv));

	if (fd < 0)
		return fd;
	rc = extractor_run(parts->extractor, fd, str_c(job->filename), job->owner->task == TASK_READ_PICTURES, &callbacks, job,
			   &job->reading);
	close(fd);
	return rc;
}

void job_start(struct job *job)
{
	int rc;

	if (job->owner->task == TASK_FETCH) {
		job_begin_fetching(job);
		return;
	}
	enter_stage(job, reading_stage(job), PROGRESS_EXTRACT);
	rc = begin_reading(job);
	if (rc < 0) {
		LOG(WARNING, "file_not_read", LOG_TEXT("cv", job->cv), LOG_ERRNO(rc));
		job_fail(job, ERR_internal);
		return;
	}
	job->calls++;
	job_set_state(job, JOB_READING);
}

void job_stop_work(struct job *job)
{
	if (job->reading)
		extractor_cancel(job->reading);
	job_stop_fetching(job);
	uv_timer_stop(&job->timer);
}
