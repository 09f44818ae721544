/* worker.max_uploads_per_user: a user's unfinished resumable uploads, user:<id>:uploads in Redis, each with the time when it
 * expires. Without it anybody could fill the spool with beginnings. */
#ifndef WORKER_OPEN_UPLOADS_H
#define WORKER_OPEN_UPLOADS_H

#include "config.h"
#include "problem.h"
#include "redis.h"

/* Counts the upload in. reply_int of the answer: how many there are with it. -errno: not sent. */
int open_uploads_add(struct redis *r, const struct config *cfg, struct str user, struct str id, int64_t now_ms, redis_reply_fn *fn, void *ctx);
/* It is finished, refused or gone. What is not heard goes with its time. */
void open_uploads_remove(struct redis *r, const struct config *cfg, struct str user, struct str id);

#endif
