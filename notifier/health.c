/* Health, statistics and metrics. */
#include "clock.h"
#include "metrics.h"
#include "notifier/notifier.h"

static void respond_json(struct request *rq, int status, struct buf *body)
{
	struct http_header no_store = { "Cache-Control", STR("no-store") };

	request_respond(rq, status, "application/json", buf_str(body), &no_store, 1);
	buf_free(body);
}

static const char *delivery_problem(const struct notifier *n)
{
	if (!redis_is_connected(n->redis))
		return "not connected";
	if (!subscriber_is_connected(n->subscriber))
		return "the subscriber is not connected";
	if (n->probe.misses >= 3)
		return "probes do not come back";
	return NULL;
}

bool notifier_is_ready(const struct notifier *n)
{
	return !delivery_problem(n) && n->probe.seen && !n->drain.running && !n->closing;
}

static void add_head(struct notifier *n, struct buf *b, bool healthy)
{
	char timestamp[ISO8601_SIZE];

	clock_iso8601(clock_wall_ms(), timestamp);
	buf_addf(b, "{\"status\":\"%s\",\"timestamp\":\"%s\"", healthy ? "healthy" : "unhealthy", timestamp);
}

static void respond_simple(struct notifier *n, struct request *rq, bool healthy, const char *message)
{
	struct buf body;

	buf_init(&body, 1024);
	add_head(n, &body, healthy);
	buf_addf(&body, ",\"message\":\"%s\"}", message);
	respond_json(rq, healthy ? 200 : 503, &body);
}

static void route_ready(struct notifier *n, struct request *rq)
{
	const char *problem = delivery_problem(n);

	if (!problem && n->drain.running)
		problem = "stopping";
	if (!problem && !n->probe.seen)
		problem = "the first probe has not come back yet";
	respond_simple(n, rq, !problem, problem ? problem : "ready");
}

static void route_redis(struct notifier *n, struct request *rq)
{
	const char *problem = delivery_problem(n);

	respond_simple(n, rq, !problem, problem ? problem : "connected");
}

/* The whole: as dashboards of the first version of this API know it. */
static void route_comprehensive(struct notifier *n, struct request *rq)
{
	const char *problem = delivery_problem(n);
	size_t active = n->n_conns - n->conns[CONN_CLOSING].n, users = users_count(n->users);
	struct buf b;

	buf_init(&b, 4096);
	add_head(n, &b, !problem);
	buf_addf(&b, ",\"overall_status\":\"%s\",\"services\":{", problem ? "unhealthy" : "healthy");
	buf_addf(&b, "\"redis\":{\"status\":\"%s\",\"message\":\"%s\"},", problem ? "unhealthy" : "healthy", problem ? problem : "connected");
	buf_addf(&b, "\"rate_limiter\":{\"status\":\"healthy\",\"message\":\"%lld refused\"},", (long long)metrics_get(METRIC_connect_rate_refused));
	buf_addf(&b, "\"websocket\":{\"status\":\"%s\",\"message\":\"%s\",\"stats\":{\"active_connections\":%zu,\"rooms\":{\"user\":%zu},"
		 "\"total_rooms\":%zu}}}}", n->drain.running ? "unhealthy" : "healthy", n->drain.running ? "stopping" : "accepting connections",
		 active, users, users);
	respond_json(rq, problem || n->drain.running ? 503 : 200, &b);
}

bool route_health(struct notifier *n, struct request *rq)
{
	if (str_eq(rq->path, STR("/health")) || str_eq(rq->path, STR("/health/live")))
		respond_simple(n, rq, true, "alive");
	else if (str_eq(rq->path, STR("/health/ready")))
		route_ready(n, rq);
	else if (str_eq(rq->path, STR("/health/redis")))
		route_redis(n, rq);
	else if (str_eq(rq->path, STR("/health/comprehensive")))
		route_comprehensive(n, rq);
	else
		return false;
	return true;
}

/* Frames a second since the last look, or since the start. */
static int64_t frame_rate(struct notifier *n)
{
	int64_t now = notifier_now(n), frames = metrics_get(METRIC_frames_sent), span = now - n->rate_ms;
	int64_t rate = span > 0 ? (frames - n->rate_frames) * 1000 / span : 0;

	if (span >= 1000) {
		n->rate_ms = now;
		n->rate_frames = frames;
	}
	return rate;
}

void route_stats(struct notifier *n, struct request *rq)
{
	struct buf b;

	buf_init(&b, 4096);
	buf_addf(&b, "{\"active_connections\":%zu,\"active_users\":%zu,\"total_connections\":%lld,\"frame_rate\":%lld,\"closed\":{",
		 n->n_conns - n->conns[CONN_CLOSING].n, users_count(n->users), (long long)metrics_get(METRIC_connections_opened),
		 (long long)frame_rate(n));
	for (int r = 0; r < CLOSE_REASONS; r++)
		buf_addf(&b, "%s\"%s\":%lld", r ? "," : "", close_reason_name((enum close_reason)r),
			 (long long)metrics_get((enum metric)(METRIC_closed_peer_closed + r)));
	buf_addf(&b, "},\"uptime_s\":%lld}", (long long)((notifier_now(n) - n->started_ms) / 1000));
	respond_json(rq, 200, &b);
}

void route_metrics(struct notifier *n, struct request *rq)
{
	struct buf body;

	metrics_set(METRIC_redis_connected, redis_is_connected(n->redis) && subscriber_is_connected(n->subscriber));
	buf_init(&body, 1 << 20);
	metrics_process();
	metrics_render(NOTIFIER, &body);
	request_respond(rq, 200, "text/plain; version=0.0.4", buf_str(&body), NULL, 0);
	buf_free(&body);
}
