/* See redis.h. */
#include "redis.h"

#include <errno.h>
#include <hiredis/adapters/libuv.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "clock.h"
#include "log.h"

#define RECONNECT_BASE_MS 50
#define COMMAND_ARGS_MAX 64

enum redis_state { STATE_WAITING, STATE_CONNECTING, STATE_GREETING, STATE_READY, STATE_CLOSED };

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
	int64_t connect_timeout_ms, command_timeout_ms, reconnect_max_ms, pending_max;
	int64_t attempt_started_ms, last_answer_ms;
	int failures;
	struct pending *oldest, **newest;
	int64_t n_pending;
};

static void attempt(struct redis *r);
static void wait_for_next_attempt(struct redis *r);

static void connection_drop(struct redis *r, const char *why)
{
	bool never_connected = r->state == STATE_CONNECTING;
	redisAsyncContext *ac = r->ac;

	LOG(WARNING, "redis_connection_lost", LOG_TEXT("reason", why));
	/* Gives every pending reply as NULL and calls on_disconnect, but only for a connection that was established. */
	redisAsyncFree(ac);
	if (never_connected)
		wait_for_next_attempt(r);
}

static int64_t backoff_ms(struct redis *r)
{
	int64_t top = RECONNECT_BASE_MS;

	for (int i = 0; i < r->failures && top < r->reconnect_max_ms; i++)
		top *= 2;
	if (top > r->reconnect_max_ms)
		top = r->reconnect_max_ms;
	r->failures++;
	return 1 + (int64_t)random_below((uint64_t)top);
}

static void on_timer(uv_timer_t *timer);

static void wait_for_next_attempt(struct redis *r)
{
	r->ac = NULL;
	r->state = STATE_WAITING;
	uv_timer_start(&r->timer, on_timer, (uint64_t)backoff_ms(r), 0);
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
		if (now - r->attempt_started_ms > r->connect_timeout_ms)
			connection_drop(r, "connect time-out");
		break;
	case STATE_READY:
		if (r->oldest && now - r->oldest->sent_ms > r->command_timeout_ms)
			connection_drop(r, "command time-out");
		break;
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
		LOG(WARNING, "redis_connection_lost", LOG_TEXT("reason", ac->errstr));
	on_end(r);
}

static void greeting_failed(struct redis *r, const char *what, const redisReply *reply)
{
	LOG(ERROR, "redis_refused", LOG_TEXT("step", what), LOG_STR("reason", reply_str(reply)));
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
		greeting_failed(r, "greeting", reply);
		return;
	}
	if (!last)
		return;
	r->state = STATE_READY;
	r->failures = 0;
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
			LOG(WARNING, "redis_connect_failed", LOG_TEXT("reason", const_ac->errstr));
		on_end(r); /* hiredis calls no on_disconnect for a connection that never was */
		return;
	}
	r->state = STATE_GREETING;
	if (r->address.password[0])
		redisAsyncCommand(ac, on_greeted, NULL, "AUTH %s", r->address.password);
	if (r->address.db)
		redisAsyncCommand(ac, on_greeted, NULL, "SELECT %d", r->address.db);
	redisAsyncCommand(ac, on_greeted, r, "PING");
}

static void attempt(struct redis *r)
{
	const struct redis_address *a = &r->address;

	r->state = STATE_CONNECTING;
	r->attempt_started_ms = clock_monotonic_ms();
	r->ac = a->path[0] ? redisAsyncConnectUnix(a->path) : redisAsyncConnect(a->host, a->port);
	if (!r->ac || r->ac->err) {
		LOG(WARNING, "redis_connect_failed", LOG_TEXT("reason", r->ac ? r->ac->errstr : "out of memory"));
		if (r->ac)
			redisAsyncFree(r->ac);
		wait_for_next_attempt(r);
		return;
	}
	r->ac->data = r;
	redisLibuvAttach(r->ac, r->loop);
	redisAsyncSetConnectCallback(r->ac, on_connect);
	redisAsyncSetDisconnectCallback(r->ac, on_disconnect);
	watch_timeouts(r);
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
	free(handle->data);
}

void redis_close(struct redis *r)
{
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
	const char *args[COMMAND_ARGS_MAX];
	size_t lengths[COMMAND_ARGS_MAX];
	struct pending *p;

	if (r->state != STATE_READY)
		return -ENOTCONN;
	if (argc > COMMAND_ARGS_MAX)
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

/* What EVALSHA was called with, kept until Redis has shown that it knows the script. */
struct script_run {
	struct redis *redis;
	struct script *script;
	redis_reply_fn *fn;
	void *ctx;
	int argc;
	struct str argv[COMMAND_ARGS_MAX];
	char bytes[];
};

static void on_script_reply(void *ctx, const redisReply *reply)
{
	struct script_run *run = ctx;

	if (reply && reply->type == REDIS_REPLY_ERROR && str_starts(reply_str(reply), STR("NOSCRIPT"))) {
		run->argv[0] = STR("EVAL");
		run->argv[1] = str_c(run->script->body);
		if (redis_command(run->redis, run->fn, run->ctx, run->argc, run->argv) == 0) {
			free(run);
			return;
		}
		reply = NULL;
	}
	if (run->fn)
		run->fn(run->ctx, reply);
	free(run);
}

static void script_hash(struct script *s)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	EVP_Digest(s->body, strlen(s->body), digest, &n, EVP_sha1(), NULL);
	for (unsigned i = 0; i < 20; i++)
		snprintf(s->sha + 2 * i, 3, "%02x", digest[i]);
}

int script_call(struct redis *r, struct script *s, redis_reply_fn *fn, void *ctx, int n_keys, int argc, const struct str *argv)
{
	struct script_run *run;
	char count[16], *at;
	size_t bytes = 0;
	int rc;

	if (argc + 3 > COMMAND_ARGS_MAX)
		return -E2BIG;
	if (!s->sha[0])
		script_hash(s);
	snprintf(count, sizeof(count), "%d", n_keys);
	for (int i = 0; i < argc; i++)
		bytes += argv[i].n;
	run = malloc(sizeof(*run) + sizeof(count) + bytes);
	if (!run)
		return -ENOMEM;
	run->redis = r;
	run->script = s;
	run->fn = fn;
	run->ctx = ctx;
	run->argc = argc + 3;
	run->argv[0] = STR("EVALSHA");
	run->argv[1] = str_c(s->sha);
	at = run->bytes;
	memcpy(at, count, sizeof(count));
	run->argv[2] = str_c(at);
	at += sizeof(count);
	for (int i = 0; i < argc; i++) {
		if (argv[i].n)
			memcpy(at, argv[i].p, argv[i].n);
		run->argv[i + 3] = str_of(at, argv[i].n);
		at += argv[i].n;
	}
	rc = redis_command(r, on_script_reply, run, run->argc, run->argv);
	if (rc < 0)
		free(run);
	return rc;
}

enum reply_kind reply_kind(const redisReply *reply)
{
	if (!reply)
		return REPLY_LOST;
	switch (reply->type) {
	case REDIS_REPLY_STRING: return REPLY_STRING;
	case REDIS_REPLY_INTEGER: return REPLY_INTEGER;
	case REDIS_REPLY_ARRAY: return REPLY_ARRAY;
	case REDIS_REPLY_STATUS: return REPLY_STATUS;
	case REDIS_REPLY_ERROR: return REPLY_ERROR;
	default: return REPLY_NIL;
	}
}

struct str reply_str(const redisReply *reply)
{
	enum reply_kind kind = reply_kind(reply);

	if (kind == REPLY_STRING || kind == REPLY_STATUS || kind == REPLY_ERROR)
		return str_of(reply->str, (size_t)reply->len);
	return STR("");
}

int64_t reply_int(const redisReply *reply, int64_t otherwise)
{
	uint64_t v;

	if (reply_kind(reply) == REPLY_INTEGER)
		return reply->integer;
	return str_to_u64(reply_str(reply), 0, INT64_MAX, &v) == 0 ? (int64_t)v : otherwise;
}

size_t reply_count(const redisReply *reply)
{
	return reply_kind(reply) == REPLY_ARRAY ? reply->elements : 0;
}

const redisReply *reply_at(const redisReply *reply, size_t i)
{
	return i < reply_count(reply) ? reply->element[i] : NULL;
}
