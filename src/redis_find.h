/*
 * Where to connect for Redis: a host name is looked up, and a group of Sentinels is asked for its master, one Sentinel after
 * another, at most once each. Called by redis.c and by the notifier's subscriber before every attempt to connect and, with
 * Sentinels, now and then while they are connected: a master that only hangs ends no connection.
 */
#ifndef CVPULSE_REDIS_FIND_H
#define CVPULSE_REDIS_FIND_H

#include <string.h>
#include <uv.h>

#include "redis.h"
#include "sentinel_answer.h"

/* A unix socket (path), or else a numeric address. */
struct redis_place {
	char path[108];
	char host[INET6_ADDRSTRLEN];
	int port;
	char name[SENTINEL_HOST_MAX + 1]; /* what was looked up for host; a name may have several addresses */
};
static inline bool redis_place_same(const struct redis_place *a, const struct redis_place *b)
{
	return a->port == b->port && strcmp(a->name, b->name) == 0 && strcmp(a->path, b->path) == 0;
}

struct redis_find;
/* place is NULL when there is none, why says why then; both live until fn returns. */
typedef void redis_found_fn(void *ctx, const struct redis_place *place, const char *why);

/* fn is called exactly once, never before this has returned, unless redis_find_forget comes first. address must live as long;
 * the Sentinel that answered becomes its first. timeout_ms is for each Sentinel; looking up a name ends with the resolver's own
 * time-out, for libuv cannot cut it short. NULL: out of memory. */
struct redis_find *redis_find(uv_loop_t *loop, struct redis_address *address, int64_t timeout_ms, redis_found_fn *fn, void *ctx);
/* The memory goes with the loop's next turns. */
void redis_find_forget(struct redis_find *find);

/* What the first Sentinel named is no master: another one is asked first the next time. */
void redis_find_distrust(struct redis_address *address);
/* It told of a fail-over: it is asked first the next time. */
void redis_find_trust(struct redis_address *address, const struct redis_sentinel *who);

/* The Sentinels are asked although there is a connection. One alone may be outdated (cut off, or started with its first
 * configuration), so it takes two who name the same other master to leave this one. */
struct redis_doubt {
	struct redis_place place;       /* port 0: none */
	struct redis_sentinel by;
};
enum redis_verdict { REDIS_STAY, REDIS_ASK_ANOTHER, REDIS_LEAVE };
/* The next check begins with another Sentinel: so one that is outdated is found out. */
void redis_check_begin(struct redis_doubt *doubt, struct redis_address *address);
/* For what redis_find has found; REDIS_ASK_ANOTHER: begin a redis_find once more, at once. */
enum redis_verdict redis_check_judge(struct redis_doubt *doubt, struct redis_address *address, const struct redis_place *here,
				     const struct redis_place *named);

#endif
