/*
 * The sweep: what must happen though no request and no job makes it happen. Batches that lie idle are closed, CVs that
 * nobody works on are found, and files past their time go. Run by the pipeline, or by main where there is none and the spool is this
 * worker's alone; any number of workers may sweep at once.
 */
#ifndef WORKER_SWEEP_H
#define WORKER_SWEEP_H

#include "pipeline.h"

struct sweep;

struct sweep *sweep_new(const struct pipeline_parts *parts);    /* NULL: no memory; parts must outlive it */
/* stopped is called once, later, when nothing is under way any more; s is freed then. */
void sweep_stop(struct sweep *s, void (*stopped)(void *ctx), void *ctx);

#endif
