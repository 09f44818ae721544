/* See subscriber.h. The connection, its ends and beginnings, and what is asked for. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backoff.h"
#include "clock.h"
#include "log.h"
#include "notifier/subscriber_internal.h"

#define RECONNECT_BASE_MS 50
#define READ_BYTES 16384                /* hiredis moves what is left of its buffer for each KiB that it consumes */
#define READS_A_TURN 16
#define COMMAND_MAX_BYTES ((size_t)64 << 20)

static void attempt(struct subscriber *s);
static void on_socket(uv_poll_t *poll, int status, int events);
static void on_timer(uv_timer_t *timer);
static void check_later(struct subscriber *s);

/* The end of a connection, whatever the reason. The next attempt follows after a random wait. */
static void connection_end(struct subscriber *s, const char *why);

static void breaks(struct subscriber *s, const char *why)
{
	if (s->reading)
		s->broken = why;
	else
		connection_end(s, why);
}

static void on_poll_closed(uv_handle_t *handle)
{
	free(handle);
}

static void ask_whether_moved(struct subscriber *s);

static void on_checked(void *ctx, const struct redis_place *place, const char *why)
{
	struct subscriber *s = ctx;

	s->find = NULL;
	switch (redis_check_judge(&s->doubt, &s->address, &s->place, place)) {
	case REDIS_LEAVE:
		connection_end(s, "the Sentinels name another master");
		break;
	case REDIS_ASK_ANOTHER:
		ask_whether_moved(s);
		break;
	case REDIS_STAY:
		check_later(s);
		break;
	}
}

static void ask_whether_moved(struct subscriber *s)
{
	s->find = redis_find(s->loop, &s->address, s->sentinel_timeout_ms, on_checked, s);
	if (!s->find)
		check_later(s);
}

static void check_master(struct subscriber *s)
{
	if (s->find)
		return;
	redis_check_begin(&s->doubt, &s->address);
	ask_whether_moved(s);
}

/* The random part keeps many daemons from asking at once. */
static void check_later(struct subscriber *s)
{
	uint64_t wait_ms = (uint64_t)s->sentinel_check_ms;

	if (wait_ms && s->address.n_sentinels)
		uv_timer_start(&s->timer, on_timer, wait_ms / 2 + random_below(wait_ms), 0);
}

static void on_timer(uv_timer_t *timer)
{
	struct subscriber *s = timer->data;

	if (s->state == WAITING)
		attempt(s);
	else if (s->state == READY)
		check_master(s);
	else
		connection_end(s, "connect time-out");
}

static void connection_free(struct subscriber *s)
{
	if (s->poll) {
		uv_poll_stop(s->poll);
		uv_close((uv_handle_t *)s->poll, on_poll_closed);
		s->poll = NULL;
	}
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	subscriber_reader_close(s);
	uv_prepare_stop(&s->flush);
	buf_clear(&s->requests);
	buf_free(&s->out);
	s->kind = REQUEST_NONE;
	s->n_requests = 0;
	s->out_sent = 0;
	s->broken = NULL;
}

static void connection_end(struct subscriber *s, const char *why)
{
	int64_t wait_ms = backoff_ms(RECONNECT_BASE_MS, s->reconnect_max_ms, s->failures++, random_below(UINT64_MAX));
	bool was_ready = s->state == READY;

	LOG(WARNING, "subscriber_connection_lost", LOG_TEXT("reason", why));
	if (s->find)
		redis_find_forget(s->find);
	s->find = NULL;
	if (s->state == CONNECTING || s->state == GREETING)
		redis_find_distrust(&s->address);
	connection_free(s);
	s->state = WAITING;
	uv_timer_start(&s->timer, on_timer, (uint64_t)wait_ms, 0);
	if (was_ready)
		s->handler.disconnected(s->handler.ctx);
}

static void watch(struct subscriber *s)
{
	bool waits = s->state == CONNECTING || s->out_sent < s->out.n;

	if (s->poll)
		uv_poll_start(s->poll, UV_READABLE | (waits ? UV_WRITABLE : 0), on_socket);
}

static void connect_to(struct subscriber *s)
{
	s->state = CONNECTING;
	s->fd = subscriber_socket_open(&s->place);
	s->poll = s->fd < 0 ? NULL : calloc(1, sizeof(*s->poll));
	if (!s->poll || subscriber_reader_open(s) < 0 || uv_poll_init(s->loop, s->poll, s->fd) < 0) {
		int error = s->fd < 0 ? s->fd : -ENOMEM;

		free(s->poll);
		s->poll = NULL;
		connection_end(s, strerror(-error));
		return;
	}
	s->poll->data = s;
	uv_timer_start(&s->timer, on_timer, (uint64_t)s->connect_timeout_ms, 0);
	watch(s);
}

static void on_found(void *ctx, const struct redis_place *place, const char *why)
{
	struct subscriber *s = ctx;

	s->find = NULL;
	if (place) {
		s->place = *place;
		connect_to(s);
	} else {
		connection_end(s, why);
	}
}

static void attempt(struct subscriber *s)
{
	if (s->next.port) {
		s->place = s->next;
		s->next.port = 0;
		connect_to(s);
		return;
	}
	s->state = FINDING;
	s->find = redis_find(s->loop, &s->address, s->sentinel_timeout_ms, on_found, s);
	if (!s->find)
		connection_end(s, strerror(ENOMEM));
}

static void flush_out(struct subscriber *s)
{
	while (s->out_sent < s->out.n) {
		ssize_t n = send(s->fd, s->out.p + s->out_sent, s->out.n - s->out_sent, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			breaks(s, strerror(errno));
			return;
		}
		if (n < 0 && errno == EAGAIN)
			break;
		if (n > 0)
			s->out_sent += (size_t)n;
	}
	if (s->out_sent == s->out.n) {
		buf_clear(&s->out);
		s->out_sent = 0;
	}
	watch(s);
}

void subscriber_greeted(struct subscriber *s)
{
	s->state = READY;
	s->failures = 0;
	uv_timer_stop(&s->timer);
	check_later(s);
	LOG(INFO, "subscriber_connected");
	s->handler.connected(s->handler.ctx);
}

static void add_argument(struct buf *b, struct str text)
{
	buf_addf(b, "$%zu\r\n", text.n);
	buf_adds(b, text);
	buf_addz(b, "\r\n");
}

/* The open request becomes bytes for the socket. */
static void seal_request(struct subscriber *s)
{
	if (s->n_requests == 0)
		return;
	buf_addf(&s->out, "*%lld\r\n", (long long)s->n_requests + 1);
	add_argument(&s->out, s->kind == REQUEST_SUBSCRIBE ? STR("SUBSCRIBE") : STR("UNSUBSCRIBE"));
	buf_adds(&s->out, buf_str(&s->requests));
	buf_clear(&s->requests);
	s->n_requests = 0;
}

static void on_flush(uv_prepare_t *prepare)
{
	struct subscriber *s = prepare->data;

	uv_prepare_stop(prepare);
	seal_request(s);
	if (s->out.failed || s->requests.failed)
		breaks(s, "too much to say");
	else
		flush_out(s);
}

static void request(struct subscriber *s, enum request_kind kind, struct str channel)
{
	if (s->state != READY && s->state != GREETING)
		return;
	if (s->kind != kind)
		seal_request(s);
	s->kind = kind;
	add_argument(&s->requests, channel);
	s->n_requests++;
	if (!uv_is_active((uv_handle_t *)&s->flush))
		uv_prepare_start(&s->flush, on_flush);
}

void subscriber_subscribe(struct subscriber *s, struct str channel)
{
	request(s, REQUEST_SUBSCRIBE, channel);
}

void subscriber_unsubscribe(struct subscriber *s, struct str channel)
{
	request(s, REQUEST_UNSUBSCRIBE, channel);
}

static void on_connected(struct subscriber *s)
{
	int error = 0;
	socklen_t len = sizeof(error);

	getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error) {
		connection_end(s, strerror(error));
		return;
	}
	s->state = GREETING;
	if (s->address.password[0]) {
		buf_addz(&s->out, "*2\r\n");
		add_argument(&s->out, STR("AUTH"));
		add_argument(&s->out, str_c(s->address.password));
	}
	if (s->address.n_sentinels)
		buf_addz(&s->out, "*1\r\n$4\r\nROLE\r\n");
	for (const char *const *channel = s->always; *channel; channel++)
		request(s, REQUEST_SUBSCRIBE, str_c(*channel));
	watch(s);
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
	struct subscriber *s = poll->data;
	static char bytes[READ_BYTES];

	if (s->state == CONNECTING) {
		on_connected(s);
		return;
	}
	if (events & UV_WRITABLE)
		flush_out(s);
	for (int i = 0; i < READS_A_TURN && s->poll == poll; i++) {
		ssize_t n = recv(s->fd, bytes, sizeof(bytes), 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			connection_end(s, n == 0 ? "closed by Redis" : strerror(errno));
			return;
		}
		subscriber_read(s, str_of(bytes, (size_t)n));
		if (s->broken)
			connection_end(s, s->broken);
		if ((size_t)n < sizeof(bytes))
			return;
	}
}

static void release(struct subscriber *s)
{
	redis_address_wipe(&s->address);
	free(s);
}

int subscriber_open(uv_loop_t *loop, const struct config *cfg, const char *const *always,
		    const struct subscriber_handler *handler, struct subscriber **out)
{
	struct subscriber *s = calloc(1, sizeof(*s));
	struct buf problem;

	if (!s)
		return -ENOMEM;
	buf_init(&problem, 1024);
	if (redis_address_from(cfg, &s->address, &problem) < 0) {
		LOG(ERROR, "config_invalid", LOG_TEXT("section", "redis"), LOG_STR("reason", buf_str(&problem)));
		buf_free(&problem);
		release(s);
		return -EINVAL;
	}
	buf_free(&problem);
	s->loop = loop;
	s->handler = *handler;
	s->always = always;
	s->connect_timeout_ms = cfg->redis_connect_timeout_ms;
	s->reconnect_max_ms = cfg->redis_reconnect_max_ms;
	s->sentinel_timeout_ms = cfg->redis_sentinel_timeout_ms;
	s->sentinel_check_ms = cfg->redis_sentinel_check_ms;
	s->fd = -1;
	buf_init(&s->requests, COMMAND_MAX_BYTES);
	buf_init(&s->out, COMMAND_MAX_BYTES);
	uv_timer_init(loop, &s->timer);
	uv_prepare_init(loop, &s->flush);
	s->timer.data = s->flush.data = s;
	s->handles = 2;
	attempt(s);
	*out = s;
	return 0;
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct subscriber *s = handle->data;

	if (--s->handles == 0)
		release(s);
}

void subscriber_close(struct subscriber *s)
{
	if (s->find)
		redis_find_forget(s->find);
	connection_free(s);
	buf_free(&s->requests);
	s->state = CLOSED;
	uv_close((uv_handle_t *)&s->timer, on_handle_closed);
	uv_close((uv_handle_t *)&s->flush, on_handle_closed);
}

bool subscriber_is_connected(const struct subscriber *s)
{
	return s->state == READY;
}

void subscriber_reconnect(struct subscriber *s, const char *why)
{
	if (s->state == READY || s->state == GREETING)
		breaks(s, why);
}

void subscriber_go(struct subscriber *s, const struct redis_place *place)
{
	bool is_open = s->state == CONNECTING || s->state == GREETING || s->state == READY;

	if (!s->address.n_sentinels || (is_open && redis_place_same(&s->place, place)))
		return;
	s->next = *place;
	if (is_open)
		breaks(s, "the commands go to another master");
	if (s->state != WAITING && s->state != FINDING)
		return;
	if (s->find)
		redis_find_forget(s->find);
	s->find = NULL;
	s->state = WAITING;
	uv_timer_start(&s->timer, on_timer, 0, 0);
}
