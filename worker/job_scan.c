/* See job_state.h: a job in SCANNING. clamd sees the file before anybody else; what it does not answer for is not read. */
#include <errno.h>
#include <unistd.h>

#include "clamd.h"
#include "job_state.h"
#include "log.h"
#include "metrics.h"

#define PROGRESS_SCAN 2

static void on_scanned(void *ctx, enum clamd_verdict verdict, struct str detail)
{
	struct job *job = ctx;

	job->scanning = NULL;
	switch (verdict) {
	case CLAMD_CLEAN:
		job_begin_reading(job);
		break;
	case CLAMD_INFECTED:
		LOG(WARNING, "infected", LOG_TEXT("cv", job->cv), LOG_USER(str_c(job->user)), LOG_STR("signature", detail));
		metrics_add(METRIC_files_infected, 1);
		job_fail(job, ERR_infected);
		break;
	case CLAMD_TOO_LARGE:
		job_fail(job, ERR_too_large);
		break;
	case CLAMD_NO_ANSWER:
		LOG(WARNING, "clamd_failed", LOG_TEXT("cv", job->cv), LOG_STR("reason", detail));
		metrics_add(METRIC_scans_failed, 1);
		job_fail(job, ERR_internal);
		break;
	}
	job_call_done(job);
}

static int begin(struct job *job)
{
	const struct pipeline_parts *parts = job->owner->parts;
	int rc, fd = job_open_file(job);

	if (fd < 0)
		return fd;
	rc = clamd_start(parts->loop, parts->cfg->clamd_address, fd, parts->cfg->clamd_timeout_ms, on_scanned, job, &job->scanning);
	close(fd);
	return rc;
}

/* Pictures come from the lane of text, where clamd has seen them. */
void job_begin_scanning(struct job *job)
{
	int rc;

	if (!*job->owner->parts->cfg->clamd_address || job->owner->task != TASK_READ_TEXT) {
		job_begin_reading(job);
		return;
	}
	job_enter_step(job, STEP_scan);
	job_report(job, STAGE_scan, PROGRESS_SCAN, str_c(cv_stage_sentence(STAGE_scan)));
	rc = begin(job);
	if (rc < 0) {
		LOG(WARNING, "scan_not_begun", LOG_TEXT("cv", job->cv), LOG_ERRNO(rc));
		job_fail(job, ERR_internal);
		return;
	}
	job->calls++;
	job_set_state(job, JOB_SCANNING);
}

void job_stop_scanning(struct job *job)
{
	if (!job->scanning)
		return;
	clamd_cancel(job->scanning);
	job->scanning = NULL;
	job_call_done(job);
}
