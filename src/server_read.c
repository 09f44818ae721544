/* Reading of requests: heads, then bodies in pieces. Called by server_http.c, which knows when. */
#include <errno.h>
#include <sys/socket.h>

#include "metrics.h"
#include "server_internal.h"

/* One read of what the socket has. Returns the count, 0 when there is nothing (now, or ever again), or -errno. */
ssize_t http_connection_receive(struct http_connection *c, char *out, size_t cap)
{
	ssize_t n;

	if (!c->readable || c->ended)
		return 0;
	c->readable = false; /* the loop tells again if there is more */
	n = recv(c->fd, out, cap, 0);
	if (n == 0)
		c->ended = true;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	return n;
}

static void find_client(struct http_connection *c)
{
	struct server *s = c->request.server;
	struct str real = http_head_field(&s->head, "x-real-ip");
	struct ip named;

	c->request.client = c->peer;
	c->request.forwarded = cidr_list_has(&s->trusted, &c->peer) && ip_parse(real, &named) == 0;
	if (c->request.forwarded)
		c->request.client = named;
}

/* 0, or the status that refuses a malformed upgrade (RFC 6455, 4.2.1). */
static int check_upgrade(const struct http_head *h)
{
	struct str key = http_head_field(h, "sec-websocket-key");

	if (h->method != HTTP_GET || h->content_length > 0 || key.n != 24 || !str_eq(str_skip(key, 22), STR("==")))
		return 400;
	return str_eq(http_head_field(h, "sec-websocket-version"), STR("13")) ? 0 : 426;
}

static void announce(struct http_connection *c)
{
	struct server *s = c->request.server;
	struct http_head *h = &s->head;
	struct request *rq = &c->request;

	rq->method = h->method;
	rq->path = h->path;
	rq->query = h->query;
	rq->content_length = h->content_length;
	rq->upgrade = h->wants_websocket;
	rq->admin = c->admin;
	c->body_left = h->content_length > 0 ? h->content_length : 0;
	c->keep_alive = h->keep_alive;
	c->head_only = h->method == HTTP_HEAD;
	c->paused = false;
	find_client(c);
	c->announced = true;
	metrics_add(METRIC_http_requests, 1);
	http_connection_set_state(c, HTTP_STATE_BODY);
	c->body_window = 0;
	s->handler.on_request(rq, s->handler.ctx);
	if (c->state == HTTP_STATE_BODY && h->expects_continue && c->body_left > 0 && c->in.n == c->in_used)
		send(c->fd, "HTTP/1.1 100 Continue\r\n\r\n", 25, MSG_NOSIGNAL);
}

/* The head's text stands at the beginning of `in` until the request is over. */
const struct http_head *http_connection_head(struct http_connection *c)
{
	struct server *s = c->request.server;
	size_t scanned = 0;
	int length;

	if (s->head_of != c) {
		length = http_head_length(c->in.p, c->in.n, &scanned);
		if (length <= 0 || http_head_parse(c->in.p, (size_t)length, &s->head) != 0)
			s->head = (struct http_head){ .content_length = -1 }; /* it was good before: never */
		s->head_of = c;
	}
	return &s->head;
}

/* A head, once it is whole. Returns whether something happened. */
static bool parse_head(struct http_connection *c)
{
	struct server *s = c->request.server;
	int length = http_head_length(c->in.p + c->in_used, c->in.n - c->in_used, &c->scanned), status;

	if (length == 0)
		return false;
	if (length < 0) {
		http_connection_refuse(c, -length);
		return true;
	}
	status = http_head_parse(c->in.p + c->in_used, (size_t)length, &s->head);
	s->head_of = c;
	c->in_used += (size_t)length;
	c->scanned = 0;
	if (status == 0 && s->head.wants_websocket)
		status = check_upgrade(&s->head);
	if (status)
		http_connection_refuse(c, status);
	else
		announce(c);
	return true;
}

bool http_connection_read_head(struct http_connection *c)
{
	struct server *s = c->request.server;
	ssize_t n;

	if (c->in.n > c->in_used) {
		if (c->state == HTTP_STATE_IDLE)
			http_connection_set_state(c, HTTP_STATE_HEAD);
		if (parse_head(c))
			return true;
	}
	n = http_connection_receive(c, s->scratch, HTTP_HEAD_MAX_BYTES - (c->in.n - c->in_used));
	if (n > 0)
		buf_add(&c->in, s->scratch, (size_t)n);
	if (n < 0 || c->ended || c->in.failed) {
		http_connection_close(c);
		return false;
	}
	return n > 0;
}

/* What came with the head, or the next piece from the socket, but never more than the body. */
static ssize_t body_chunk(struct http_connection *c, struct str *chunk)
{
	struct server *s = c->request.server;
	size_t max = c->body_left < (int64_t)sizeof(s->scratch) ? (size_t)c->body_left : sizeof(s->scratch);
	ssize_t n = (ssize_t)(c->in.n - c->in_used);

	if (n > 0) {
		n = n < (ssize_t)max ? n : (ssize_t)max;
		*chunk = str_of(c->in.p + c->in_used, (size_t)n);
		c->in_used += (size_t)n;
	} else {
		n = http_connection_receive(c, s->scratch, max);
		*chunk = str_of(s->scratch, n > 0 ? (size_t)n : 0);
	}
	if (n > 0)
		c->body_left -= n;
	return n;
}

/* Not by every byte: whoever sends one now and then holds a connection for ever. */
static void put_off_timeout(struct http_connection *c, int64_t n)
{
	struct server *s = c->request.server;

	c->body_window += n;
	if (c->body_window < s->body_min_bytes)
		return;
	c->body_window = 0;
	server_arm(s, c, s->body_timeout_ms);
}

bool http_connection_read_body(struct http_connection *c)
{
	struct server *s = c->request.server;
	struct str chunk;
	ssize_t n;

	if (c->paused)
		return false;
	if (c->body_left == 0) {
		http_connection_set_state(c, HTTP_STATE_ANSWERING);
		if (c->request.content_length >= 0 && s->handler.on_body_end)
			s->handler.on_body_end(&c->request, s->handler.ctx);
		return true;
	}
	n = body_chunk(c, &chunk);
	if (n < 0 || c->ended) {
		http_connection_close(c);
		return false;
	}
	if (n > 0) {
		put_off_timeout(c, n);
		if (s->handler.on_body)
			s->handler.on_body(&c->request, chunk, s->handler.ctx);
	}
	return n > 0;
}

/* Drops what still comes of a body whose request has been answered. */
bool http_connection_drop_body(struct http_connection *c)
{
	struct str chunk;
	ssize_t n = c->body_left > 0 ? body_chunk(c, &chunk) : 0;

	if (n < 0)
		http_connection_close(c);
	return n > 0;
}
