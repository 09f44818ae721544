/* The notifier's own state, and what its parts call of each other. */
#ifndef CVPULSE_NOTIFIER_H
#define CVPULSE_NOTIFIER_H

#include "daemon.h"
#include "jwks.h"
#include "notifier/conn.h"
#include "notifier/subscriber.h"
#include "redis.h"
#include "server.h"

#define INSTANCE_SIZE ID_NEW_SIZE

struct conn_list {
	struct conn *first, *last;
	size_t n;
};

struct probe {
	uv_timer_t timer;
	char channel[sizeof("cvpulse:probe:") + INSTANCE_SIZE];
	uint64_t sequence, returned;    /* of the last probe sent, and of the last that came back */
	int64_t sent_us;
	int misses;                     /* in a row */
	bool seen;                      /* one has come back since the connection began */
	bool lost;                      /* too many were missed, and none has come back since, on any connection */
};

struct drain {
	uv_timer_t timer;
	int64_t begun_ms, over_ms;
	size_t to_close, closed;
	bool running;
};

struct notifier {
	struct daemon *daemon;
	const struct config *cfg;
	uv_loop_t *loop;
	struct listener listeners[LISTENERS_MAX], admin_listeners[LISTENERS_MAX];
	int n_listeners, n_admin_listeners;
	struct server *server;
	struct redis *redis;
	struct subscriber *subscriber;
	struct auth *auth;
	struct http_client *http_client;
	struct jwks *jwks;
	struct users *users;
	struct rate_table *rates;
	struct conn_list conns[CONN_STATES];
	size_t n_conns;
	struct conn *graveyard;         /* ended in this turn; freed when it is over */
	uv_prepare_t burial;
	struct wheel wheel, user_wheel; /* of connections; of users */
	uv_timer_t tick;
	struct probe probe;
	struct drain drain;
	/* Reads of history that wait for their turn (history.c). */
	struct user *read_first, *read_last;
	size_t reads_running;
	uv_timer_t read_retry;
	char *text;                     /* one frame, with FRAME_HEADROOM before it */
	size_t text_max;
	char key_form[32];
	int64_t started_ms;
	int64_t rate_frames, rate_ms;   /* for frame_rate: at the last look */
	bool closing;
};

static inline int64_t notifier_now(const struct notifier *n) { return (int64_t)uv_now(n->loop); }
/* Whether Redis is connected both ways and delivers. */
bool notifier_is_ready(const struct notifier *n);

/* conn.c: frees what has ended. */
void conn_bury(struct notifier *n);

/* user_stream.c */
/* Joins; 0 or -ENOMEM. May close the user's oldest connection. */
int user_join(struct notifier *n, struct conn *c, struct str id);
void user_leave(struct conn *c);
bool user_is_subscribed(const struct user *u);
/* All events up to here have been seen; conns that have read history up to it may go live. */
struct stream_id user_newest(const struct user *u);
void users_on_redis(struct notifier *n);                /* commands work again */
void users_close(struct notifier *n);                   /* frees the table and what its users hold */
extern const struct subscriber_handler user_subscriber_handler;
/* An entry of the user's history, in order; the same rules as for a live frame. */
void user_on_history(struct notifier *n, struct user *u, struct frame *f);
/* An entry that cannot be read must not be read again and again. */
void user_skip(struct user *u, struct str id);
/* A page is done. complete: it was the last one; seen: seen_id when it was asked for. */
void user_filled(struct notifier *n, struct user *u, bool complete, struct stream_id seen);
void user_started(struct notifier *n, struct user *u, struct stream_id last);
/* newest: the last entry up to the user's last_id; another one when history has lost that. */
void user_checked(struct notifier *n, struct user *u, struct stream_id newest);
void user_timer(struct notifier *n, struct user *u);

/* history.c */
void history_queue(struct notifier *n, struct user *u);
void history_unqueue(struct notifier *n, struct user *u);
void history_pump(struct notifier *n);
/* Looks again in a moment at everything that waits for Redis. */
void history_retry_later(struct notifier *n);
/* The frame of a history entry, copied into n->text; -EINVAL when it holds none of ours. */
int history_entry(struct notifier *n, const struct redisReply *entry, struct frame *out);
void frame_text(struct notifier *n, struct str text, struct frame *out); /* any text as a frame in n->text; must fit */

/* probe.c */
void probe_start(struct notifier *n);
void probe_stop(struct notifier *n);
void probe_on_message(struct notifier *n, struct str payload);
void probe_reset(struct notifier *n);

/* control.c: a message on cvpulse:control. */
void control_on_message(struct notifier *n, struct str payload);

/* drain.c */
void drain_start(struct notifier *n);

/* routes.c: the server's handler. */
extern const struct server_handler routes_handler;
extern const struct websocket_handler websocket_events;
/* CORS for pages of other origins that are allowed; how many were written to out (origin is borrowed). */
#define CORS_HEADERS_MAX 3
size_t cors_headers(struct str origin, struct http_header out[CORS_HEADERS_MAX]);
bool route_health(struct notifier *n, struct request *rq);
void route_metrics(struct notifier *n, struct request *rq);
void route_stats(struct notifier *n, struct request *rq);
void route_websocket(struct notifier *n, struct request *rq, struct str user_id);
void route_events(struct notifier *n, struct request *rq, struct str user_id);
void route_tickets(struct notifier *n, struct request *rq);

#endif
