/* See redis.h. The connection: where Redis is, connecting, greeting, its end, time-outs. */
#include "redis_internal.h"

#include <errno.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "backoff.h"
#include "clock.h"
#include "log.h"
#include "redis_loop.h"
#include "redis_watch.h"

#define RECONNECT_BASE_MS 50
#define MOVED "the Sentinels name another master"
#define DEMOTED_FAILURES 3              /* the wait of so many failures: without Sentinels it may be there again */

static void attempt(struct redis *r);
static void on_timer(uv_timer_t *timer);
static void wait_for_next_attempt(struct redis *r);

static void release(struct redis *r)
{
	redis_address_wipe(&r->address);
	free(r);
}

static void report(struct redis *r, enum log_level level, const char *event, struct str why)
{
	snprintf(r->problem, sizeof(r->problem), STR_FMT, STR_ARG(why));
	if (level >= log_threshold)
		log_write(level, event, (const struct log_field[]){ LOG_TEXT("reason", r->problem), { LOG_KIND_END, NULL, { NULL, 0 }, 0 } });
}

static void connection_drop(struct redis *r, const char *why)
{
	bool never_connected = r->state == REDIS_CONNECTING;
	redisAsyncContext *ac = r->ac;

	report(r, LOG_LEVEL_WARNING, "redis_connection_lost", str_c(why));
	/* Gives every pending reply as NULL and calls on_disconnect, but only for a connection that was established. */
	redisAsyncFree(ac);
	if (never_connected)
		wait_for_next_attempt(r);
}

static void forget_find(struct redis *r)
{
	if (r->find)
		redis_find_forget(r->find);
	r->find = NULL;
}

static void wait_for_next_attempt(struct redis *r)
{
	int64_t wait_ms;

	forget_find(r);
	if (r->state == REDIS_CONNECTING || r->state == REDIS_GREETING || r->state == REDIS_REFUSED)
		redis_find_distrust(&r->address);
	r->ac = NULL;
	r->state = REDIS_WAITING;
	wait_ms = backoff_ms(RECONNECT_BASE_MS, r->reconnect_max_ms, r->failures++, random_below(UINT64_MAX));
	uv_timer_start(&r->timer, on_timer, (uint64_t)wait_ms, 0);
}

static void watch_timeouts(struct redis *r)
{
	uint64_t period = (uint64_t)(r->command_timeout_ms < r->connect_timeout_ms ? r->command_timeout_ms : r->connect_timeout_ms) / 4 + 1;

	uv_timer_start(&r->timer, on_timer, period, period);
}

static void on_checked(void *ctx, const struct redis_place *place, const char *why);

static void ask_whether_moved(struct redis *r)
{
	r->find = redis_find(r->loop, &r->address, r->sentinel_timeout_ms, on_checked, r);
}

static void on_checked(void *ctx, const struct redis_place *place, const char *why)
{
	struct redis *r = ctx;
	enum redis_verdict verdict = redis_check_judge(&r->doubt, &r->address, &r->place, place);

	r->find = NULL;
	if (verdict == REDIS_LEAVE)
		connection_drop(r, MOVED);
	else if (verdict == REDIS_ASK_ANOTHER)
		ask_whether_moved(r);
}

/* The random part keeps many daemons from asking at once. */
static void check_master(struct redis *r, int64_t now)
{
	if (!r->sentinel_check_ms || !r->address.n_sentinels || r->find || now < r->next_check_ms)
		return;
	r->next_check_ms = now + r->sentinel_check_ms / 2 + (int64_t)random_below((uint64_t)r->sentinel_check_ms);
	redis_check_begin(&r->doubt, &r->address);
	ask_whether_moved(r);
}

static void on_timer(uv_timer_t *timer)
{
	struct redis *r = timer->data;
	int64_t now = clock_monotonic_ms();

	switch (r->state) {
	case REDIS_WAITING:
		attempt(r);
		break;
	case REDIS_CONNECTING:
	case REDIS_GREETING:
	case REDIS_REFUSED:
		if (now - r->attempt_started_ms > r->connect_timeout_ms)
			connection_drop(r, "connect time-out");
		break;
	case REDIS_READY:
	case REDIS_LEAVING:
		if (r->oldest && now - r->oldest->sent_ms > r->command_timeout_ms)
			connection_drop(r, "command time-out");
		else if (r->state == REDIS_READY)
			check_master(r, now);
		break;
	case REDIS_FINDING:             /* has its own time-outs */
	case REDIS_CLOSED:
		break;
	}
}

/* The one end of a connection, wanted or not. hiredis frees its context after this. */
static void on_end(struct redis *r)
{
	bool was_ready = r->state == REDIS_READY || r->state == REDIS_LEAVING;

	if (r->state == REDIS_CLOSED) {
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

	if (status != REDIS_OK && r->state != REDIS_CLOSED)
		report(r, LOG_LEVEL_WARNING, "redis_connection_lost", str_c(ac->errstr));
	on_end(r);
}

static void refuse(struct redis *r, struct str why)
{
	report(r, LOG_LEVEL_ERROR, "redis_refused", why);
	r->state = REDIS_REFUSED;
	redisAsyncDisconnect(r->ac);
}

/* The callers take what it refused for lost with the connection. A replica that is found again and again is come back to ever more
 * seldom: the first command of each connection may be one that it refuses. */
void redis_leave(struct redis *r)
{
	if (r->state != REDIS_READY)
		return;
	report(r, LOG_LEVEL_WARNING, "redis_connection_lost", STR("it has become a replica"));
	r->state = REDIS_LEAVING;
	r->moved = true;
	if (clock_monotonic_ms() - r->ready_ms > r->reconnect_max_ms)
		r->demotions = 0;
	r->failures = DEMOTED_FAILURES + r->demotions++;
	redisAsyncDisconnect(r->ac);
}

static void on_greeted(redisAsyncContext *ac, void *raw, void *last)
{
	struct redis *r = ac->data;
	redisReply *reply = raw;

	if (!reply || r->state != REDIS_GREETING)
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
	r->state = REDIS_READY;
	r->moved |= r->before.port != 0 && !redis_place_same(&r->place, &r->before);
	r->before = r->place;
	r->ready_ms = r->last_answer_ms;
	r->failures = 0;
	r->problem[0] = '\0';
	LOG(INFO, "redis_connected");
	if (r->listener.connected)
		r->listener.connected(r->listener.ctx);
	r->moved = false;
}

static void on_connect(const redisAsyncContext *const_ac, int status)
{
	struct redis *r = const_ac->data;
	redisAsyncContext *ac = r->ac;

	if (status != REDIS_OK) {
		if (r->state != REDIS_CLOSED)
			report(r, LOG_LEVEL_WARNING, "redis_connect_failed", str_c(const_ac->errstr));
		on_end(r); /* hiredis calls no on_disconnect for a connection that never was */
		return;
	}
	r->state = REDIS_GREETING;
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

	r->state = REDIS_CONNECTING;
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
	r->attempt_started_ms = clock_monotonic_ms();
	redisAsyncSetConnectCallback(ac, on_connect);
	redisAsyncSetDisconnectCallback(ac, on_disconnect);
	watch_timeouts(r);
}

static void on_found(void *ctx, const struct redis_place *place, const char *why)
{
	struct redis *r = ctx;

	r->find = NULL;
	if (place)
		r->place = *place;
	if (!place)
		attempt_failed(r, why);
	else if (place->path[0])
		connect_to(r, redisAsyncConnectUnix(place->path));
	else
		connect_to(r, redisAsyncConnect(place->host, place->port));
}

static void attempt(struct redis *r)
{
	r->state = REDIS_FINDING;
	r->find = redis_find(r->loop, &r->address, r->sentinel_timeout_ms, on_found, r);
	if (!r->find)
		attempt_failed(r, "out of memory");
}

/* The next attempt comes at once, or nearly: many daemons hear of it. It asks the Sentinel that has spoken: others may not know
 * yet, and the old master may not, either. */
static void on_switched(void *ctx, const struct redis_sentinel *who, struct str host, int port)
{
	struct redis *r = ctx;
	bool moved = r->place.port != port || !str_eq(host, str_c(r->place.name));

	if (r->state != REDIS_READY)
		r->failures = 0;
	if (r->ac && r->state != REDIS_LEAVING && moved)
		connection_drop(r, MOVED);
	else if (r->state == REDIS_WAITING || r->state == REDIS_FINDING)
		wait_for_next_attempt(r);
	else
		forget_find(r);
	redis_find_trust(&r->address, who);
}

static struct redis *redis_new(uv_loop_t *loop, const struct config *cfg, const struct redis_listener *listener)
{
	struct redis *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->loop = loop;
	if (listener)
		r->listener = *listener;
	r->connect_timeout_ms = cfg->redis_connect_timeout_ms;
	r->command_timeout_ms = cfg->redis_command_timeout_ms;
	r->reconnect_max_ms = cfg->redis_reconnect_max_ms;
	r->sentinel_timeout_ms = cfg->redis_sentinel_timeout_ms;
	r->sentinel_check_ms = cfg->redis_sentinel_check_ms;
	r->pending_max = cfg->redis_pending_max;
	r->last_answer_ms = -1;
	r->newest = &r->oldest;
	return r;
}

static void start(struct redis *r)
{
	r->timer.data = r;
	uv_timer_init(r->loop, &r->timer);
	attempt(r);
}

int redis_open(uv_loop_t *loop, const struct config *cfg, const struct redis_listener *listener, struct redis **out)
{
	struct redis *r = redis_new(loop, cfg, listener);
	struct buf problem;
	int rc = 0;

	if (!r)
		return -ENOMEM;
	buf_init(&problem, 1024);
	if (redis_address_from(cfg, &r->address, &problem) < 0) {
		LOG(ERROR, "config_invalid", LOG_TEXT("section", "redis"), LOG_STR("reason", buf_str(&problem)));
		rc = -EINVAL;
	} else if (r->address.n_sentinels) {
		rc = redis_watch_open(loop, cfg, &r->address, on_switched, r, &r->watch);
	}
	buf_free(&problem);
	if (rc < 0) {
		release(r);
		return rc;
	}
	start(r);
	*out = r;
	return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
	release(handle->data);
}

void redis_close(struct redis *r)
{
	forget_find(r);
	if (r->watch)
		redis_watch_close(r->watch);
	r->state = REDIS_CLOSED;
	if (r->ac)
		redisAsyncFree(r->ac);
	uv_close((uv_handle_t *)&r->timer, on_timer_closed);
}

bool redis_is_connected(const struct redis *r)
{
	return r->state == REDIS_READY;
}

bool redis_has_moved(const struct redis *r)
{
	return r->moved;
}

const struct redis_place *redis_place(const struct redis *r)
{
	return &r->place;
}

int64_t redis_last_answer_age_ms(const struct redis *r)
{
	return r->last_answer_ms < 0 ? -1 : clock_monotonic_ms() - r->last_answer_ms;
}

const char *redis_problem(const struct redis *r)
{
	return r->problem;
}
