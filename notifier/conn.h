/*
 * One client's connection, whatever carries it: a WebSocket, an SSE response, a poll. It is in one state, and in that state's
 * list; conn_set_state alone moves it, conn_close alone ends it.
 */
#ifndef CVPULSE_CONN_H
#define CVPULSE_CONN_H

#include "auth.h"
#include "notifier/close_reason.h"
#include "notifier/frame.h"
#include "notifier/outbox.h"
#include "rate.h"
#include "notifier/users.h"
#include "websocket.h"

enum conn_state {
	CONN_SIGNING_IN,                /* its token is being fetched or awaited; nothing is sent */
	CONN_WAITING,                   /* wants history, but Redis is away or its user is not subscribed yet */
	CONN_RESUMING,                  /* history or a snapshot is on its way to it (resume.h) */
	CONN_LIVE,                      /* gets every event of its user */
	CONN_CLOSING,                   /* the end is decided; the close frame goes out, or its answer is awaited */
	CONN_STATES
};

struct conn;
struct notifier;
struct resume;
struct events;

/* How bytes reach the client. */
struct transport {
	const char *name;               /* in the log */
	int (*write)(struct conn *c, struct frame *f);  /* -EPIPE: broken. Never called while blocked */
	bool (*is_blocked)(const struct conn *c);
	void (*want_write)(struct conn *c);             /* conn_on_writable shall be called when it is unblocked */
	void (*begin)(struct conn *c);                  /* signed in */
	void (*caught_up)(struct conn *c);              /* it has become LIVE */
	/* Says goodbye; conn_free follows, now or later. code 0: no word, just the end. */
	void (*end)(struct conn *c, int code, struct str text);
	void (*drop)(struct conn *c);                   /* the same without manners; conn_free follows */
};

extern const struct transport transport_websocket, transport_sse, transport_poll;

struct conn {
	/* What every frame looks at stands together: with 10,000 connections each line of cache that it touches is a miss. */
	struct websocket websocket;     /* of transport_websocket */
	const struct transport *transport;
	struct notifier *notifier;
	struct conn *user_next;
	struct outbox *outbox;          /* NULL: nothing waits */
	struct stream_id position;      /* everything up to here has been sent */
	int64_t sent_ms;
	uint32_t frames_sent;
	unsigned char state, reason;
	unsigned char pongs_due;        /* pings that wait for the user's subscription */
	bool opted_in;                  /* gets control frames */

	struct request *request;        /* of the other transports */
	struct conn *next, *prev;       /* in the list of its state */
	struct user *user;              /* NULL while signing in and closing */
	struct conn *user_prev;
	struct wheel_entry timer;
	struct resume *resume;          /* of WAITING and RESUMING */
	struct late_token *late_token;  /* an answer that signing in or renewing waits for (sign_in.c) */
	struct events *events;          /* of SSE and poll (events_route.c) */
	int64_t opened_ms, text_ms, heard_ms, pinged_ms, deadline_ms;
	int64_t exp_s;                  /* of its token; 0: never */
	struct bucket messages;
	int32_t retry_after_ms;         /* of a close for a restart */
	bool wants_sign_in;             /* auth=message: the first message must be a token */
	bool warned;                    /* token_expiring has been sent */
	bool cloudflare;                /* came through Cloudflare; for the log */
	char *user_id;                  /* while signing in: whose events it asks for */
};

/* A new connection, CONN_SIGNING_IN; NULL without memory. */
struct conn *conn_new(struct notifier *n, const struct transport *transport, struct str user_id);
void conn_set_state(struct conn *c, enum conn_state state);

/* Signed in: joins its user and begins, with history when resume says so. */
void conn_begin(struct conn *c, const struct identity *who);

/* An event, or a control frame of ours. May close the connection. */
void conn_send(struct conn *c, struct frame *f);
/* A frame of a replay: it does not count against the outbox limit and is never replaced by a newer one. */
void conn_send_replay(struct conn *c, struct frame *f);
void conn_send_text(struct conn *c, struct str text);
/* Called by the transport: what waits may be written. */
void conn_on_writable(struct conn *c);
bool conn_is_drained(const struct conn *c);

/* The only way a connection ends. The reason reaches the peer, the log and a counter. Harmless when it is closing already. */
void conn_close(struct conn *c, enum close_reason reason);
/* conn_close for an end that the peer began; the transport calls conn_free next. */
void conn_ended_by_peer(struct conn *c, enum close_reason reason);
/* conn_close; the client shall come back after that time. */
void conn_close_for_restart(struct conn *c, enum close_reason reason, int32_t retry_after_ms);
/* Called by the transport once nothing of it is left. peer_code: of the peer's close frame, or 0. The memory stays until the
 * loop's turn is over, for callers that still hold it; its state stays CONN_CLOSING. */
void conn_free(struct conn *c, int peer_code);

/* keepalive.c: sets the timer to what comes next; and what happens then. */
void conn_arm(struct conn *c);
void conn_on_timer(struct conn *c);
void conn_answer_pings(struct conn *c);

#endif
