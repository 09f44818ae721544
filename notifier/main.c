/* cvpulse-notifier: from configuration to a running loop, and back. */
#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "notifier/notifier.h"

#define TICK_MS 50

static const char *const usage = "cvpulse-notifier: brings events from Redis to browsers over WebSocket, SSE and polls.\n";

/* Always subscribed to: control and this instance's probe. */
static const char *always[3];

static void check(const struct config *cfg, struct buf *problems)
{
	struct cidr_list list;
	struct str bad;

	auth_check_listen(cfg, "notifier.listen", cfg->notifier_listen, problems);
	auth_check_listen(cfg, "notifier.admin_listen", cfg->notifier_admin_listen, problems);
	if (cfg->notifier_peer_timeout_ms && cfg->notifier_peer_timeout_ms < 2 * cfg->notifier_heartbeat_interval_ms)
		buf_addf(problems, "[notifier] peer_timeout_s must be at least two heartbeat intervals (%lld s)\n",
			 (long long)cfg->notifier_heartbeat_interval_ms / 500);
	if (cidr_list_parse(cfg->auth_trusted_proxies, &list, &bad) < 0)
		buf_addf(problems, "[auth] trusted_proxies: \"" STR_FMT "\" is no network\n", STR_ARG(bad));
}

static void fire_conn(struct wheel_entry *e, void *ctx)
{
	conn_on_timer((struct conn *)(void *)((char *)e - offsetof(struct conn, timer)));
}

static void fire_user(struct wheel_entry *e, void *ctx)
{
	user_timer(ctx, (struct user *)(void *)((char *)e - offsetof(struct user, timer)));
}

static void on_tick(uv_timer_t *timer)
{
	struct notifier *n = timer->data;

	wheel_advance(&n->wheel, notifier_now(n), fire_conn, n);
	wheel_advance(&n->user_wheel, notifier_now(n), fire_user, n);
}

static void on_redis_connected(void *ctx)
{
	struct notifier *n = ctx;

	/* What users were told must be looked for in this Redis, and their channels must be in it: all begins with a subscription. */
	if (redis_has_moved(n->redis))
		subscriber_reconnect(n->subscriber, "Redis has moved");
	subscriber_go(n->subscriber, redis_place(n->redis));
	users_on_redis(n);
	probe_reset(n);
}

static void on_redis_disconnected(void *ctx)
{
	metrics_add(METRIC_redis_reconnects, 1);
}

static void start_timers(struct notifier *n)
{
	uv_timer_init(n->loop, &n->tick);
	uv_timer_init(n->loop, &n->read_retry);
	uv_timer_init(n->loop, &n->drain.timer);
	uv_prepare_init(n->loop, &n->burial);
	n->tick.data = n->read_retry.data = n->drain.timer.data = n->burial.data = n;
	wheel_init(&n->wheel, TICK_MS, notifier_now(n));
	wheel_init(&n->user_wheel, TICK_MS, notifier_now(n));
	uv_timer_start(&n->tick, on_tick, TICK_MS, TICK_MS);
	probe_start(n);
}

/* The admin address may be the same as the other one: then it is opened once. Inherited sockets are told apart by name. */
static int open_listeners(struct notifier *n)
{
	bool same = strcmp(n->cfg->notifier_listen, n->cfg->notifier_admin_listen) == 0 && strcmp(n->cfg->notifier_listen, "systemd") != 0;
	struct buf problem;
	int rc;

	buf_init(&problem, 1024);
	rc = listeners_open(n->cfg->notifier_listen, "notifier", n->listeners, &problem);
	if (rc >= 0) {
		n->n_listeners = rc;
		rc = same ? 0 : listeners_open(n->cfg->notifier_admin_listen, "notifier-admin", n->admin_listeners, &problem);
	}
	if (rc >= 0)
		n->n_admin_listeners = rc;
	else
		LOG(ERROR, "listen_failed", LOG_STR("reason", buf_str(&problem)));
	buf_free(&problem);
	for (int i = 0; rc >= 0 && i < n->n_listeners; i++) {
		if (n->listeners[i].is_loopback || !auth_is_open(n->auth))
			continue;
		LOG(ERROR, "listen_failed", LOG_TEXT("reason", "auth.mode = none needs every listener on loopback or a unix socket"));
		rc = -EINVAL;
	}
	return rc < 0 ? rc : same;
}

static int start_server(struct notifier *n)
{
	struct server_handler handler = routes_handler;
	int same = open_listeners(n), rc;

	if (same < 0)
		return -EINVAL;
	handler.ctx = n;
	rc = server_open(n->loop, n->cfg, &handler, &n->server);
	if (rc == 0)
		rc = websockets_open(n->server, &websocket_events, n->cfg->notifier_max_connections);
	if (rc == 0)
		rc = server_listen(n->server, n->listeners, n->n_listeners, same);
	if (rc == 0)
		rc = server_listen(n->server, n->admin_listeners, n->n_admin_listeners, true);
	if (rc == -ELIBACC)
		LOG(ERROR, "server_failed", LOG_ERRNO(rc), LOG_TEXT("hint", "is the package libwebsockets-evlib-uv installed?"));
	else if (rc < 0)
		LOG(ERROR, "server_failed", LOG_ERRNO(rc));
	return rc;
}

static int start_redis(struct notifier *n)
{
	struct redis_listener listener = { on_redis_connected, on_redis_disconnected, n };
	struct subscriber_handler handler = user_subscriber_handler;
	int rc = redis_open(n->loop, n->cfg, &listener, &n->redis);

	if (rc < 0)
		return rc;
	handler.ctx = n;
	always[0] = "cvpulse:control";
	always[1] = n->probe.channel;
	return subscriber_open(n->loop, n->cfg, always, &handler, &n->subscriber);
}

static int start_auth(struct notifier *n)
{
	int rc = auth_open(n->cfg, &n->auth);

	if (rc < 0 || auth_is_open(n->auth))
		return rc;
	if (n->cfg->auth_jwks_url[0]) {
		rc = http_client_new(n->loop, &n->http_client);
		return rc < 0 ? rc : jwks_start(n->loop, n->http_client, n->cfg, auth_keys(n->auth), &n->jwks);
	}
	if (jwt_keys_empty(auth_keys(n->auth)))
		LOG(WARNING, "auth_no_keys", LOG_TEXT("hint", "set auth.jwt_secret_file, jwt_public_key_file or jwks_url; nobody can sign in"));
	return 0;
}

static int start(struct daemon *d)
{
	struct notifier *n = calloc(1, sizeof(*n));
	uint64_t seed;
	int rc;

	if (!n)
		return -ENOMEM;
	d->app = n;
	n->daemon = d;
	n->cfg = &d->config;
	n->loop = d->loop;
	n->started_ms = n->rate_ms = notifier_now(n);
	snprintf(n->key_form, sizeof(n->key_form), "%s", n->cfg->redis_key_form);
	random_bytes(&seed, sizeof(seed));
	n->users = users_new(seed);
	n->rates = rate_table_new(seed);
	n->text_max = 1 << 20; /* the most that notifier.event_max_bytes can be set to */
	n->text = malloc(FRAME_HEADROOM + n->text_max);
	if (!n->users || !n->rates || !n->text)
		return -ENOMEM;
	start_timers(n);
	rc = start_auth(n);
	if (rc == 0)
		rc = start_server(n);
	if (rc == 0)
		rc = start_redis(n);
	if (rc == 0)
		daemon_ready(d);
	return rc;
}

static void stop(struct daemon *d)
{
	drain_start(d->app);
}

static void reloaded(struct daemon *d)
{
	struct notifier *n = d->app;

	server_configure(n->server, n->cfg);
	auth_reload(n->auth, n->cfg);
}

static bool healthy(struct daemon *d)
{
	struct notifier *n = d->app;

	return !n->probe.lost || !redis_is_connected(n->redis); /* a Redis that is away is no reason to be restarted */
}

static void finish(struct daemon *d)
{
	struct notifier *n = d->app;

	if (!n)
		return;
	n->closing = true;
	uv_timer_stop(&n->tick);
	uv_timer_stop(&n->read_retry);
	probe_stop(n);
	if (n->subscriber)
		subscriber_close(n->subscriber);
	if (n->redis)
		redis_close(n->redis);
	if (n->jwks)
		jwks_stop(n->jwks);
	if (n->http_client)
		http_client_free(n->http_client);
	if (n->server)
		server_close(n->server);
	conn_bury(n);
	listeners_close(n->listeners, n->n_listeners);
	listeners_close(n->admin_listeners, n->n_admin_listeners);
	auth_close(n->auth);
	users_close(n);
	rate_table_free(n->rates);
	free(n->text);
}

int main(int argc, char **argv)
{
	static const struct daemon_hooks hooks = {
		.usage = usage, .check = check, .start = start, .stop = stop, .reloaded = reloaded, .finish = finish, .healthy = healthy,
	};

	return daemon_main(argc, argv, &hooks);
}
