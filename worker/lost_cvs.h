/*
 * Lost CVs: those of one batch that have had no terminal event, and no job that could bring one. What the spool still holds
 * is accepted again; the rest ends as `failed` with worker_lost. Called by the sweep for batches that are still active.
 */
#ifndef WORKER_LOST_CVS_H
#define WORKER_LOST_CVS_H

#include "pipeline.h"

/* Looks through the batch's CVs. done is called once, later, unless -errno is returned. */
int lost_cvs_find(const struct pipeline_parts *parts, struct str user, struct str batch, void (*done)(void *ctx), void *ctx);

#endif
