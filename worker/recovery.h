/*
 * Recovery: what the spool holds but Redis forgot (its last second, or a crash between two steps of an acceptance) is
 * accepted again. Run by the pipeline whenever Redis is connected; walks the spool one shard at a time.
 */
#ifndef WORKER_RECOVERY_H
#define WORKER_RECOVERY_H

#include "pipeline.h"

struct recovery;

struct recovery *recovery_new(const struct pipeline_parts *parts);      /* NULL: no memory; parts must outlive it */
/* Begins soon; while it runs, once more after that. */
void recovery_run(struct recovery *r);
/* stopped is called once, later, when nothing is under way any more; r is freed then. */
void recovery_stop(struct recovery *r, void (*stopped)(void *ctx), void *ctx);

#endif
