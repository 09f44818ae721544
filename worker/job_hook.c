/* See job_state.h: a job in PROCESSING. The operator's own processor has the text and our result, and answers with its own. */
#include <errno.h>
#include <stdlib.h>

#include "hook.h"
#include "job_state.h"
#include "log.h"

#define REQUEST_MAX_BYTES (32u << 20)
#define PROGRESS_FROM 50                /* see job_work.c: with a processor, reading is only the first half */
#define PROGRESS_TO 95

static void on_progress(void *ctx, int percent, struct str message)
{
	struct job *job = ctx;

	job_report(job, STAGE_parse, PROGRESS_FROM + percent * (PROGRESS_TO - PROGRESS_FROM) / 100,
		   message.n ? message : STR("Your own processor is at work"));
}

static void on_done(void *ctx, int rc, struct str resume)
{
	struct job *job = ctx;

	job->processing = NULL;
	if (rc == 0 && resume.n) {
		buf_free(&job->resume);
		buf_init(&job->resume, resume.n + 1);
		buf_adds(&job->resume, resume);
	}
	if (rc != 0)
		LOG(WARNING, "processor_failed", LOG_TEXT("cv", job->cv), LOG_INT("status", rc));
	if (rc != 0 || job->resume.failed)
		job_fail(job, ERR_processor_failed);
	else
		job_begin_storing(job);
	job_call_done(job);
}

static int begin(struct job *job)
{
	static const struct hook_callbacks callbacks = { on_progress, on_done };
	struct buf body;
	int rc;

	buf_init(&body, REQUEST_MAX_BYTES);
	buf_addf(&body, "{\"user_id\":\"%s\",\"batch_id\":\"%s\",\"cv_id\":\"%s\",\"attempt\":%d,\"filename\":", job->user, job->batch,
		 job->cv, job->attempt);
	buf_add_json(&body, str_c(job->filename));
	buf_addf(&body, ",\"text\":" STR_FMT ",\"resume\":", STR_ARG(job->text.n ? buf_str(&job->text) : STR("\"\"")));
	buf_adds(&body, buf_str(&job->resume));
	buf_addz(&body, "}");
	rc = body.failed ? -EMSGSIZE : hook_start(job->owner->parts, buf_str(&body), &callbacks, job, &job->processing);
	buf_free(&body);
	return rc;
}

void job_begin_processing(struct job *job)
{
	int rc;

	if (!*job->owner->parts->cfg->processor_url) {
		job_begin_storing(job);
		return;
	}
	job_enter_step(job, STEP_processor);
	on_progress(job, 0, STR(""));
	rc = begin(job);
	if (rc < 0) {
		LOG(WARNING, "processor_not_asked", LOG_TEXT("cv", job->cv), LOG_ERRNO(rc));
		job_fail(job, ERR_processor_failed);
		return;
	}
	job->calls++;
	job_set_state(job, JOB_PROCESSING);
}

void job_stop_processing(struct job *job)
{
	if (!job->processing)
		return;
	hook_cancel(job->processing);
	job->processing = NULL;
	job_call_done(job);
}
