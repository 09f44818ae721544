/* See job_state.h: a job in FETCHING. Its file is fetched into the spool; then it goes to the lane of text like any other. */
#include <errno.h>

#include "fetch.h"
#include "hash_index.h"
#include "job_state.h"
#include "log.h"

static void on_fetched(void *ctx, enum error_code code, enum fetch_again again, const struct spool_record *rec)
{
	struct job *job = ctx;
	const struct pipeline_parts *parts = job->owner->parts;

	job->fetching = NULL;
	LOG(INFO, "fetch_ended", LOG_TEXT("cv", job->cv), LOG_TEXT("code", error_name(code)), LOG_INT("bytes", rec->bytes));
	if (code == ERR_NONE) {
		hash_index_put(parts->redis, parts->cfg, str_c(rec->user), rec->sha256, str_c(rec->cv));
		job_end(job, JOB_END_fetched, ERR_NONE);
	} else if (again == FETCH_LATER) {
		job_end(job, JOB_END_deferred, code);
	} else if (again == FETCH_AGAIN) {
		job_fail(job, code);
	} else {
		job_end(job, JOB_END_failed, code);
	}
	job_call_done(job);
}

static int begin(struct job *job)
{
	static const struct fetch_callbacks callbacks = { on_fetched };
	const struct pipeline_parts *parts = job->owner->parts;
	struct spool_record rec;
	int rc = 0;

	if (parts->vault)
		rec = job->record;
	else
		rc = spool_record_read(parts->spool, str_c(job->cv), &rec);

	if (rc < 0)
		return rc;
	if (!*rec.url)
		return -EALREADY;
	return fetch_start(parts, &rec, &callbacks, job, &job->fetching);
}

void job_begin_fetching(struct job *job)
{
	int rc;

	job_report(job, STAGE_received, 0, STR("Fetching the file from its address"));
	rc = begin(job);
	if (rc == 0) {
		job->calls++;
		job_set_state(job, JOB_FETCHING);
	} else if (rc == -EALREADY) {
		job_end(job, JOB_END_fetched, ERR_NONE); /* whoever fetched it did not come to say so */
	} else if (rc == -EACCES) {
		job_end(job, JOB_END_failed, ERR_fetch_blocked);
	} else {
		LOG(WARNING, "fetch_not_begun", LOG_TEXT("cv", job->cv), LOG_ERRNO(rc));
		job_fail(job, ERR_internal);
	}
}

void job_stop_fetching(struct job *job)
{
	if (!job->fetching)
		return;
	fetch_cancel(job->fetching);
	job->fetching = NULL;
	job_call_done(job);
}
