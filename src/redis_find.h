/*
 * Where to connect for Redis: a host name is looked up, and a group of Sentinels is asked for its master, one Sentinel after
 * another, at most once each. Called before every attempt to connect, by redis.c and by the notifier's subscriber.
 */
#ifndef CVPULSE_REDIS_FIND_H
#define CVPULSE_REDIS_FIND_H

#include <uv.h>

#include "redis.h"

/* A unix socket (path), or else a numeric address. */
struct redis_place {
	char path[108];
	char host[INET6_ADDRSTRLEN];
	int port;
};

struct redis_find;
/* place is NULL when there is none, why says why then; both live until fn returns. */
typedef void redis_found_fn(void *ctx, const struct redis_place *place, const char *why);

/* fn is called exactly once, never before this has returned, unless redis_find_forget comes first. address must live as long;
 * the Sentinel that answered becomes its first. timeout_ms is for each Sentinel. NULL: out of memory. */
struct redis_find *redis_find(uv_loop_t *loop, struct redis_address *address, int64_t timeout_ms, redis_found_fn *fn, void *ctx);
/* The memory goes with the loop's next turns. */
void redis_find_forget(struct redis_find *find);

#endif
