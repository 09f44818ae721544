/* worker.max_bytes_per_day: what a user's accepted files had together on one day (UTC), a number in Redis that goes with the
 * day. Files are charged before they are accepted, and paid back when they are refused after all. */
#ifndef WORKER_QUOTA_H
#define WORKER_QUOTA_H

#include "config.h"
#include "problem.h"
#include "redis.h"

static inline bool quota_is_on(const struct config *cfg) { return cfg->worker_max_bytes_per_day > 0; }
/* reply_int of the answer: bytes so far. -errno: not sent. */
int quota_used(struct redis *r, const struct config *cfg, struct str user, int64_t now_ms, redis_reply_fn *fn, void *ctx);
/* The same, with these bytes added; negative ones are paid back. fn may be NULL. */
int quota_charge(struct redis *r, const struct config *cfg, struct str user, int64_t now_ms, int64_t bytes, redis_reply_fn *fn, void *ctx);
/* What whoever is over it is told: until when. */
struct problem quota_problem(int64_t now_ms);

#endif
