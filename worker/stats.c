/* The numbers of this worker and its queue: JSON for people, Prometheus text for machines. On the admin listener. */
#include <errno.h>

#include "calls.h"
#include "clock.h"
#include "metrics.h"

#define METRICS_MAX_BYTES (1024 * 1024)

static void on_stats(void *ctx, const struct queue_stats *stats)
{
	struct call *call = ctx;
	struct buf body;

	if (!stats) {
		call_failed(call, -ENOTCONN);
		call_release(call);
		return;
	}
	buf_init(&body, 4096);
	buf_addf(&body, "{\"queued\":%lld,\"running\":%lld,\"retrying\":%lld,\"dead\":%lld,\"average_wait_ms\":%lld,\"files_per_hour\":%lld,"
			"\"stalled\":%lld,\"webhooks_waiting\":%lld,\"webhooks_dead\":%lld,\"paused\":%s,\"draining\":%s,\"uptime_s\":%lld}",
		 (long long)stats->queued, (long long)stats->running, (long long)stats->retrying, (long long)stats->dead,
		 (long long)stats->average_wait_ms, (long long)stats->files_per_hour, (long long)stats->stalled,
		 (long long)stats->webhooks_waiting, (long long)stats->webhooks_dead,
		 stats->paused ? "true" : "false", stats->draining ? "true" : "false",
		 (long long)(clock_wall_ms() / 1000 - metrics_get(METRIC_start_time)));
	call_json(call, 200, &body);
	buf_free(&body);
	call_release(call);
}

void stats_show(struct call *call)
{
	int rc;

	call_hold(call);
	rc = queue_stats(call->worker->queue, on_stats, call);
	if (rc < 0) {
		call_failed(call, rc);
		call_release(call);
	}
}

/* Without an answer from Redis the queue's gauges keep what they showed last. */
static void on_gauges(void *ctx, const struct queue_stats *stats)
{
	struct call *call = ctx;
	struct spool_space space;
	struct buf body;

	if (stats) {
		metrics_set(METRIC_queue_waiting, stats->queued);
		metrics_set(METRIC_queue_running, stats->running);
		metrics_set(METRIC_queue_delayed, stats->retrying);
		metrics_set(METRIC_queue_dead, stats->dead);
		metrics_set(METRIC_queue_stalled, stats->stalled);
		metrics_set(METRIC_webhooks_waiting, stats->webhooks_waiting);
		metrics_set(METRIC_webhooks_dead_letters, stats->webhooks_dead);
		metrics_set(METRIC_queue_oldest_wait_s, stats->oldest_wait_ms / 1000);
	}
	if (spool_space(call->worker->spool, &space) == 0)
		metrics_set(METRIC_spool_free_bytes, space.free_bytes);
	buf_init(&body, METRICS_MAX_BYTES);
	metrics_process();
	metrics_render(WORKER, &body);
	call_text(call, "text/plain; version=0.0.4; charset=utf-8", &body);
	buf_free(&body);
	call_release(call);
}

void stats_metrics(struct call *call)
{
	call_hold(call);
	if (queue_stats(call->worker->queue, on_gauges, call) < 0)
		on_gauges(call, NULL);
}
