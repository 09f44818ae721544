/* What server.c (listeners), server_http.c (a connection's life), server_read.c, server_reply.c and websocket.c share. */
#ifndef CVPULSE_SERVER_INTERNAL_H
#define CVPULSE_SERVER_INTERNAL_H

#include "http_head.h"
#include "server.h"
#include "wheel.h"

/* What a connection is doing; what is allowed in a state stands in server_http.c. */
enum http_state {
	HTTP_STATE_IDLE,                /* between requests, nothing read of the next one */
	HTTP_STATE_HEAD,                /* a part of a head is there */
	HTTP_STATE_BODY,                /* the handler gets the body */
	HTTP_STATE_ANSWERING,           /* nothing more to read, the handler has not responded yet */
	HTTP_STATE_SENDING,             /* a whole response is on its way */
	HTTP_STATE_STREAMING,           /* a response without a known end */
	HTTP_STATE_LINGERING,           /* answered; what the peer still sends is dropped */
	HTTP_STATE_CLOSED
};

struct http_connection {
	struct request request;
	struct http_connection *next, *prev;
	uv_poll_t poll;
	struct wheel_entry timer;
	enum http_state state;
	int fd, file_fd, polled;        /* polled: the uv_poll events that are asked for */
	struct ip peer;
	bool admin;
	/* What the socket can do now, as far as is known. */
	bool readable, blocked, ended;
	/* About the current request. */
	bool announced, paused, keep_alive, head_only, stepping;
	struct buf in;                  /* the head, and what came with it */
	size_t in_used, scanned;        /* in_used: bytes of in that are dealt with */
	int64_t body_left;
	int64_t body_window;            /* bytes of the body since its time-out was last put off */
	struct buf out;
	size_t out_sent;
	int64_t file_offset, file_left;
};

struct server_socket {
	struct server *server;
	uv_poll_t poll;
	struct listener listener;
	bool admin;
};

struct websockets;

struct server {
	uv_loop_t *loop;
	struct server_handler handler;
	struct server_socket sockets[2 * LISTENERS_MAX];
	int n_sockets;
	uv_timer_t tick, accept_retry;
	struct wheel wheel;
	struct http_connection connections; /* list head */
	size_t n_connections, handles;  /* handles: what must be closed before the memory goes */
	struct cidr_list trusted;
	int64_t header_timeout_ms, body_timeout_ms, send_timeout_ms, keepalive_timeout_ms, linger_ms, max_connections, body_min_bytes;
	bool draining, closing;
	struct websockets *websockets;
	struct http_head head;          /* the head that was parsed last, and whose it is (NULL: nobody's) */
	const struct http_connection *head_of;
	char scratch[65536];
};

/* server_http.c. `serve`: at once, without waiting for the loop to say that there is something to read. */
void http_connection_open(struct server *s, int fd, const struct sockaddr *peer, bool admin, bool serve);
void http_connection_close(struct http_connection *c);
void http_connection_step(struct http_connection *c);
void http_connection_timeout(struct http_connection *c);
void http_connection_set_state(struct http_connection *c, enum http_state state);
static inline struct http_connection *connection_of(struct request *rq) { return (struct http_connection *)(void *)rq; }
_Static_assert(offsetof(struct http_connection, request) == 0, "connection_of");

/* server_read.c. The head of the connection's request, parsed again if another's was since. */
const struct http_head *http_connection_head(struct http_connection *c);
/* One read of what the socket has: the count, 0 when there is nothing (now, or ever again), or -errno. */
ssize_t http_connection_receive(struct http_connection *c, char *out, size_t cap);
/* These three tell whether something happened, so that it is worth going on. */
bool http_connection_read_head(struct http_connection *c);
bool http_connection_read_body(struct http_connection *c);
bool http_connection_drop_body(struct http_connection *c); /* what still comes of a body whose request has been answered */

/* server_reply.c: writes what waits; 1 when all of it is gone, 0 when the peer must read first, -errno. */
int http_connection_flush(struct http_connection *c);
/* An answer of the server itself, for what never became a request. The connection ends after it. */
void http_connection_refuse(struct http_connection *c, int status);

/* server.c */
void server_arm(struct server *s, struct http_connection *c, int64_t after_ms); /* 0: no time-out */
void server_released(struct server *s); /* one handle has gone */
void server_look_for_arrivals(struct server *s); /* takes who waits to be accepted; serves nobody yet */

#endif
