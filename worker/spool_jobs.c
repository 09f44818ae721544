/* See spool_jobs.h. */
#include "spool_jobs.h"

#include <errno.h>
#include <stdlib.h>

struct spool_job {
	uv_work_t work;
	struct spool *spool;
	struct spool_record record;
	int (*run)(struct spool *sp, const struct spool_record *rec);
	int rc;
	spool_job_fn *fn;
	void *ctx;
};

static void in_pool(uv_work_t *work)
{
	struct spool_job *job = work->data;

	job->rc = job->run(job->spool, &job->record);
}

static void on_done(uv_work_t *work, int status)
{
	struct spool_job *job = work->data;

	job->fn(job->ctx, job->rc);
	free(job);
}

static int start(uv_loop_t *loop, struct spool_job job)
{
	struct spool_job *own = malloc(sizeof(*own));

	if (!own)
		return -ENOMEM;
	*own = job;
	own->work.data = own;
	uv_queue_work(loop, &own->work, in_pool, on_done); /* fails only without a function */
	return 0;
}

static int remove_cv(struct spool *sp, const struct spool_record *rec)
{
	return spool_remove(sp, str_c(rec->cv));
}

static int remove_user(struct spool *sp, const struct spool_record *rec)
{
	return spool_remove_user(sp, str_c(rec->user));
}

static int create_cv(struct spool *sp, const struct spool_record *rec)
{
	return spool_record_write(sp, rec);
}

static int uncommit_cv(struct spool *sp, const struct spool_record *rec)
{
	return spool_uncommit(sp, str_c(rec->cv));
}

static int restart_cv(struct spool *sp, const struct spool_record *rec)
{
	int rc = spool_record_replace(sp, rec);

	return rc < 0 ? rc : spool_result_remove(sp, str_c(rec->cv));
}

static int probe(struct spool *sp, const struct spool_record *rec)
{
	return spool_probe(sp);
}

static int start_for_cv(uv_loop_t *loop, struct spool_job job, struct str cv)
{
	if (cv.n > ID_MAX)
		return -EINVAL;
	memcpy(job.record.cv, cv.p, cv.n);
	return start(loop, job);
}

int spool_job_remove_user(uv_loop_t *loop, struct spool *sp, struct str user, spool_job_fn *fn, void *ctx)
{
	struct spool_job job = { .spool = sp, .run = remove_user, .fn = fn, .ctx = ctx };

	if (user.n > ID_MAX)
		return -EINVAL;
	memcpy(job.record.user, user.p, user.n);
	return start(loop, job);
}

int spool_job_create(uv_loop_t *loop, struct spool *sp, const struct spool_record *rec, spool_job_fn *fn, void *ctx)
{
	return start(loop, (struct spool_job){ .spool = sp, .record = *rec, .run = create_cv, .fn = fn, .ctx = ctx });
}

int spool_job_remove(uv_loop_t *loop, struct spool *sp, struct str cv, spool_job_fn *fn, void *ctx)
{
	return start_for_cv(loop, (struct spool_job){ .spool = sp, .run = remove_cv, .fn = fn, .ctx = ctx }, cv);
}

int spool_job_uncommit(uv_loop_t *loop, struct spool *sp, struct str cv, spool_job_fn *fn, void *ctx)
{
	return start_for_cv(loop, (struct spool_job){ .spool = sp, .run = uncommit_cv, .fn = fn, .ctx = ctx }, cv);
}

int spool_job_restart(uv_loop_t *loop, struct spool *sp, const struct spool_record *rec, spool_job_fn *fn, void *ctx)
{
	return start(loop, (struct spool_job){ .spool = sp, .record = *rec, .run = restart_cv, .fn = fn, .ctx = ctx });
}

int spool_job_probe(uv_loop_t *loop, struct spool *sp, spool_job_fn *fn, void *ctx)
{
	return start(loop, (struct spool_job){ .spool = sp, .run = probe, .fn = fn, .ctx = ctx });
}
