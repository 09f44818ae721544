/*
 * A connection to each Sentinel that waits for word of a fail-over. Without it a daemon would stay for seconds with a master that
 * has been replaced but does not know so yet (SENTINEL FAILOVER demotes it 8 s later), and lose what it writes there.
 */
#ifndef CVPULSE_REDIS_WATCH_H
#define CVPULSE_REDIS_WATCH_H

#include "redis.h"

struct redis_watch;
/* The master named so is at host and port now; each Sentinel says so, this is the one who speaks. */
typedef void redis_switched_fn(void *ctx, const struct redis_sentinel *who, struct str host, int port);

/* 0 or -ENOMEM. address: with its Sentinels; copied. */
int redis_watch_open(uv_loop_t *loop, const struct config *cfg, const struct redis_address *address, redis_switched_fn *fn, void *ctx,
		     struct redis_watch **out);
void redis_watch_close(struct redis_watch *watch); /* nothing is called afterwards */

#endif
