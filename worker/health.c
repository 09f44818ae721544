/* Health: whether the process runs (live), may take traffic (ready), and each part alone. Parts are judged when asked for; the
 * disk is tried off the loop. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "calls.h"
#include "clock.h"
#include "extractor.h"
#include "spool_jobs.h"
#include "vault.h"

#define ANSWER_MAX_BYTES 8192

struct part {
	bool healthy;
	char message[160];
};

static const char *word(bool healthy)
{
	return healthy ? "healthy" : "unhealthy";
}

static void answer(struct call *call, bool healthy, struct buf *services)
{
	char now[ISO8601_SIZE];
	struct buf body;

	clock_iso8601(clock_wall_ms(), now);
	buf_init(&body, ANSWER_MAX_BYTES);
	buf_addf(&body, "{\"status\":\"%s\",\"timestamp\":\"%s\"", word(healthy), now);
	if (services)
		buf_addf(&body, ",\"overall_status\":\"%s\",\"services\":{" STR_FMT "}", word(healthy), STR_ARG(buf_str(services)));
	buf_addz(&body, "}");
	call_json(call, healthy ? 200 : 503, &body);
	buf_free(&body);
}

static void add_part(struct buf *services, const char *name, const struct part *part)
{
	buf_addf(services, "%s\"%s\":{\"status\":\"%s\",\"message\":", services->n ? "," : "", name, word(part->healthy));
	buf_add_json(services, str_c(part->message));
	buf_addz(services, "}");
}

static void answer_part(struct call *call, const char *name, const struct part *part)
{
	struct buf services;

	buf_init(&services, ANSWER_MAX_BYTES);
	add_part(&services, name, part);
	answer(call, part->healthy, &services);
	buf_free(&services);
}

static struct part part_of(bool healthy, const char *message)
{
	struct part part = { .healthy = healthy };

	snprintf(part.message, sizeof(part.message), "%s", message);
	return part;
}

static struct part judge_redis(const struct worker *w)
{
	bool connected = redis_is_connected(w->redis);

	return part_of(connected, connected ? "connected" : "not connected; trying again");
}

/* Space only; probe_rc: what writing a file gave. */
static struct part judge_storage(struct worker *w, int probe_rc)
{
	struct spool_space space = { 0 };
	struct part part;

	if (probe_rc == 0)
		probe_rc = spool_space(w->spool, &space);
	if (probe_rc < 0)
		return part_of(false, strerror(-probe_rc));
	if (w->vault && vault_problem(w->vault))
		return part_of(false, vault_problem(w->vault));
	if (space.free_files < SPOOL_FREE_FILES_MIN)
		return part_of(false, "the disk takes no more files (inodes)");
	part.healthy = space.free_bytes >= w->cfg->worker_min_free_bytes;
	snprintf(part.message, sizeof(part.message), "%lld of %lld MiB free", (long long)(space.free_bytes >> 20), (long long)(space.total_bytes >> 20));
	return part;
}

static struct part judge_queue(const struct queue_stats *stats)
{
	struct part part;

	if (!stats)
		return part_of(false, "Redis does not answer");
	part.healthy = true;
	snprintf(part.message, sizeof(part.message), "%lld waiting, %lld running%s%s", (long long)stats->queued, (long long)stats->running,
		 stats->paused ? ", paused" : "", stats->draining ? ", draining" : "");
	return part;
}

static struct part judge_extractor(const struct worker *w)
{
	if (!w->extractor)
		return part_of(true, "this worker processes nothing (worker.roles)");
	if (!extractor_healthy(w->extractor))
		return part_of(false, "cvpulse-extract does not run in its sandbox");
	return part_of(true, "running");
}

void health_live(struct call *call)
{
	answer(call, true, NULL);
}

void health_ready(struct call *call)
{
	struct worker *w = call->worker;

	answer(call, w->state == WORKER_SERVING && redis_is_connected(w->redis) && judge_storage(w, 0).healthy, NULL);
}

void health_redis(struct call *call)
{
	struct part part = judge_redis(call->worker);

	answer_part(call, "redis", &part);
}

static void on_storage_probed(void *ctx, int rc)
{
	struct call *call = ctx;
	struct part part = judge_storage(call->worker, rc);

	answer_part(call, "storage", &part);
	call_release(call);
}

void health_storage(struct call *call)
{
	call_hold(call);
	if (spool_job_probe(call->worker->loop, call->worker->spool, on_storage_probed, call) < 0)
		on_storage_probed(call, -ENOMEM);
}

static void free_storage(struct call *call)
{
	free(call->state);
}

static void on_queue_judged(void *ctx, const struct queue_stats *stats)
{
	struct call *call = ctx;
	struct worker *w = call->worker;
	const struct part *storage = call->state;
	struct part redis = judge_redis(w), queue = judge_queue(stats), extractor = judge_extractor(w);
	struct part limiter = part_of(true, "limits are kept in this process and in Redis");
	struct buf services;

	buf_init(&services, ANSWER_MAX_BYTES);
	add_part(&services, "redis", &redis);
	add_part(&services, "storage", storage);
	add_part(&services, "queue", &queue);
	add_part(&services, "extractor", &extractor);
	add_part(&services, "rate_limiter", &limiter);
	answer(call, redis.healthy && storage->healthy && queue.healthy && extractor.healthy, &services);
	buf_free(&services);
	call_release(call);
}

static void on_probed(void *ctx, int rc)
{
	struct call *call = ctx;
	struct part *storage = call->state;

	*storage = judge_storage(call->worker, rc);
	if (queue_stats(call->worker->queue, on_queue_judged, call) < 0)
		on_queue_judged(call, NULL);
}

void health_comprehensive(struct call *call)
{
	call->state = malloc(sizeof(struct part));
	call->on_free = free_storage;
	if (!call->state) {
		call_failed(call, -ENOMEM);
		return;
	}
	call_hold(call);
	if (spool_job_probe(call->worker->loop, call->worker->spool, on_probed, call) < 0)
		on_probed(call, -ENOMEM);
}
