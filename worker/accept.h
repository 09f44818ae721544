/*
 * Accepting a CV: the steps between "its file and record are in the spool" and "202". Called by ingest, by a person's
 * "try again", and by recovery.
 *
 *   1. the file and its record are fsynced in the spool (the caller has done that)
 *   2. the job is pushed, held back: here the queue says no if it is full, and nobody has heard of the CV yet
 *   3. the first event, `queued`, is published (the batch is made by it)
 *   4. the hold ends, a worker may have it; then fn is called
 *
 * A crash after 1 leaves a record without a job: recovery accepts it again (the client got no answer and may send the file
 * again too: then there are two CVs, and the second is answered as a duplicate). A crash after 2 or 3 leaves a held job:
 * it begins by itself after ACCEPT_HOLD_MS. Each step may be done twice without harm.
 */
#ifndef WORKER_ACCEPT_H
#define WORKER_ACCEPT_H

#include "publish.h"
#include "queue.h"
#include "spool.h"

#define ACCEPT_HOLD_MS 10000

/* The job of a CV as its record says it; borrows the record. */
struct queue_job job_of_record(const struct spool_record *rec);

enum accept_answer {
	ACCEPT_OK,              /* also when the job was there already */
	ACCEPT_OVER,            /* this attempt of the CV has ended already; there is no job */
	ACCEPT_SAME,            /* the idempotency key made an earlier job: made_job, made_batch */
	ACCEPT_FULL,            /* 503: take the file out of the spool again */
	ACCEPT_USER_FULL,       /* 429: likewise */
	ACCEPT_DRAINING,        /* 503: likewise */
	ACCEPT_UNAVAILABLE,     /* 503: Redis is away; the job was dropped if that could be said, so remove the file */
};

struct accept_result {
	enum accept_answer answer;
	struct str made_job, made_batch;        /* good during the call */
};
typedef void accept_fn(void *ctx, const struct accept_result *result);

/* Accepts; fn is called exactly once, later, unless -errno is returned (-ENOTCONN: Redis is away …: 503). The job's text is
 * copied. unlimited: the CV was accepted before, so no limit may refuse it now. */
int accept_cv(struct queue *q, const struct publisher *p, const struct queue_job *job, bool unlimited, accept_fn *fn, void *ctx);

#endif
