/* The content of a CV's events leaves its user's history (strip.lua, where the theory of operation stands). */
#ifndef WORKER_HISTORY_H
#define WORKER_HISTORY_H

#include <stdbool.h>

#include "config.h"
#include "redis.h"

/* forget: the CV's newest frame goes; else it stays, stripped. An integer reply: how many events were stripped. As
 * script_call. */
int history_strip(struct redis *r, const struct config *cfg, struct str user, struct str batch, struct str cv, bool forget,
		  redis_reply_fn *fn, void *ctx);

#endif
