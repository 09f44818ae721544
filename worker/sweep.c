/* See sweep.h. */
#include "sweep.h"

#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "cv_forget.h"
#include "log.h"
#include "lost_cvs.h"
#include "spool.h"
#include "vault.h"

#define JUMP_MS 60000           /* more than a clock is adjusted by between two turns, however slow */
#define JUMP_HOLD_MS 3600000    /* after a jump nothing is removed for so long: somebody may be setting it right */

struct sweep {
	const struct pipeline_parts *parts;
	uv_timer_t timer;
	uv_work_t work;
	int shard, shard_result;                /* of the spool, one a turn */
	int64_t wall_ahead_ms;                  /* of the monotonic clock; another value: the wall clock was set */
	int64_t held_until_ms;                  /* on the monotonic clock */
	int at_once;                            /* shards that follow without waiting for a turn: at the start all of them */
	int calls;                              /* under way */
	struct vault_sweep *store;              /* NULL without a vault */
	bool store_busy;
	vault_fn *forgotten;                    /* of the store's sweep, while Redis forgets a CV */
	void *forgotten_ctx;
	void (*stopped)(void *ctx);             /* NULL while it runs */
	void *stopped_ctx;
};

/* One batch that is looked at. */
struct look {
	struct sweep *sweep;
	char user[ID_MAX + 1], batch[ID_MAX + 1];
};

static void sweep_later(struct sweep *s);

static void on_closed(uv_handle_t *handle)
{
	struct sweep *s = handle->data;

	s->stopped(s->stopped_ctx);
	vault_sweep_free(s->store);
	free(s);
}

static void call_done(struct sweep *s)
{
	if (--s->calls == 0 && s->stopped)
		uv_close((uv_handle_t *)&s->timer, on_closed);
}

void sweep_stop(struct sweep *s, void (*stopped)(void *ctx), void *ctx)
{
	s->stopped = stopped;
	s->stopped_ctx = ctx;
	uv_timer_stop(&s->timer);
	vault_sweep_stop(s->store);
	if (s->calls == 0)
		uv_close((uv_handle_t *)&s->timer, on_closed);
}

static void look_done(void *ctx)
{
	struct look *look = ctx;

	call_done(look->sweep);
	free(look);
}

static void on_idle_answer(void *ctx, const struct publish_answer *answer)
{
	struct look *look = ctx;
	const struct pipeline_parts *parts = look->sweep->parts;
	struct str user = str_c(look->user), batch = str_c(look->batch);

	switch (answer->verdict) {
	case PUBLISH_ok:                /* closed now */
	case PUBLISH_duplicate:         /* closed before: it ends by itself */
	case PUBLISH_unknown:
	case PUBLISH_REFUSED:
		queue_batch_forget(parts->queue, user, batch);
		break;
	case PUBLISH_wait:
		queue_batch_look_at(parts->queue, user, batch, clock_wall_ms() + answer->number);
		break;
	case PUBLISH_active:
		if (!look->sweep->stopped && lost_cvs_find(parts, user, batch, look_done, look) == 0)
			return;
		break;
	default:
		break;
	}
	look_done(look);
}

static void on_batch(void *ctx, struct str user, struct str batch)
{
	struct sweep *s = ctx;
	struct look *look;

	if (user.n == 0) {
		call_done(s);
		return;
	}
	look = calloc(1, sizeof(*look));
	if (!look || user.n > ID_MAX || batch.n > ID_MAX) {
		free(look);
		return;
	}
	look->sweep = s;
	memcpy(look->user, user.p, user.n);
	memcpy(look->batch, batch.p, batch.n);
	s->calls++;
	if (publish_batch(s->parts->publisher, user, batch, BATCH_IDLE, s->parts->cfg->worker_batch_idle_ms, on_idle_answer, look) < 0)
		look_done(look);
}

/* Whether the wall clock may be believed about what is old. */
static bool trusts_clock(struct sweep *s, int64_t wall_ms, int64_t monotonic_ms)
{
	int64_t jump_ms = wall_ms - monotonic_ms - s->wall_ahead_ms;

	s->wall_ahead_ms += jump_ms;
	if (jump_ms > JUMP_MS || jump_ms < -JUMP_MS) {
		LOG(WARNING, "clock_jumped", LOG_INT("by_s", jump_ms / 1000));
		s->held_until_ms = monotonic_ms + JUMP_HOLD_MS;
	}
	return monotonic_ms >= s->held_until_ms;
}

static void sweep_shard(uv_work_t *work)
{
	struct sweep *s = work->data;
	int64_t now_ms = clock_wall_ms();

	s->shard_result = spool_sweep(s->parts->spool, s->shard, now_ms - s->parts->cfg->worker_retention_days * DAY_MS,
				      now_ms - s->parts->cfg->worker_upload_expire_ms);
}

static void begin_shard(struct sweep *s);

static void on_shard_swept(uv_work_t *work, int status)
{
	struct sweep *s = work->data;

	if (s->shard_result < 0)
		LOG(ERROR, "spool_sweep_failed", LOG_INT("shard", s->shard), LOG_ERRNO(s->shard_result));
	else if (s->shard_result > 0)
		LOG(INFO, "spool_swept", LOG_INT("files", s->shard_result));
	s->shard = (s->shard + 1) % SPOOL_SHARDS;
	if (s->at_once > 0 && !s->stopped) {
		s->at_once--;
		begin_shard(s);
	}
	call_done(s);
}

static void begin_shard(struct sweep *s)
{
	if (!trusts_clock(s, clock_wall_ms(), clock_monotonic_ms()))
		return;
	s->work.data = s;
	s->calls++;
	uv_queue_work(s->parts->loop, &s->work, sweep_shard, on_shard_swept);
}

static void on_store_swept(void *ctx, int rc)
{
	struct sweep *s = ctx;

	s->store_busy = false;
	if (rc > 0)
		LOG(INFO, "s3_swept", LOG_INT("cvs", rc));
	call_done(s);
}

static void on_forgotten(void *ctx, const struct redisReply *reply)
{
	struct sweep *s = ctx;

	s->forgotten(s->forgotten_ctx, reply_kind(reply) == REPLY_INTEGER ? 0 : -ENOTCONN);
}

/* Its newest frame stays, stripped: a worker may still have something to say about it, which must be known to be late. */
static int forget(void *ctx, const struct spool_record *rec, vault_fn *fn, void *fn_ctx)
{
	struct sweep *s = ctx;
	const struct pipeline_parts *parts = s->parts;

	s->forgotten = fn;
	s->forgotten_ctx = fn_ctx;
	return cv_forget(parts->redis, parts->cfg, parts->queue, rec, false, on_forgotten, s);
}

/* It may take longer than the rest, which does not wait for it. */
static void sweep_store(struct sweep *s)
{
	bool trusted = trusts_clock(s, clock_wall_ms(), clock_monotonic_ms());

	if (!s->store || s->store_busy || vault_problem(s->parts->vault) ||
	    vault_sweep_turn(s->store, clock_wall_ms(), !trusted, on_store_swept, s) < 0)
		return;
	s->store_busy = true;
	s->calls++;
}

static void on_timer(uv_timer_t *timer)
{
	struct sweep *s = timer->data;

	sweep_later(s);
	sweep_store(s);
	if (s->calls > s->store_busy)
		return; /* the last turn is not over yet */
	if (queue_idle_batches(s->parts->queue, s->parts->cfg->worker_batch_idle_ms, on_batch, s) == 0)
		s->calls++;
	begin_shard(s);
}

/* The random part keeps many workers from doing it all at once. */
static void sweep_later(struct sweep *s)
{
	int64_t period_ms = s->parts->cfg->worker_sweep_ms;

	uv_timer_start(&s->timer, on_timer, (uint64_t)(period_ms / 2) + random_below((uint64_t)period_ms), 0);
}

struct sweep *sweep_new(const struct pipeline_parts *parts)
{
	struct sweep *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->parts = parts;
	if (parts->vault)
		s->store = vault_sweep_new(parts->vault, forget, s);
	if (parts->vault && !s->store) {
		free(s);
		return NULL;
	}
	s->shard = (int)random_below(SPOOL_SHARDS);
	s->timer.data = s;
	uv_timer_init(parts->loop, &s->timer);
	sweep_later(s);
	s->wall_ahead_ms = clock_wall_ms() - clock_monotonic_ms();
	s->held_until_ms = INT64_MIN;
	s->at_once = SPOOL_SHARDS - 1;
	begin_shard(s);
	return s;
}
