/*
 * One HTTP connection: reading heads and bodies, and what follows an answer. Called by server.c for new sockets and
 * time-outs; server_reply.c makes the answers.
 *
 * IDLE → HEAD → BODY → ANSWERING → SENDING → IDLE …   A response may begin in BODY (what still comes is dropped) or in
 * ANSWERING, and may be STREAMING. LINGERING follows an answer whose request was not read to its end: closing a socket
 * with unread bytes makes the kernel send a reset, which can destroy the answer on its way.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "metrics.h"
#include "server_internal.h"
#include "websocket_internal.h"

static void on_socket(uv_poll_t *poll, int status, int events);

static bool is_lawful(enum http_state from, enum http_state to)
{
	switch (to) {
	case HTTP_STATE_IDLE:
		return from == HTTP_STATE_SENDING;
	case HTTP_STATE_HEAD:
		return from == HTTP_STATE_IDLE;
	case HTTP_STATE_BODY:
		return from == HTTP_STATE_HEAD;
	case HTTP_STATE_ANSWERING:
		return from == HTTP_STATE_HEAD || from == HTTP_STATE_BODY;
	case HTTP_STATE_SENDING:
		return from <= HTTP_STATE_ANSWERING || from == HTTP_STATE_STREAMING;
	case HTTP_STATE_STREAMING:
		return from == HTTP_STATE_BODY || from == HTTP_STATE_ANSWERING;
	case HTTP_STATE_LINGERING:
		return from == HTTP_STATE_SENDING;
	case HTTP_STATE_CLOSED:
		return from != HTTP_STATE_CLOSED;
	}
	return false;
}

static int64_t timeout_of(const struct http_connection *c)
{
	const struct server *s = c->request.server;

	switch (c->state) {
	case HTTP_STATE_IDLE:
		return s->keepalive_timeout_ms;
	case HTTP_STATE_HEAD:
		return s->header_timeout_ms;
	case HTTP_STATE_BODY:
		return c->paused ? 0 : s->body_timeout_ms;
	case HTTP_STATE_SENDING:
		return s->send_timeout_ms;
	case HTTP_STATE_STREAMING:
		return c->blocked ? s->send_timeout_ms : 0;
	case HTTP_STATE_LINGERING:
		return s->linger_ms;
	case HTTP_STATE_ANSWERING:
	case HTTP_STATE_CLOSED:
		return 0;
	}
	return 0;
}

void http_connection_set_state(struct http_connection *c, enum http_state state)
{
	if (!is_lawful(c->state, state))
		abort();
	c->state = state;
	server_arm(c->request.server, c, timeout_of(c));
}

/* What the loop should tell us about the socket in this state. */
static int wanted_events(const struct http_connection *c)
{
	bool waits = c->out_sent < c->out.n || c->file_left > 0;
	int events = waits && c->blocked ? UV_WRITABLE : 0;

	switch (c->state) {
	case HTTP_STATE_IDLE:
	case HTTP_STATE_HEAD:
	case HTTP_STATE_LINGERING:
		return events | UV_READABLE;
	case HTTP_STATE_BODY:
		return events | (c->paused ? 0 : UV_READABLE);
	case HTTP_STATE_SENDING:
		return events | (c->body_left > 0 && !c->ended ? UV_READABLE : 0);
	case HTTP_STATE_ANSWERING:
	case HTTP_STATE_STREAMING:
		return events | (c->ended ? 0 : UV_READABLE);
	case HTTP_STATE_CLOSED:
		break;
	}
	return 0;
}

static void watch(struct http_connection *c)
{
	int events = wanted_events(c);

	if (c->state == HTTP_STATE_CLOSED || events == c->polled)
		return;
	c->polled = events;
	if (events)
		uv_poll_start(&c->poll, events, on_socket);
	else
		uv_poll_stop(&c->poll);
}

static void on_closed(uv_handle_t *handle)
{
	struct http_connection *c = handle->data;
	struct server *s = c->request.server;

	if (s->head_of == c)
		s->head_of = NULL;
	buf_free(&c->in);
	buf_free(&c->out);
	free(c);
	server_released(s);
}

static void request_end(struct http_connection *c, bool completed)
{
	struct server *s = c->request.server;

	if (!c->announced)
		return;
	c->announced = false;
	s->handler.on_request_end(&c->request, completed, s->handler.ctx);
	c->request.user = NULL;
}

void http_connection_close(struct http_connection *c)
{
	if (c->state == HTTP_STATE_CLOSED)
		return;
	http_connection_set_state(c, HTTP_STATE_CLOSED);
	/* Off the list first: the handler may close the whole server when it hears of the end. */
	c->next->prev = c->prev;
	c->prev->next = c->next;
	c->request.server->n_connections--;
	request_end(c, false);
	uv_poll_stop(&c->poll);
	uv_close((uv_handle_t *)&c->poll, on_closed);
	if (c->fd >= 0)
		close(c->fd);
	if (c->file_fd >= 0)
		close(c->file_fd);
}

int http_connection_give_away(struct http_connection *c)
{
	int fd = c->fd;

	uv_poll_stop(&c->poll);
	c->fd = -1;
	request_end(c, true);
	http_connection_close(c);
	return fd;
}

/* Before the answer: only whether the peer is still there. Bytes of a next request stay in the kernel. */
static void look_for_end(struct http_connection *c)
{
	char byte;
	ssize_t n = c->readable && !c->ended ? recv(c->fd, &byte, 1, MSG_PEEK) : -1;

	if (!c->readable || c->ended || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	c->ended = true; /* or pipelined: either way there is nothing to learn until the answer is out */
	if (n < 0 || (n == 0 && c->state == HTTP_STATE_STREAMING))
		http_connection_close(c);
}

static void next_request(struct http_connection *c)
{
	memmove(c->in.p, c->in.p + c->in_used, c->in.n - c->in_used);
	c->in.n -= c->in_used;
	c->in_used = 0;
	if (c->request.server->head_of == c)
		c->request.server->head_of = NULL;
	if (c->in.n == 0)
		buf_free(&c->in);
	buf_free(&c->out);
	if (c->file_fd >= 0)
		close(c->file_fd);
	c->file_fd = -1;
	c->ended = false;
	http_connection_set_state(c, HTTP_STATE_IDLE);
}

static bool finish_answer(struct http_connection *c)
{
	int rc;

	while (http_connection_drop_body(c))
		;
	if (c->state == HTTP_STATE_CLOSED)
		return false;
	rc = http_connection_flush(c);
	if (rc < 0)
		http_connection_close(c);
	if (rc <= 0)
		return false;
	request_end(c, true);
	if (c->keep_alive) {
		next_request(c);
		return true;
	}
	shutdown(c->fd, SHUT_WR);
	http_connection_set_state(c, HTTP_STATE_LINGERING);
	return true;
}

static bool linger(struct http_connection *c)
{
	struct server *s = c->request.server;
	ssize_t n = http_connection_receive(c, s->scratch, sizeof(s->scratch));

	if (n < 0 || c->ended)
		http_connection_close(c);
	return false;
}

static bool stream(struct http_connection *c)
{
	struct server *s = c->request.server;
	bool waited = c->out_sent < c->out.n;
	int rc = http_connection_flush(c);

	if (rc < 0) {
		http_connection_close(c);
		return false;
	}
	server_arm(s, c, timeout_of(c));
	if (waited && rc > 0 && s->handler.on_drain)
		s->handler.on_drain(&c->request, s->handler.ctx);
	if (c->state == HTTP_STATE_STREAMING)
		look_for_end(c);
	/* What the handler has just added must not wait for the next thing to happen. */
	return c->state == HTTP_STATE_STREAMING && c->out_sent < c->out.n && !c->blocked;
}

static bool step(struct http_connection *c)
{
	switch (c->state) {
	case HTTP_STATE_IDLE:
	case HTTP_STATE_HEAD:
		return http_connection_read_head(c);
	case HTTP_STATE_BODY:
		return http_connection_read_body(c);
	case HTTP_STATE_ANSWERING:
		look_for_end(c);
		return false;
	case HTTP_STATE_SENDING:
		return finish_answer(c);
	case HTTP_STATE_STREAMING:
		return stream(c);
	case HTTP_STATE_LINGERING:
		return linger(c);
	case HTTP_STATE_CLOSED:
		return false;
	}
	return false;
}

void http_connection_step(struct http_connection *c)
{
	enum http_state before;

	/* The handler answers from inside its own callbacks: the turn that called it goes on. */
	if (c->stepping)
		return;
	c->stepping = true;
	do
		before = c->state;
	while (step(c) || c->state != before);
	c->stepping = false;
	watch(c);
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
	struct http_connection *c = poll->data;

	if (events & UV_WRITABLE)
		c->blocked = false;
	if (events & UV_READABLE || status < 0)
		c->readable = true;
	http_connection_step(c);
}

/* When the loop is late, the clock may be over although the request has come: so it is read first. */
static bool is_late_ourselves(struct http_connection *c)
{
	enum http_state before = c->state;

	if (before != HTTP_STATE_IDLE && before != HTTP_STATE_HEAD)
		return false;
	c->readable = true;
	http_connection_step(c);
	return c->state != before || wheel_is_armed(&c->timer);
}

void http_connection_timeout(struct http_connection *c)
{
	if (is_late_ourselves(c))
		return;
	if (c->state == HTTP_STATE_HEAD) {
		http_connection_refuse(c, 408);
		http_connection_step(c);
	} else if (c->state == HTTP_STATE_BODY) {
		c->body_left = 0; /* nothing more is worth waiting for */
		c->keep_alive = false;
		request_problem(&c->request, 408, "body_timeout", "the body comes too slowly; please try again", 0);
	} else {
		http_connection_close(c);
	}
}

void http_connection_open(struct server *s, int fd, const struct sockaddr *peer, bool admin, bool serve)
{
	struct http_connection *c = s->max_connections && s->n_connections >= (size_t)s->max_connections && !admin
		? NULL : calloc(1, sizeof(*c));
	int on = 1;

	if (!c || uv_poll_init(s->loop, &c->poll, fd) < 0) {
		metrics_add(METRIC_http_connections_refused, 1);
		free(c);
		close(fd);
		return;
	}
	if (peer->sa_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->poll.data = c;
	c->fd = fd;
	c->file_fd = -1;
	c->peer = ip_of(peer);
	c->admin = admin;
	c->request.server = s;
	buf_init(&c->in, 2 * HTTP_HEAD_MAX_BYTES);
	buf_init(&c->out, (size_t)1 << 30);
	c->next = &s->connections;
	c->prev = s->connections.prev;
	c->prev->next = c->next->prev = c;
	s->n_connections++;
	s->handles++;
	server_arm(s, c, s->header_timeout_ms);
	c->readable = serve; /* a client's request is often there already */
	if (serve)
		http_connection_step(c);
	else
		watch(c);
}
