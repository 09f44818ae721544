/* Between redis.c (the connection, its ends and beginnings) and redis_command.c (what goes over it). */
#ifndef CVPULSE_REDIS_INTERNAL_H
#define CVPULSE_REDIS_INTERNAL_H

#include "redis_find.h"

struct redisAsyncContext;
struct redis_watch;

enum redis_state {
	REDIS_WAITING,          /* for the next attempt; no context */
	REDIS_FINDING,          /* where Redis is (redis_find.h); no context */
	REDIS_CONNECTING,
	REDIS_GREETING,         /* connected: AUTH, SELECT and PING are under way */
	REDIS_REFUSED,          /* Redis said no to one of them; the connection is on its way out */
	REDIS_READY,            /* the only one in which commands are taken */
	REDIS_LEAVING,          /* it is no master any more: what waits for an answer still gets it, then the connection ends */
	REDIS_CLOSED,           /* by redis_close; the memory goes when the handles have */
};

struct pending {                        /* a command without an answer yet */
	struct redis *owner;
	redis_reply_fn *fn;
	void *ctx;
	int64_t sent_ms;
	struct pending *next;
};

struct redis {
	uv_loop_t *loop;
	struct redis_address address;
	struct redis_listener listener;
	struct redisAsyncContext *ac;   /* NULL while waiting for the next attempt */
	enum redis_state state;
	uv_timer_t timer;               /* back-off while waiting, time-outs while connected */
	struct redis_find *find;        /* while FINDING, and now and then while READY */
	struct redis_place place, before; /* of this connection, and of the last one that was ready */
	bool moved;
	struct redis_doubt doubt;       /* while Sentinels are asked although READY */
	struct redis_watch *watch;      /* NULL without Sentinels */
	int64_t connect_timeout_ms, command_timeout_ms, reconnect_max_ms, pending_max;
	int64_t sentinel_timeout_ms, sentinel_check_ms;
	int64_t attempt_started_ms, last_answer_ms, next_check_ms;
	int64_t ready_ms;               /* since when this connection is, or the last one was */
	int failures, demotions;        /* in a row */
	char problem[512];              /* why there is no connection; "" while there is one */
	redis_reply_fn *on_message;     /* once subscribed */
	struct pending *oldest, **newest;
	int64_t n_pending;
};

/* redis.c: a command showed that this Redis is no master any more. */
void redis_leave(struct redis *r);

#endif
