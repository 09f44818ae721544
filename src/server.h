/*
 * HTTP/1.1 and WebSocket server on the loop: libwebsockets behind a small door (server.c is the only file that includes
 * it). It accepts from sockets that the caller has opened, refuses what libwebsockets lets pass (Transfer-Encoding, odd
 * Content-Length), and calls the handler. All calls happen on the loop's thread.
 */
#ifndef CVPULSE_SERVER_H
#define CVPULSE_SERVER_H

#include <stdbool.h>
#include <uv.h>

#include "address.h"
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
};

#define REQUEST_ADDRESS_SIZE 64

struct http_header {
	const char *name;               /* lower case */
	struct str value;
};

struct server_handler {
	/* Headers are complete. The handler may respond now or later, or read the body first. */
	void (*on_request)(struct request *rq, void *ctx);
	/* A piece of the body, at most 64 KiB. Not called after the handler has responded: what still comes of the body is read
	 * and dropped (bounded), so that the client sees the answer instead of a reset. */
	void (*on_body)(struct request *rq, struct str chunk, void *ctx);
	void (*on_body_end)(struct request *rq, void *ctx);
	/* A streamed response may be written again. */
	void (*on_drain)(struct request *rq, void *ctx);
	/* The last call for a request, always made: completed tells whether the whole response was handed to the kernel. */
	void (*on_request_end)(struct request *rq, bool completed, void *ctx);
	void *ctx;
};

/* The value of a request header by lower-case name, copied into out; its length, -ENOENT, or -EMSGSIZE. Only good inside
 * on_request (libwebsockets frees its header table later). */
int request_header(struct request *rq, const char *name, char *out, size_t cap);
/* The client's address: from a trusted proxy the X-Real-IP header, else the peer ("unix" for a unix socket). */
void request_client_address(struct request *rq, char out[REQUEST_ADDRESS_SIZE]);

/* Answers with a whole body (copied). The connection is kept alive when the request's body was read completely. */
int request_respond(struct request *rq, int status, const char *content_type, struct str body,
		    const struct http_header *headers, size_t n_headers);
/* application/problem+json (http.h). retry_after_s > 0 adds Retry-After. */
int request_problem(struct request *rq, int status, const char *code, const char *detail, int retry_after_s);
/* Answers with `length` bytes of a file from `offset`; takes the descriptor over. */
int request_respond_file(struct request *rq, int status, const char *content_type, int fd, int64_t offset, int64_t length,
			 const struct http_header *headers, size_t n_headers);
/* Stops and restarts the reading of the body (back-pressure while the disk is behind). */
void request_pause(struct request *rq);
void request_resume(struct request *rq);

#endif
