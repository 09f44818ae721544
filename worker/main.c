/*
 * cvpulse-worker: takes uploads (role ingest) and has them read (role process). Here: the parts are made, put together, and
 * taken down in order. A stop goes: no new connections; requests and running CVs end, for worker.drain_s at most; then
 * everything closes.
 */
#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "daemon.h"
#include "extractor.h"
#include "http_client.h"
#include "inbox.h"
#include "jwks.h"
#include "log.h"
#include "metrics.h"
#include "rate.h"
#include "router.h"
#include "schema.h"
#include "sweep.h"
#include "tus.h"
#include "vault.h"
#include "webhook.h"
#include "webhooks.h"
#include "worker.h"

#define PROBLEM_MAX_BYTES 4096

static bool has_role(const struct config *cfg, const char *role)
{
	struct str rest = str_c(cfg->worker_roles);

	while (rest.p)
		if (str_eq(str_trim(str_cut(&rest, ',')), str_c(role)))
			return true;
	return false;
}

static void check(const struct config *cfg, struct buf *problems)
{
	auth_check_listen(cfg, "worker.listen", cfg->worker_listen, problems);
	auth_check_listen(cfg, "worker.admin_listen", cfg->worker_admin_listen, problems);
	if (*cfg->webhook_secret_file)
		webhook_secrets_check(cfg->webhook_secret_file, problems);
}

static void on_schema(void *ctx, int rc)
{
	struct worker *w = ctx;

	if (rc == -EPROTONOSUPPORT)
		daemon_failed(w->daemon);
	else if (rc == 0 && w->pipeline)
		pipeline_redis_connected(w->pipeline);
}

static void on_redis_connected(void *ctx)
{
	struct worker *w = ctx;

	metrics_set(METRIC_redis_connected, 1);
	if (w->state == WORKER_STOPPED)
		return;
	queue_hooks_ready(w->queue);
	schema_check(w->redis, on_schema, w);
}

static void on_redis_disconnected(void *ctx)
{
	metrics_set(METRIC_redis_connected, 0);
}

/* A configuration error when it fails: the line says which key. */
static int report(const struct buf *problem, int rc)
{
	if (rc >= 0)
		return rc;
	LOG(ERROR, "start_failed", LOG_STR("reason", buf_str(problem)));
	return -EINVAL;
}

static int open_listeners(struct worker *w, struct buf *problem)
{
	bool shared = strcmp(w->cfg->worker_listen, w->cfg->worker_admin_listen) == 0;
	int n = listeners_open(w->cfg->worker_listen, "worker", w->listeners, problem);

	if (n < 0)
		return n;
	w->n_api = n;
	if (shared)
		return 0;
	n = listeners_open(w->cfg->worker_admin_listen, "worker-admin", w->listeners + w->n_api, problem);
	if (n < 0)
		return n;
	w->n_admin = n;
	return 0;
}

static int serve(struct worker *w)
{
	const struct server_handler handler = router_handler(w);
	bool shared = w->n_admin == 0;
	int rc = server_open(w->loop, w->cfg, &handler, &w->server);

	if (rc == 0)
		rc = server_listen(w->server, w->listeners, w->n_api, shared);
	if (rc == 0 && !shared)
		rc = server_listen(w->server, w->listeners + w->n_api, w->n_admin, true);
	return rc;
}

static int start_processing(struct worker *w)
{
	struct extractor_config config;
	int rc;

	extractor_config_from(w->cfg, &config);
	rc = extractor_start(w->loop, &config, &w->extractor);
	if (rc < 0) {
		LOG(ERROR, "start_failed", LOG_TEXT("reason", "worker.extract_program cannot be started"), LOG_ERRNO(rc));
		return -EINVAL;
	}
	w->parts.extractor = w->extractor;
	return pipeline_start(&w->parts, &w->pipeline);
}

static int start_sweeping(struct worker *w)
{
	w->sweep = sweep_new(&w->parts);
	return w->sweep ? 0 : -ENOMEM;
}

static int start_auth(struct worker *w)
{
	int rc = auth_open(w->cfg, &w->auth);
	uint64_t seed;

	random_bytes(&seed, sizeof(seed));
	w->rates = rate_table_new(seed);
	if (rc == 0)
		rc = w->rates ? 0 : -ENOMEM;
	if (rc < 0 || !*w->cfg->auth_jwks_url)
		return rc;
	return jwks_start(w->loop, w->http_client, w->cfg, auth_keys(w->auth), &w->jwks);
}

static int start_parts(struct worker *w, struct buf *problem)
{
	const struct redis_listener listener = { on_redis_connected, on_redis_disconnected, w };
	int rc = spool_open_dir(w->cfg->worker_spool_dir, &w->spool, problem);

	if (rc == 0)
		rc = open_listeners(w, problem);
	if (rc < 0)
		return report(problem, rc);
	rc = net_guard_parse(w->cfg->fetch_allow, w->cfg->fetch_ports, &w->guard, NULL);
	if (rc == 0)
		rc = net_guard_parse(w->cfg->webhook_allow, "", &w->webhook_guard, NULL);
	if (rc == 0)
		rc = http_client_new(w->loop, &w->http_client);
	if (rc == 0 && *w->cfg->s3_url)
		rc = report(problem, vault_open(w->loop, w->cfg, w->http_client, w->spool, &w->vault, problem));
	if (rc == 0)
		rc = start_auth(w);
	if (rc == 0)
		rc = redis_open(w->loop, w->cfg, &listener, &w->redis);
	if (rc < 0)
		return rc;
	w->publisher = (struct publisher){ w->redis, w->cfg };
	rc = queue_open(w->redis, w->cfg, &w->queue);
	if (rc == 0)
		rc = tus_open(&w->tus);
	w->parts = (struct pipeline_parts){
		.loop = w->loop, .cfg = w->cfg, .redis = w->redis, .queue = w->queue, .publisher = &w->publisher, .spool = w->spool,
		.vault = w->vault, .http = w->http_client, .guard = &w->guard,
	};
	if (rc == 0 && has_role(w->cfg, "process"))
		rc = start_processing(w);
	if (rc == 0 && has_role(w->cfg, "process"))
		rc = webhooks_start(w, &w->webhooks);
	if (rc == 0 && has_role(w->cfg, "ingest"))
		rc = inbox_start(w, &w->inbox);
	if (rc == 0)
		rc = serve(w);
	return rc == 0 && w->vault && !w->pipeline ? start_sweeping(w) : rc;
}

/* Ends every request, and so calls go_on_stopping again from within. */
static void close_server(struct worker *w)
{
	struct server *server = w->server;

	w->server = NULL;
	if (server)
		server_close(server);
}

static void go_on_stopping(struct worker *w)
{
	if (w->state == WORKER_DRAINING && !w->pipeline && !w->sweep && w->calls == 0) {
		w->state = WORKER_CLOSING;
		close_server(w);
	}
	if (w->state == WORKER_CLOSING && w->calls == 0) {
		w->state = WORKER_STOPPED;
		uv_close((uv_handle_t *)&w->drain_timer, NULL);
		daemon_stopped(w->daemon);
	}
}

static void on_pipeline_stopped(void *ctx)
{
	struct worker *w = ctx;

	w->pipeline = NULL;
	go_on_stopping(w);
}

static void on_sweep_stopped(void *ctx)
{
	struct worker *w = ctx;

	w->sweep = NULL;
	go_on_stopping(w);
}

/* Whoever is still sending has had its time; calls that wait for Redis or the disk end by themselves. */
static void on_drain_over(uv_timer_t *timer)
{
	struct worker *w = timer->data;

	if (w->state != WORKER_DRAINING)
		return;
	close_server(w);
	vault_stop(w->vault);
	go_on_stopping(w);
}

static void stop(struct daemon *d)
{
	struct worker *w = d->app;

	w->state = WORKER_DRAINING;
	server_drain(w->server);
	if (w->inbox)
		inbox_stop(w->inbox);
	w->inbox = NULL;
	if (w->webhooks)
		webhooks_stop(w->webhooks);
	w->webhooks = NULL;
	uv_timer_init(w->loop, &w->drain_timer);
	w->drain_timer.data = w;
	uv_timer_start(&w->drain_timer, on_drain_over, (uint64_t)w->cfg->worker_drain_ms, 0);
	if (w->pipeline)
		pipeline_stop(w->pipeline, on_pipeline_stopped, w);
	else if (w->sweep)
		sweep_stop(w->sweep, on_sweep_stopped, w);
	else
		go_on_stopping(w);
}

static void reloaded(struct daemon *d)
{
	struct worker *w = d->app;

	auth_reload(w->auth, w->cfg);
	if (w->server)
		server_configure(w->server, w->cfg);
}

static int start(struct daemon *d)
{
	struct worker *w = calloc(1, sizeof(*w));
	struct buf problem;
	int rc;

	if (!w)
		return -ENOMEM;
	d->app = w;
	w->daemon = d;
	w->loop = d->loop;
	w->cfg = &d->config;
	w->call_over = go_on_stopping;
	buf_init(&problem, PROBLEM_MAX_BYTES);
	rc = start_parts(w, &problem);
	buf_free(&problem);
	if (rc < 0)
		return rc;
	w->state = WORKER_SERVING;
	daemon_ready(d);
	return 0;
}

/* Also after a start that failed half-way. The loop runs until the thread pool has done with the spool. */
static void finish(struct daemon *d)
{
	struct worker *w = d->app;

	if (!w)
		return;
	w->state = WORKER_STOPPED;
	close_server(w);
	if (w->inbox)
		inbox_stop(w->inbox);
	if (w->webhooks)
		webhooks_stop(w->webhooks);
	if (w->extractor)
		extractor_stop(w->extractor);
	if (w->redis)
		redis_close(w->redis);
	if (w->jwks)
		jwks_stop(w->jwks);
	vault_stop(w->vault);
	vault_close(w->vault);
	if (w->http_client)
		http_client_free(w->http_client);
	uv_run(w->loop, UV_RUN_DEFAULT);
	if (w->queue)
		queue_close(w->queue);
	tus_close(w->tus);
	rate_table_free(w->rates);
	auth_close(w->auth);
	listeners_close(w->listeners, w->n_api + w->n_admin);
	spool_close_dir(w->spool);
	free(w);
}

static const struct daemon_hooks hooks = {
	.usage = "Takes uploaded CVs and has them read.\n",
	.check = check,
	.start = start,
	.stop = stop,
	.reloaded = reloaded,
	.finish = finish,
};

int main(int argc, char **argv)
{
	return daemon_main(argc, argv, &hooks);
}
