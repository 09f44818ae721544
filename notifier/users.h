/*
 * The users that have connections here, by name, and where each one's stream of events stands. A user is in one state; the
 * moves are in user_stream.c. This file is only the table: O(1) to find, no library, no clock.
 */
#ifndef CVPULSE_USERS_H
#define CVPULSE_USERS_H

#include "id.h"
#include "wheel.h"

struct conn;
struct frame_copy;

enum user_state {
	USER_AWAY,                      /* not subscribed: Redis is away */
	USER_SUBSCRIBING,               /* SUBSCRIBE has been sent */
	USER_STARTING,                  /* subscribed; the history's last id is being read */
	USER_CHECKING,                  /* subscribed again; is last_id in history still? (a new master may lack it) */
	USER_FILLING,                   /* subscribed; what was missed is being read from history */
	USER_LIVE,                      /* every event arrives */
	USER_UNSUBSCRIBING              /* nobody is left, UNSUBSCRIBE has been sent */
};

/* What every event looks at stands together, at the end: with 10,000 users each line of cache that it touches is a miss. */
struct user {
	struct wheel_entry timer;       /* retry of a read, or leaving */
	struct user *queue_next;        /* waits for its turn to read history */
	struct conn *last;              /* see first */
	struct stream_id seen_id;       /* the highest id seen while CHECKING and FILLING */
	struct frame_copy *newest;      /* the live frame of seen_id, should history lack it; NULL otherwise */
	uint32_t n_conns;
	uint32_t reads;                 /* answers of Redis that will still name this user */
	uint32_t epoch;                 /* subscriptions so far: an answer about an older one proves nothing about this one */
	enum user_state state;
	struct user *chain;             /* next in its bucket */
	struct conn *first;             /* its connections, oldest first */
	struct stream_id last_id;       /* once placed: all up to here has been sent */
	uint32_t hash;
	bool placed;                    /* last_id is known */
	bool queued;                    /* queue_next is in use */
	unsigned char id_n;
	char id[];                      /* id_n bytes and NUL */
};

static inline struct str user_id(const struct user *u) { return str_of(u->id, u->id_n); }

struct users;
struct users *users_new(uint64_t seed);
void users_free(struct users *t);       /* and every user in it */
size_t users_count(const struct users *t);
struct user *users_find(const struct users *t, struct str id);
/* A new one, USER_AWAY; NULL without memory. The id must be valid and not in the table. */
struct user *users_add(struct users *t, struct str id);
void users_remove(struct users *t, struct user *u); /* frees it */
/* Calls fn for each; fn may remove the user it is given. */
void users_each(struct users *t, void (*fn)(struct user *u, void *ctx), void *ctx);

#endif
