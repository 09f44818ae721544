/* Slow spool calls made off the loop: each runs in the thread pool and answers once, on the loop's thread. */
#ifndef WORKER_SPOOL_JOBS_H
#define WORKER_SPOOL_JOBS_H

#include <uv.h>

#include "spool.h"

typedef void spool_job_fn(void *ctx, int rc);

/* All text is copied. 0: fn will be called; -ENOMEM: it will not. */
int spool_job_remove(uv_loop_t *loop, struct spool *sp, struct str cv, spool_job_fn *fn, void *ctx);
/* rc: how many CVs went, or -errno. */
int spool_job_remove_user(uv_loop_t *loop, struct spool *sp, struct str user, spool_job_fn *fn, void *ctx);
/* Writes the record of a CV whose file is still to be fetched. */
int spool_job_create(uv_loop_t *loop, struct spool *sp, const struct spool_record *rec, spool_job_fn *fn, void *ctx);
/* The CV goes, but not what an upload in pieces has of it (spool_part.h): that may become it again. */
int spool_job_uncommit(uv_loop_t *loop, struct spool *sp, struct str cv, spool_job_fn *fn, void *ctx);
/* Writes the record and takes an old result away: the CV begins again. */
int spool_job_restart(uv_loop_t *loop, struct spool *sp, const struct spool_record *rec, spool_job_fn *fn, void *ctx);
int spool_job_probe(uv_loop_t *loop, struct spool *sp, spool_job_fn *fn, void *ctx);

#endif
