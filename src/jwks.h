/*
 * Keeps the keys of a JWKS URL (auth.jwks_url) fresh: fetched at start, again every jwks_refresh_s, and early when a token
 * names an unknown key, but not more often than jwks_min_interval_s, so that forged tokens cannot make us hammer the
 * provider. When the URL fails the last good keys stay.
 */
#ifndef CVPULSE_JWKS_H
#define CVPULSE_JWKS_H

#include <uv.h>

#include "config.h"
#include "http_client.h"
#include "jwt.h"

struct jwks;

/* keys must outlive it. 0 or -errno. */
int jwks_start(uv_loop_t *loop, struct http_client *client, const struct config *cfg, struct jwt_keys *keys, struct jwks **out);
void jwks_stop(struct jwks *j);

/* Calls fn once the keys are as fresh as may be: after a fetch that is under way or is started for this; at once (false)
 * when a fetch is not allowed yet. fetched: the keys may have changed, look again. At most JWKS_WAITERS_MAX wait. */
#define JWKS_WAITERS_MAX 4096
void jwks_refresh(struct jwks *j, void (*fn)(void *ctx, bool fetched), void *ctx);
/* Forgets a waiter whose ctx is about to be freed. */
void jwks_forget(struct jwks *j, void *ctx);

#endif
