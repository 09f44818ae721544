/* See session.h. */
#include "session.h"

#include <errno.h>

#include "clock.h"

#define TICK_MS 20

static void on_tick(uv_timer_t *timer)
{
	(void)timer; /* only ends a turn of the loop */
}

static void on_connected(void *ctx)
{
	struct session *s = ctx;

	s->connections++;
	if (s->connected)
		s->connected(s->ctx);
}

static void on_disconnected(void *ctx)
{
	(void)ctx;
}

/* Sentinels are asked one after the other before the connection. */
static int64_t patience_ms(const struct config *cfg)
{
	struct redis_address a;
	struct buf ignored;

	buf_init(&ignored, 1024);
	redis_address_parse(cfg->redis_url, &a, &ignored);
	redis_address_wipe(&a);
	buf_free(&ignored);
	return cfg->redis_connect_timeout_ms + a.n_sentinels * cfg->redis_sentinel_timeout_ms;
}

/* Never the URL: it may hold the password. */
static void say_unreachable(const struct session *s, const struct config *cfg)
{
	struct redis_address a;
	struct buf problem;

	buf_init(&problem, 1024);
	redis_address_parse(cfg->redis_url, &a, &problem);
	if (a.n_sentinels)
		complain(s->command, "no connection to %s, the master of the Sentinels: %s", a.master, redis_problem(s->redis));
	else if (a.path[0])
		complain(s->command, "Redis does not answer at unix://%s: %s", a.path, redis_problem(s->redis));
	else
		complain(s->command, "Redis does not answer at %s port %d: %s", a.host, a.port, redis_problem(s->redis));
	complain(s->command, "is it running? Its address is [redis] url: -c FILE, CVPULSE_REDIS_URL or --set redis.url=…");
	buf_free(&problem);
}

int session_open(struct session *s, const struct command *command, const struct config *cfg)
{
	struct redis_listener listener = { on_connected, on_disconnected, s };
	int64_t end = clock_monotonic_ms() + patience_ms(cfg);
	uv_timer_t tick;
	int rc;

	*s = (struct session){ .command = command };
	uv_loop_init(&s->loop);
	rc = redis_open(&s->loop, cfg, &listener, &s->redis);
	if (rc < 0) {
		complain(command, "[redis] url cannot be used; see: cvpulse checkconfig");
		uv_loop_close(&s->loop);
		return rc;
	}
	uv_timer_init(&s->loop, &tick);
	uv_timer_start(&tick, on_tick, TICK_MS, TICK_MS);
	while (!redis_is_connected(s->redis) && clock_monotonic_ms() < end)
		uv_run(&s->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&tick, NULL);
	uv_run(&s->loop, UV_RUN_NOWAIT); /* tick stands on this stack */
	if (redis_is_connected(s->redis))
		return 0;
	say_unreachable(s, cfg);
	session_close(s);
	return -ENOTCONN;
}

void session_close(struct session *s)
{
	redis_close(s->redis);
	uv_run(&s->loop, UV_RUN_DEFAULT);
	uv_loop_close(&s->loop);
}

void session_wait(struct session *s, const bool *done)
{
	while (!*done)
		uv_run(&s->loop, UV_RUN_ONCE);
}

struct question {
	redis_reply_fn *fn;
	void *ctx;
	bool done;
};

static void on_answer(void *ctx, const struct redisReply *reply)
{
	struct question *q = ctx;

	if (q->fn)
		q->fn(q->ctx, reply);
	q->done = true;
}

int session_ask(struct session *s, redis_reply_fn *fn, void *ctx, int argc, const struct str *argv)
{
	struct question q = { fn, ctx, false };
	int rc = redis_command(s->redis, on_answer, &q, argc, argv);

	if (rc == 0)
		session_wait(s, &q.done);
	return rc;
}
