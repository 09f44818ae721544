/* cvpulse:schema, the version of what the programs agree on in Redis. Each checks it whenever Redis is connected. */
#ifndef CVPULSE_SCHEMA_H
#define CVPULSE_SCHEMA_H

#include "redis.h"

/* rc 0: it is ours (an empty Redis is marked with it). -EPROTONOSUPPORT: a newer program has been here, this one must not go
 * on (logged). -EAGAIN: no answer. */
typedef void schema_fn(void *ctx, int rc);
/* 0: fn is called exactly once, later; else -errno. */
int schema_check(struct redis *redis, schema_fn *fn, void *ctx);

#endif
