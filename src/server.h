/*
 * HTTP/1.1 and WebSocket server on the loop. HTTP is read strictly by ourselves (http_head.h): libwebsockets 4.1.6 lets
 * pass what proxies read in two ways, and loses its way in chunked bodies. WebSockets are libwebsockets' (websocket.h).
 * The server accepts from sockets that the caller has opened. All calls happen on the loop's thread.
 */
#ifndef CVPULSE_SERVER_H
#define CVPULSE_SERVER_H

#include <stdbool.h>
#include <uv.h>

#include "address.h"
#include "cidr.h"
#include "config.h"
#include "http.h"
#include "str.h"

struct server;

/* One HTTP transaction. Lives from on_request until on_request_end has returned. */
struct request {
	struct server *server;
	void *user;                     /* the handler's own */
	enum http_method method;
	struct str path, query;         /* as sent, undecoded; good for the request's whole life */
	int64_t content_length;         /* -1: no body */
	bool admin;                     /* came in on an admin listener */
	bool upgrade;                   /* a well-formed WebSocket upgrade: answer it, or ws_accept (websocket.h) */
	bool forwarded;                 /* by a trusted proxy, which named the client */
	struct ip client;               /* the client: from a trusted proxy its X-Real-IP header, else the peer */
};

#define REQUEST_ADDRESS_SIZE IP_TEXT_SIZE

struct http_header {
	const char *name;
	struct str value;
};

/* All of them may be NULL except on_request and on_request_end. */
struct server_handler {
	/* Headers are complete. The handler may respond now or later, or read the body first. */
	void (*on_request)(struct request *rq, void *ctx);
	/* A piece of the body, at most 64 KiB. Not called after the handler has responded: what still comes of the body is read
	 * and dropped (bounded by http.linger_s), so that the client sees the answer instead of a reset. */
	void (*on_body)(struct request *rq, struct str chunk, void *ctx);
	/* The body is complete; once for each request that has one (an empty one too), unless the handler has responded. */
	void (*on_body_end)(struct request *rq, void *ctx);
	/* All that was written of a streamed response has been handed to the kernel. */
	void (*on_drain)(struct request *rq, void *ctx);
	/* The last call for a request, always made: completed tells whether the whole response was handed to the kernel. */
	void (*on_request_end)(struct request *rq, bool completed, void *ctx);
	void *ctx;
};

int server_open(uv_loop_t *loop, const struct config *cfg, const struct server_handler *handler, struct server **out);
/* Serves these listeners as well; they stay the caller's and must outlive the server. */
int server_listen(struct server *s, const struct listener *listeners, int n, bool admin);
/* After a reload: time-outs, limits, trusted proxies. */
void server_configure(struct server *s, const struct config *cfg);
/* Accepts no more; answers say "Connection: close" from now on, idle connections are closed. Admin listeners go on. */
void server_drain(struct server *s);
/* Ends every connection; harmless the second time, until the loop has turned. The memory goes with the loop's next turns. The loop must not run WebSockets after it. */
void server_close(struct server *s);
size_t server_http_connections(const struct server *s);

/* The value of a request header by lower-case name; p is NULL when it is absent or comes twice. Good during
 * the request's whole life; the text is the request's own. */
struct str request_field(struct request *rq, const char *name);
/* The value of a request header by lower-case name, copied into out; its length, -ENOENT (also when it comes twice), or
 * -EMSGSIZE. */
int request_header(struct request *rq, const char *name, char *out, size_t cap);
/* The client's address as text ("unix" for a unix socket). */
void request_client_address(struct request *rq, char out[REQUEST_ADDRESS_SIZE]);

/* Answers with a whole body (copied). The connection is kept alive when the request's body was read completely. All four
 * return 0, or -EALREADY when the request has been answered before. */
int request_respond(struct request *rq, int status, const char *content_type, struct str body,
		    const struct http_header *headers, size_t n_headers);
/* application/problem+json (http.h). retry_after_s > 0 adds Retry-After. */
int request_problem(struct request *rq, int status, const char *code, const char *detail, int retry_after_s);
/* Answers with `length` bytes of a file from `offset`; takes the descriptor over, which may be -1 for a HEAD. */
int request_respond_file(struct request *rq, int status, const char *content_type, int fd, int64_t offset, int64_t length,
			 const struct http_header *headers, size_t n_headers);
/* Begins a response without a known end; request_stream_write adds to it, request_stream_end ends it and the connection. */
int request_stream(struct request *rq, int status, const char *content_type, const struct http_header *headers, size_t n_headers);

/* Writes or queues bytes of a streamed response. The caller bounds what waits by request_queued_bytes. -EPIPE: it is over. */
int request_stream_write(struct request *rq, struct str bytes);
void request_stream_end(struct request *rq);
size_t request_queued_bytes(const struct request *rq);
/* Ends the connection at once, without an answer. on_request_end follows before this returns, or soon after. */
void request_abort(struct request *rq);

/* Stops and restarts the reading of the body (back-pressure while the disk is behind). */
void request_pause(struct request *rq);
void request_resume(struct request *rq);

#endif
