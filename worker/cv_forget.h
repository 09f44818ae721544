/* What Redis knows of a CV that is erased, beside its place in the queue: what came out of it in its user's history, that its
 * content is known, its webhook, its idempotency key. */
#ifndef WORKER_CV_FORGET_H
#define WORKER_CV_FORGET_H

#include <stdbool.h>

#include "queue.h"
#include "redis.h"
#include "spool.h"

/* May be done twice. forget and fn as in history_strip, whose reply is the last one. */
int cv_forget(struct redis *r, const struct config *cfg, struct queue *q, const struct spool_record *rec, bool forget,
	      redis_reply_fn *fn, void *ctx);

#endif
