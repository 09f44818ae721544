/* HTTP for the subcommands: one request at a time, over TCP or a unix socket. libcurl is included by request.c and probe*.c only. */
#ifndef CLI_REQUEST_H
#define CLI_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "str.h"

#define HTTP_PROBLEM_SIZE 512

struct http;

struct http_target {
	char base[1024];                /* "http://host:port", no slash at the end */
	char socket[108];               /* unix socket, or "" */
	char token[8192];               /* bearer token, or "" */
};

/* "http://…", "https://…" or "unix:/path"; 0 or -EINVAL. */
int http_target_set(struct http_target *t, const char *url);

int http_new(const struct http_target *target, struct http **out);
void http_free(struct http *h);

struct http_upload {
	const char *file;               /* path on this machine; its last part is sent as the name */
	const char *batch_id;           /* "" or NULL: none */
	void (*progress)(void *ctx, int64_t sent_bytes, int64_t total_bytes);
	void *ctx;
};

struct http_answer {
	int status;                     /* 0: no answer, see problem */
	struct buf body;                /* the caller frees it */
	char problem[HTTP_PROBLEM_SIZE];/* a sentence: libcurl's, or what the problem+json says; "" after a 2xx */
};

/* path begins with '/' and holds the query. json: the body, NULL for none. Always fills *out. 0, or -EIO when there was no answer. */
int http_call(struct http *h, const char *method, const char *path, const char *json, struct http_answer *out);
int http_call_upload(struct http *h, const char *path, const struct http_upload *up, struct http_answer *out);

/* Reads a server-sent event stream until it ends: on_event gets each event's id (may be empty) and data; false ends it.
 * last_id NULL: from now on. 0 when it ended, -EIO with *problem when it could not be had. */
int http_stream(struct http *h, const char *path, const char *last_id, bool (*on_event)(void *ctx, struct str id, struct str data),
		void *ctx, char problem[HTTP_PROBLEM_SIZE]);

/* Percent-encodes an id for a path or a query. */
void http_add_encoded(struct buf *out, struct str id);

#endif
