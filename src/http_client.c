/* See http_client.h. */
#include "http_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ERROR_PAGE_MAX_BYTES 1048576    /* that is read and dropped; more breaks the connection */
#define ERROR_PAGE_KEPT_BYTES 4096

struct http_client {
	uv_loop_t *loop;
	uv_timer_t timer;
	CURLM *multi;
	struct http_call *calls;
};

struct http_call {
	struct http_client *client;
	CURL *easy;
	struct curl_slist *headers;
	struct buf answer, body;
	http_done_fn *fn;
	void *ctx;
	const struct net_guard *guard;
	bool (*on_data)(void *ctx, struct str piece);
	size_t max_answer_bytes, streamed_bytes;
	int body_fd;
	off_t body_at;
	bool refused;                           /* the guard let an address not pass */
	bool paused;
	struct http_call *next, **link;
};

/* One watched socket of libcurl; freed when libuv has let go of it. */
struct watched {
	uv_poll_t poll;
	struct http_client *client;
	curl_socket_t fd;
};

static void call_free(struct http_call *call)
{
	*call->link = call->next;
	if (call->next)
		call->next->link = call->link;
	curl_multi_remove_handle(call->client->multi, call->easy);
	curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	buf_free(&call->answer);
	buf_free(&call->body);
	free(call);
}

static int status_of(struct http_call *call, CURLcode code)
{
	long status = 0;

	if (code != CURLE_OK && call->refused)
		return -EACCES;
	switch (code) {
	case CURLE_OK:
		curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
		return (int)status;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_WRITE_ERROR:
	case CURLE_FILESIZE_EXCEEDED:
		curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
		return status >= 300 ? (int)status : -EMSGSIZE;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return -EINVAL;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return -EKEYREJECTED;
	default:
		return -ECONNREFUSED;
	}
}

static void finish_calls(struct http_client *client)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
		struct http_call *call = NULL;
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
		call->fn(call->ctx, status_of(call, code), buf_str(&call->answer));
		call_free(call);
	}
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct watched *w = poll->data;
	struct http_client *client = w->client;
	int flags = status < 0 ? CURL_CSELECT_ERR : 0, running;

	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	curl_multi_socket_action(client->multi, w->fd, flags, &running);
	finish_calls(client);
}

static void on_timer(uv_timer_t *timer)
{
	struct http_client *client = timer->data;
	int running;

	curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	finish_calls(client);
}

/* libcurl must not be called from inside its own callback, so even "now" goes through the loop. */
static int set_timer(CURLM *multi, long timeout_ms, void *ctx)
{
	struct http_client *client = ctx;

	(void)multi;
	if (timeout_ms < 0)
		return uv_timer_stop(&client->timer);
	return uv_timer_start(&client->timer, on_timer, timeout_ms ? (uint64_t)timeout_ms : 1, 0);
}

static void on_watched_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static struct watched *watch(struct http_client *client, curl_socket_t fd)
{
	struct watched *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->client = client;
	w->fd = fd;
	w->poll.data = w;
	if (uv_poll_init_socket(client->loop, &w->poll, fd) < 0) {
		free(w);
		return NULL;
	}
	curl_multi_assign(client->multi, fd, w);
	return w;
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *known)
{
	struct http_client *client = ctx;
	struct watched *w = known;
	int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w) {
			curl_multi_assign(client->multi, fd, NULL);
			uv_poll_stop(&w->poll);
			uv_close((uv_handle_t *)&w->poll, on_watched_closed);
		}
		return 0;
	}
	if (!w)
		w = watch(client, fd);
	if (!w)
		return -1;
	if (what & CURL_POLL_IN)
		events |= UV_READABLE;
	if (what & CURL_POLL_OUT)
		events |= UV_WRITABLE;
	return uv_poll_start(&w->poll, events, on_ready);
}

int http_client_new(uv_loop_t *loop, struct http_client **out)
{
	struct http_client *client = calloc(1, sizeof(*client));

	if (!client)
		return -ENOMEM;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	client->loop = loop;
	client->multi = curl_multi_init();
	if (!client->multi) {
		free(client);
		return -ENOMEM;
	}
	uv_timer_init(loop, &client->timer);
	client->timer.data = client;
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	*out = client;
	return 0;
}

static void on_client_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void http_client_free(struct http_client *client)
{
	while (client->calls)
		call_free(client->calls);
	curl_multi_cleanup(client->multi);
	uv_close((uv_handle_t *)&client->timer, on_client_closed);
}

static size_t on_answer(char *p, size_t size, size_t n, void *ctx)
{
	struct http_call *call = ctx;

	buf_add(&call->answer, p, size * n);
	return call->answer.failed ? 0 : size * n;
}

static size_t on_streamed(char *p, size_t size, size_t n, void *ctx)
{
	struct http_call *call = ctx;
	long status = 0;

	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200 || status > 299) {
		if (call->answer.n + size * n <= ERROR_PAGE_KEPT_BYTES)
			buf_add(&call->answer, p, size * n);
		call->streamed_bytes += size * n;
		return call->streamed_bytes > ERROR_PAGE_MAX_BYTES ? 0 : size * n;
	}
	if (call->paused)
		return CURL_WRITEFUNC_PAUSE;
	if (size * n > call->max_answer_bytes - call->streamed_bytes)
		return 0;
	call->streamed_bytes += size * n;
	call->paused = !call->on_data(call->ctx, str_of(p, size * n));
	return size * n;
}

/* Called for each address that a host has, right before the connection. */
static curl_socket_t open_guarded(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_call *call = ctx;

	if (purpose != CURLSOCKTYPE_IPCXN || !net_guard_allows(call->guard, &address->addr)) {
		call->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t read_body(char *p, size_t size, size_t n, void *ctx)
{
	struct http_call *call = ctx;
	ssize_t got = pread(call->body_fd, p, size * n, call->body_at);

	if (got < 0)
		return CURL_READFUNC_ABORT;
	call->body_at += got;
	return (size_t)got;
}

/* A kept connection broke before the server had read anything: libcurl begins anew on another one. */
static int seek_body(void *ctx, curl_off_t offset, int origin)
{
	struct http_call *call = ctx;

	(void)origin; /* SEEK_SET always */
	call->body_at = offset;
	return CURL_SEEKFUNC_OK;
}

static void configure_body(struct http_call *call, const struct http_options *o)
{
	CURL *e = call->easy;

	if (o->body.n) {
		buf_adds(&call->body, o->body);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, call->body.p);
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.n);
	} else if (o->method && strcmp(o->method, "PUT") == 0) { /* an empty one says its length too */
		call->body_fd = o->body_fd;
		curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE, (curl_off_t)o->body_fd_bytes);
		curl_easy_setopt(e, CURLOPT_READFUNCTION, read_body);
		curl_easy_setopt(e, CURLOPT_READDATA, call);
		curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, seek_body);
		curl_easy_setopt(e, CURLOPT_SEEKDATA, call);
	}
}

static void configure(struct http_call *call, const struct http_options *o)
{
	CURL *e = call->easy;

	curl_easy_setopt(e, CURLOPT_URL, o->url);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_PROXY, "");         /* an environment's proxy must not see our requests */
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)o->timeout_ms);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(e, CURLOPT_PRIVATE, call);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, call->headers);
	if (o->guard) {
		curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_guarded);
		curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, call);
		curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L); /* a kept connection has not been seen by the guard */
		curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
		curl_easy_setopt(e, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
	}
	if (o->on_data)
		curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_streamed);
	if (o->method && strcmp(o->method, "HEAD") == 0)
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	else /* the length in the answer to a HEAD is one of what does not come */
		curl_easy_setopt(e, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)o->max_answer_bytes);
	if (o->method && strcmp(o->method, "HEAD") != 0)
		curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, o->method);
	if (o->aws_sigv4) {
		curl_easy_setopt(e, CURLOPT_AWS_SIGV4, o->aws_sigv4);
		curl_easy_setopt(e, CURLOPT_USERPWD, o->aws_credentials);
	}
	if (o->ca_file && *o->ca_file)
		curl_easy_setopt(e, CURLOPT_CAINFO, o->ca_file);
	configure_body(call, o);
}

int http_client_start(struct http_client *client, const struct http_options *options, http_done_fn *fn, void *ctx, struct http_call **out)
{
	struct http_call *call = calloc(1, sizeof(*call));

	if (!call)
		return -ENOMEM;
	call->easy = curl_easy_init();
	if (!call->easy) {
		free(call);
		return -ENOMEM;
	}
	call->client = client;
	call->fn = fn;
	call->ctx = ctx;
	call->guard = options->guard;
	call->on_data = options->on_data;
	call->max_answer_bytes = options->max_answer_bytes;
	buf_init(&call->answer, options->max_answer_bytes);
	buf_init(&call->body, options->body.n ? options->body.n : 1);
	for (const char *const *h = options->headers; h && *h; h++)
		call->headers = curl_slist_append(call->headers, *h);
	call->next = client->calls;
	call->link = &client->calls;
	if (call->next)
		call->next->link = &call->next;
	client->calls = call;
	configure(call, options);
	if (curl_multi_add_handle(client->multi, call->easy) != CURLM_OK) {
		call_free(call);
		return -ENOMEM;
	}
	if (out)
		*out = call;
	return 0;
}

void http_call_cancel(struct http_call *call)
{
	call_free(call);
}

void http_call_resume(struct http_call *call)
{
	if (!call->paused)
		return;
	call->paused = false;
	curl_easy_pause(call->easy, CURLPAUSE_CONT);
}

int64_t http_call_retry_after_ms(const struct http_call *call)
{
	curl_off_t seconds = 0;

	curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &seconds);
	return seconds < 0 ? 0 : (int64_t)(seconds > INT32_MAX ? INT32_MAX : seconds) * 1000;
}

const char *http_call_redirect(const struct http_call *call)
{
	char *url = NULL;

	curl_easy_getinfo(call->easy, CURLINFO_REDIRECT_URL, &url);
	return url;
}
