/*
 * HTTP requests to other services on the loop: libcurl's multi interface driven by libuv (curl_multi_socket_action).
 * Every call has a time-out and a maximum answer size. libcurl is included by http_client.c only.
 */
#ifndef CVPULSE_HTTP_CLIENT_H
#define CVPULSE_HTTP_CLIENT_H

#include <uv.h>

#include "str.h"

struct http_client;
struct http_call;

/* status: the HTTP status, or -ETIMEDOUT, -EMSGSIZE (answer over the limit), -ECONNREFUSED (no connection or it broke),
 * -EINVAL (bad URL). body is good during the call. */
typedef void http_done_fn(void *ctx, int status, struct str body);

struct http_options {
	const char *url;                /* http or https only; redirects are not followed */
	const char *method;             /* NULL: GET */
	struct str body;                /* copied; sent when not empty */
	const char *const *headers;     /* "Name: value" lines, NULL at the end; may be NULL */
	int64_t timeout_ms;
	size_t max_answer_bytes;
};

int http_client_new(uv_loop_t *loop, struct http_client **out);
/* Ends every call without calling its function. */
void http_client_free(struct http_client *client);
/* fn is called exactly once, later, unless the call is cancelled. 0 or -errno. out may be NULL. */
int http_client_start(struct http_client *client, const struct http_options *options, http_done_fn *fn, void *ctx, struct http_call **out);
void http_call_cancel(struct http_call *call);

#endif
