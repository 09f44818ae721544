/*
 * HTTP requests to other services on the loop: libcurl's multi interface driven by libuv (curl_multi_socket_action).
 * Every call has a time-out and a maximum answer size. libcurl is included by http_client*.c only.
 */
#ifndef CVPULSE_HTTP_CLIENT_H
#define CVPULSE_HTTP_CLIENT_H

#include <uv.h>

#include "net_guard.h"
#include "str.h"

#define HTTP_URL_MAX 2048               /* bytes of an address that strangers name */

struct http_client;
struct http_call;

/* status: the HTTP status, or -ETIMEDOUT, -EMSGSIZE (answer over the limit), -ECONNREFUSED (no connection or it broke),
 * -EINVAL (bad URL), -EACCES (the guard let no address pass), -EKEYREJECTED (a certificate that is not trusted). body is good
 * during the call. */
typedef void http_done_fn(void *ctx, int status, struct str body);

struct http_options {
	const char *url;                /* http or https only; redirects are not followed */
	const char *method;             /* NULL: GET */
	struct str body;                /* copied; sent when not empty */
	int body_fd;                    /* of a PUT without body: so many bytes of this file, which must stay open as long as the call */
	int64_t body_fd_bytes;
	const char *const *headers;     /* "Name: value" lines, NULL at the end; may be NULL */
	int64_t timeout_ms;
	size_t max_answer_bytes;
	/* For addresses that strangers name. Each connection is then made for this call alone, to an address that the guard
	 * has seen. NULL: go anywhere. Must live as long as the call. */
	const struct net_guard *guard;
	/* Signed by Amazon's Signature Version 4: "aws:amz:<region>:<service>", and "<key id>:<secret>". NULL: not. */
	const char *aws_sigv4, *aws_credentials;
	const char *ca_file;            /* trusted instead of the system's authorities; NULL or "": those */
	/* Takes the body of a 2xx answer piece by piece instead of collecting it (of another's, what came of its first 4 KiB is
	 * collected). Returns whether there is room for more; with false nothing comes until http_call_resume. NULL: collect. */
	bool (*on_data)(void *ctx, struct str piece);
};

/* Reads and judges an address that a stranger names, as libcurl would read it. */
enum net_url_verdict http_url_judge(const struct net_guard *guard, const char *url);

int http_client_new(uv_loop_t *loop, struct http_client **out);
/* Ends every call without calling its function. */
void http_client_free(struct http_client *client);
/* fn is called exactly once, later, unless the call is cancelled. 0 or -errno. out may be NULL. */
int http_client_start(struct http_client *client, const struct http_options *options, http_done_fn *fn, void *ctx, struct http_call **out);
void http_call_cancel(struct http_call *call);
/* After on_data returned false: there is room again. Not from inside on_data. */
void http_call_resume(struct http_call *call);
/* How long the answer asks to be left alone (Retry-After); 0: it does not say. Only inside the done function. */
int64_t http_call_retry_after_ms(const struct http_call *call);
/* Where a 3xx answer points to, made absolute; NULL when nowhere. Only inside the done function. */
const char *http_call_redirect(const struct http_call *call);

#endif
