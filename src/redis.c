/* See redis.h. */
#include "redis.h"

#include <errno.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "backoff.h"
#include "clock.h"
#include "log.h"
#include "redis_find.h"
#include "redis_loop.h"

#define RECONNECT_BASE_MS 50

enum redis_state {
	STATE_WAITING,          /* for the next attempt; no context */
	STATE_FINDING,          /* where Redis is (redis_find.h); no context */
	STATE_CONNECTING,
	STATE_GREETING,         /* connected: AUTH, SELECT and PING are under way */
	STATE_REFUSED,          /* Redis said no to one of them; the connection is on its way out */
	STATE_READY,            /* the only one in which commands are taken */
	STATE_CLOSED,           /* by redis_close; the memory goes when the handles have */
};

struct pending {
	struct redis *owner;
	redis_reply_fn *fn;
	void *ctx;
	int64_t sent_ms;
	struct pending *next;
};

struct redis {
	uv_loop_t *loop;
	struct redis_address address;
	struct redis_listener listener;
	redisAsyncContext *ac;          /* NULL while waiting for the next attempt */
	enum redis_state state;
	uv_timer_t timer;               /* back-off while waiting, time-outs while connected */
	struct redis_find *find;        /* while FINDING */
	int64_t connect_timeout_ms, command_timeout_ms, reconnect_max_ms, pending_max;
	int64_t attempt_started_ms, last_answer_ms;
	int failures;
	char problem[160];              /* why there is no connection; "" while there is one */
	redis_reply_fn *on_message;     /* once subscribed */
	struct pending *oldest, **newest;
	int64_t n_pending;
};

static void attempt(struct redis *r);
static void on_timer(uv_timer_t *timer);
static void wait_for_next_attempt(struct redis *r);

static void release(struct redis *r)
{
	explicit_bzero(r->address.password, sizeof(r->address.password));
	free(r);
}

static void report(struct redis *r, enum log_level level, const char *event, struct str why)
{
	snprintf(r->problem, sizeof(r->problem), STR_FMT, STR_ARG(why));
	if (level >= log_threshold)
		log_write(level, event, (const struct log_field[]){ LOG_STR("reason", why), { LOG_KIND_END, NULL, { NULL, 0 }, 0 } });
}

static void connection_drop(struct redis *r, const char *why)
{
	bool never_connected = r->state == STATE_CONNECTING;
	redisAsyncContext *ac = r->ac;

	report(r, LOG_LEVEL_WARNING, "redis_connection_lost", str_c(why));
	/* Gives every pending reply as NULL and calls on_disconnect, but only for a connection that was established. */
	redisAsyncFree(ac);
	if (never_connected)
		wait_for_next_attempt(r);
}

static void wait_for_next_attempt(struct redis *r)
{
	int64_t wait_ms;

	r->ac = NULL;
	r->state = STATE_WAITING;
	wait_ms = backoff_ms(RECONNECT_BASE_MS, r->reconnect_max_ms, r->failures++, random_below(UINT64_MAX));
	uv_timer_start(&r->timer, on_timer, (uint64_t)wait_ms, 0);
}

static void watch_timeouts(struct redis *r)
{
	uint64_t period = (uint64_t)(r->command_timeout_ms < r->connect_timeout_ms ? r->command_timeout_ms : r->connect_timeout_ms) / 4 + 1;

	uv_timer_start(&r->timer, on_timer, period, period);
}

static void on_timer(uv_timer_t *timer)
{
	struct redis *r = timer->data;
	int64_t now = clock_monotonic_ms();

	switch (r->state) {
	case STATE_WAITING:
		attempt(r);
		break;
	case STATE_CONNECTING:
	case STATE_GREETING:
	case STATE_REFUSED:
		if (now - r->attempt_started_ms > r->connect_timeout_ms)
			connection_drop(r, "connect time-out");
		break;
	case STATE_READY:
		if (r->oldest && now - r->oldest->sent_ms > r->command_timeout_ms)
			connection_drop(r, "command time-out");
		break;
	case STATE_FINDING:             /* has its own time-outs */
	case STATE_CLOSED:
		break;
	}
}

/* The one end of a connection, wanted or not. hiredis frees its context after this. */
static void on_end(struct redis *r)
{
	bool was_ready = r->state == STATE_READY;

	if (r->state == STATE_CLOSED) {
		r->ac = NULL;
		return;
	}
	wait_for_next_attempt(r);
	if (was_ready && r->listener.disconnected)
		r->listener.disconnected(r->listener.ctx);
}

static void on_disconnect(const redisAsyncContext *ac, int status)
{
	struct redis *r = ac->data;

	if (status != REDIS_OK && r->state != STATE_CLOSED)
		report(r, LOG_LEVEL_WARNING, "redis_connection_lost", str_c(ac->errstr));
	on_end(r);
}

static void refuse(struct redis *r, struct str why)
{
	report(r, LOG_LEVEL_ERROR, "redis_refused", why);
	r->state = STATE_REFUSED;
	redisAsyncDisconnect(r->ac);
}

static void on_greeted(redisAsyncContext *ac, void *raw, void *last)
{
	struct redis *r = ac->data;
	redisReply *reply = raw;

	if (!reply || r->state != STATE_GREETING)
		return;
	r->last_answer_ms = clock_monotonic_ms();
	if (reply->type == REDIS_REPLY_ERROR) {
		refuse(r, reply_str(reply));
		return;
	}
	/* ROLE: a Sentinel may not have seen yet that its master has become a replica. */
	if (reply->type == REDIS_REPLY_ARRAY && !str_eq(reply_str(reply_at(reply, 0)), STR("master"))) {
		refuse(r, STR("it is not the master"));
		return;
	}
	if (!last)
		return;
	r->state = STATE_READY;
	r->failures = 0;
	r->problem[0] = '\0';
	LOG(INFO, "redis_connected");
	if (r->listener.connected)
		r->listener.connected(r->listener.ctx);
}

static void on_connect(const redisAsyncContext *const_ac, int status)
{
	struct redis *r = const_ac->data;
	redisAsyncContext *ac = r->ac;

	if (status != REDIS_OK) {
		if (r->state != STATE_CLOSED)
			report(r, LOG_LEVEL_WARNING, "redis_connect_failed", str_c(const_ac->errstr));
		on_end(r); /* hiredis calls no on_disconnect for a connection that never was */
		return;
	}
	r->state = STATE_GREETING;
	if (r->address.password[0])
		redisAsyncCommand(ac, on_greeted, NULL, "AUTH %s", r->address.password);
	if (r->address.db)
		redisAsyncCommand(ac, on_greeted, NULL, "SELECT %d", r->address.db);
	if (r->address.n_sentinels)
		redisAsyncCommand(ac, on_greeted, NULL, "ROLE");
	redisAsyncCommand(ac, on_greeted, r, "PING");
}

static void attempt_failed(struct redis *r, const char *why)
{
	report(r, LOG_LEVEL_WARNING, "redis_connect_failed", str_c(why));
	wait_for_next_attempt(r);
}

static void connect_to(struct redis *r, redisAsyncContext *ac)
{
	int rc;

	if (!ac || ac->err) {
		attempt_failed(r, ac ? ac->errstr : "out of memory");
		if (ac)
			redisAsyncFree(ac);
		return;
	}
	rc = redis_loop_attach(r->loop, ac);
	if (rc < 0) {
		attempt_failed(r, uv_strerror(rc));
		redisAsyncFree(ac);
		return;
	}
	r->ac = ac;
	ac->data = r;
	r->state = STATE_CONNECTING;
	r->attempt_started_ms = clock_monotonic_ms();
	redisAsyncSetConnectCallback(ac, on_connect);
	redisAsyncSetDisconnectCallback(ac, on_disconnect);
	watch_timeouts(r);
}

static void on_found(void *ctx, const struct redis_place *place, const char *why)
{
	struct redis *r = ctx;

	r->find = NULL;
	if (!place)
		attempt_failed(r, why);
	else if (place->path[0])
		connect_to(r, redisAsyncConnectUnix(place->path));
	else
		connect_to(r, redisAsyncConnect(place->host, place->port));
}

static void attempt(struct redis *r)
{
	r->state = STATE_FINDING;
	r->find = redis_find(r->loop, &r->address, r->connect_timeout_ms, on_found, r);
	if (!r->find)
		attempt_failed(r, "out of memory");
}

int redis_open(uv_loop_t *loop, const struct config *cfg, const struct redis_listener *listener, struct redis **out)
{
	struct redis *r = calloc(1, sizeof(*r));
	struct buf problem;

	if (!r)
		return -ENOMEM;
	buf_init(&problem, 1024);
	if (redis_address_parse(cfg->redis_url, cfg->redis_password_file, &r->address, &problem) < 0) {
		LOG(ERROR, "config_invalid", LOG_TEXT("key", "redis.url"), LOG_STR("reason", buf_str(&problem)));
		buf_free(&problem);
		free(r);
		return -EINVAL;
	}
	r->loop = loop;
	if (listener)
		r->listener = *listener;
	r->connect_timeout_ms = cfg->redis_connect_timeout_ms;
	r->command_timeout_ms = cfg->redis_command_timeout_ms;
	r->reconnect_max_ms = cfg->redis_reconnect_max_ms;
	r->pending_max = cfg->redis_pending_max;
	r->last_answer_ms = -1;
	r->newest = &r->oldest;
	r->timer.data = r;
	uv_timer_init(loop, &r->timer);
	attempt(r);
	*out = r;
	return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
	release(handle->data);
}

void redis_close(struct redis *r)
{
	if (r->find)
		redis_find_forget(r->find);
	r->state = STATE_CLOSED;
	if (r->ac)
		redisAsyncFree(r->ac);
	uv_close((uv_handle_t *)&r->timer, on_timer_closed);
}

bool redis_is_connected(const struct redis *r)
{
	return r->state == STATE_READY;
}

int64_t redis_last_answer_age_ms(const struct redis *r)
{
	return r->last_answer_ms < 0 ? -1 : clock_monotonic_ms() - r->last_answer_ms;
}

const char *redis_problem(const struct redis *r)
{
	return r->problem;
}

static void on_message(redisAsyncContext *ac, void *raw, void *privdata)
{
	struct redis *r = ac->data;
	redisReply *reply = raw;

	if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 3)
		r->on_message(privdata, reply);
}

int redis_subscribe(struct redis *r, struct str channel, redis_reply_fn *fn, void *ctx)
{
	if (r->state != STATE_READY)
		return -ENOTCONN;
	r->on_message = fn;
	return redisAsyncCommand(r->ac, on_message, ctx, "SUBSCRIBE %b", channel.p, channel.n) == REDIS_OK ? 0 : -ENOTCONN;
}

/* Replies come in the order of the commands, so the answered one is always the oldest. */
static void on_reply(redisAsyncContext *ac, void *reply, void *privdata)
{
	struct pending *p = privdata;
	struct redis *r = p->owner;

	r->oldest = p->next;
	if (!r->oldest)
		r->newest = &r->oldest;
	r->n_pending--;
	if (reply)
		r->last_answer_ms = clock_monotonic_ms();
	if (p->fn)
		p->fn(p->ctx, reply);
	free(p);
}

int redis_command(struct redis *r, redis_reply_fn *fn, void *ctx, int argc, const struct str *argv)
{
	const char *args[REDIS_ARGS_MAX];
	size_t lengths[REDIS_ARGS_MAX];
	struct pending *p;

	if (r->state != STATE_READY)
		return -ENOTCONN;
	if (argc > REDIS_ARGS_MAX)
		return -E2BIG;
	if (r->n_pending >= r->pending_max)
		return -EBUSY;
	p = malloc(sizeof(*p));
	if (!p)
		return -ENOMEM;
	for (int i = 0; i < argc; i++) {
		args[i] = argv[i].p ? argv[i].p : "";
		lengths[i] = argv[i].n;
	}
	*p = (struct pending){ r, fn, ctx, clock_monotonic_ms(), NULL };
	if (redisAsyncCommandArgv(r->ac, on_reply, p, argc, args, lengths) != REDIS_OK) {
		free(p);
		return -ENOTCONN;
	}
	*r->newest = p;
	r->newest = &p->next;
	r->n_pending++;
	return 0;
}
