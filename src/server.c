/* Listening sockets, accepting, time-outs. See server.h; a connection's life is in server_http.c. */
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "server_internal.h"
#include "websocket_internal.h"

#define TICK_MS 50
#define ACCEPT_MAX 4096         /* connections taken at once: as many as the kernel keeps for us */
#define ACCEPT_EAGER 64         /* so many of them are served at once; the loop lets the others take turns with those who are in */
#define ACCEPT_RETRY_MS 100

static void on_tick(uv_timer_t *timer);

static void fire(struct wheel_entry *e, void *ctx)
{
	http_connection_timeout((struct http_connection *)(void *)((char *)e - offsetof(struct http_connection, timer)));
}

static void on_tick(uv_timer_t *timer)
{
	struct server *s = timer->data;

	wheel_advance(&s->wheel, clock_monotonic_ms(), fire, NULL);
	if (s->wheel.armed == 0)
		uv_timer_stop(timer);
}

void server_arm(struct server *s, struct http_connection *c, int64_t after_ms)
{
	if (after_ms <= 0) {
		wheel_cancel(&s->wheel, &c->timer);
		return;
	}
	/* A wheel that has slept must not meet its old ticks one by one. */
	if (s->wheel.armed == 0)
		wheel_init(&s->wheel, TICK_MS, clock_monotonic_ms());
	wheel_arm(&s->wheel, &c->timer, clock_monotonic_ms() + after_ms);
	if (!uv_is_active((uv_handle_t *)&s->tick))
		uv_timer_start(&s->tick, on_tick, TICK_MS, TICK_MS);
}

static void listen_stop(struct server *s, bool admin_too)
{
	for (int i = 0; i < s->n_sockets; i++)
		if (admin_too || !s->sockets[i].admin)
			uv_poll_stop(&s->sockets[i].poll);
}

static void on_connectable(uv_poll_t *poll, int status, int events);

static void listen_start(struct server *s)
{
	for (int i = 0; i < s->n_sockets; i++)
		if (s->sockets[i].admin || !s->draining)
			uv_poll_start(&s->sockets[i].poll, UV_READABLE, on_connectable);
}

static void on_accept_retry(uv_timer_t *timer)
{
	listen_start(timer->data);
}

/* Out of descriptors or memory: waiting is better than spinning on a socket that stays readable. */
static void accept_pause(struct server *s, int error)
{
	LOG(ERROR, "accept_failed", LOG_ERRNO(error), LOG_INT("retry_ms", ACCEPT_RETRY_MS));
	listen_stop(s, true);
	uv_timer_start(&s->accept_retry, on_accept_retry, ACCEPT_RETRY_MS, 0);
}

/* The first `eager` connections are served before this returns. */
static void take_arrivals(struct server_socket *socket, int eager)
{
	struct server *s = socket->server;

	for (int i = 0; i < ACCEPT_MAX; i++) {
		struct sockaddr_storage peer = { 0 };
		socklen_t len = sizeof(peer);
		int fd = accept4(socket->listener.fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			http_connection_open(s, fd, (struct sockaddr *)&peer, socket->admin, i < eager);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			accept_pause(s, errno);
		if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

static void on_connectable(uv_poll_t *poll, int status, int events)
{
	take_arrivals(poll->data, ACCEPT_EAGER);
}

void server_look_for_arrivals(struct server *s)
{
	for (int i = 0; i < s->n_sockets; i++)
		if (!s->sockets[i].admin && uv_is_active((uv_handle_t *)&s->sockets[i].poll))
			take_arrivals(&s->sockets[i], 0);
}

void server_released(struct server *s)
{
	if (--s->handles == 0 && s->closing)
		free(s);
}

static void on_handle_closed(uv_handle_t *handle)
{
	server_released(handle->type == UV_POLL ? ((struct server_socket *)handle->data)->server : handle->data);
}

void server_configure(struct server *s, const struct config *cfg)
{
	struct str bad;

	s->header_timeout_ms = cfg->http_header_timeout_ms;
	s->body_timeout_ms = cfg->http_body_timeout_ms;
	s->body_min_bytes = cfg->http_body_min_bytes;
	s->send_timeout_ms = cfg->http_send_timeout_ms;
	s->keepalive_timeout_ms = cfg->http_keepalive_timeout_ms;
	s->linger_ms = cfg->http_linger_ms;
	s->max_connections = cfg->http_max_connections;
	if (cidr_list_parse(cfg->auth_trusted_proxies, &s->trusted, &bad) < 0) {
		LOG(ERROR, "config_invalid", LOG_TEXT("key", "auth.trusted_proxies"), LOG_STR("item", bad));
		s->trusted.n = 0;
	}
}

/* The soft limit of descriptors is often 1024; the hard one is what the operator has granted. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void timer_open(struct server *s, uv_timer_t *timer)
{
	uv_timer_init(s->loop, timer);
	timer->data = s;
	s->handles++;
}

int server_open(uv_loop_t *loop, const struct config *cfg, const struct server_handler *handler, struct server **out)
{
	struct server *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	raise_descriptor_limit();
	s->loop = loop;
	s->handler = *handler;
	s->connections.next = s->connections.prev = &s->connections;
	timer_open(s, &s->tick);
	timer_open(s, &s->accept_retry);
	server_configure(s, cfg);
	*out = s;
	return 0;
}

int server_listen(struct server *s, const struct listener *listeners, int n, bool admin)
{
	for (int i = 0; i < n; i++) {
		struct server_socket *socket = &s->sockets[s->n_sockets];
		int rc;

		if (s->n_sockets == 2 * LISTENERS_MAX)
			return -E2BIG;
		*socket = (struct server_socket){ .server = s, .listener = listeners[i], .admin = admin };
		rc = uv_poll_init(s->loop, &socket->poll, listeners[i].fd);
		if (rc < 0)
			return rc;
		socket->poll.data = socket;
		s->n_sockets++;
		s->handles++;
		uv_poll_start(&socket->poll, UV_READABLE, on_connectable);
	}
	return 0;
}

void server_drain(struct server *s)
{
	struct http_connection *next;

	s->draining = true;
	listen_stop(s, false);
	for (struct http_connection *c = s->connections.next; c != &s->connections; c = next) {
		next = c->next;
		if (c->state == HTTP_STATE_IDLE && !c->admin)
			http_connection_close(c);
	}
}

void server_close(struct server *s)
{
	if (s->closing)
		return;
	s->draining = s->closing = true;
	while (s->connections.next != &s->connections)
		http_connection_close(s->connections.next);
	websockets_close(s);
	for (int i = 0; i < s->n_sockets; i++)
		uv_close((uv_handle_t *)&s->sockets[i].poll, on_handle_closed);
	uv_close((uv_handle_t *)&s->tick, on_handle_closed);
	uv_close((uv_handle_t *)&s->accept_retry, on_handle_closed);
}

size_t server_http_connections(const struct server *s)
{
	return s->n_connections;
}
