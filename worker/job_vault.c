/* See job_state.h: a job in GETTING, and the end of its STORING, where CVs are kept in a vault. */
#include <errno.h>
#include <unistd.h>

#include "job_state.h"
#include "log.h"
#include "vault.h"

static void failed(struct job *job, int rc)
{
	LOG(WARNING, "file_not_got", LOG_TEXT("cv", job->cv), LOG_ERRNO(rc));
	if (rc == -ENOENT)
		job_fail(job, ERR_internal); /* its record is there, its file is not */
	else
		job_fail_storage(job, rc);
}

static void on_file(void *ctx, int fd)
{
	struct job *job = ctx;

	if (job->state != JOB_GETTING) {
		if (fd >= 0)
			close(fd);
	} else if (fd < 0) {
		failed(job, fd);
	} else {
		job->file_fd = fd;
		job_begin_work(job);
	}
	job_call_done(job);
}

static void get_file(struct job *job)
{
	int rc = *job->record.url ? -ENOENT : vault_open_file(job->owner->parts->vault, &job->record, on_file, job);

	if (rc < 0)
		failed(job, rc);
	else
		job->calls++;
}

static void on_record(void *ctx, int rc, const struct spool_record *rec)
{
	struct job *job = ctx;

	if (job->state == JOB_GETTING) {
		if (rc == -ENOENT) {
			job_end_unknown(job);
		} else if (rc < 0) {
			failed(job, rc);
		} else {
			job->record = *rec;
			if (job->owner->task == TASK_FETCH)
				job_begin_work(job);
			else
				get_file(job);
		}
	}
	job_call_done(job);
}

void job_begin_getting(struct job *job)
{
	int rc;

	job_set_state(job, JOB_GETTING);
	rc = vault_read_record(job->owner->parts->vault, str_c(job->cv), on_record, job);
	if (rc < 0)
		failed(job, rc);
	else
		job->calls++;
}

static void on_result_kept(void *ctx, int rc)
{
	job_result_kept(ctx, rc);
}

void job_keep_result(struct job *job)
{
	int rc = vault_put_result(job->owner->parts->vault, str_c(job->user), str_c(job->cv), buf_str(&job->resume), on_result_kept, job);

	if (rc < 0)
		job_result_kept(job, rc);
}
