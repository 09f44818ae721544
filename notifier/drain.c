/*
 * The graceful stop: no new connections, then every living one is closed with 1012, spread over drain_s, each with its own
 * time to come back, so that ten thousand browsers do not return at once. drain_s = 0: all at once, 1001.
 */
#include "clock.h"
#include "log.h"
#include "notifier/notifier.h"

#define STEP_MS 50
#define LAST_ANSWERS_MS 1000            /* for closing handshakes that are still under way */

static struct conn *next_living(struct notifier *n)
{
	static const enum conn_state order[] = { CONN_SIGNING_IN, CONN_WAITING, CONN_RESUMING, CONN_LIVE };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (n->conns[order[i]].first)
			return n->conns[order[i]].first;
	return NULL;
}

static void close_one(struct notifier *n, struct conn *c, int64_t left_ms)
{
	int64_t span = n->cfg->notifier_drain_ms;

	if (span == 0)
		conn_close(c, CLOSE_going_away);
	else
		conn_close_for_restart(c, CLOSE_restart, (int32_t)(left_ms + 1 + (int64_t)random_below((uint64_t)span)));
}

static void finish(struct notifier *n)
{
	uv_timer_stop(&n->drain.timer);
	daemon_stopped(n->daemon);
}

static void on_step(uv_timer_t *timer)
{
	struct notifier *n = timer->data;
	struct drain *d = &n->drain;
	int64_t now = notifier_now(n), span = n->cfg->notifier_drain_ms, left = d->over_ms > now ? d->over_ms - now : 0;
	size_t due = left == 0 || span == 0 ? SIZE_MAX : (size_t)((double)d->to_close * (double)(span - left) / (double)span) + 1;
	struct conn *c;

	while (d->closed < due && (c = next_living(n)) != NULL) {
		close_one(n, c, left);
		d->closed++;
	}
	if (n->n_conns == 0 || (left == 0 && now >= d->over_ms + LAST_ANSWERS_MS))
		finish(n);
}

void drain_start(struct notifier *n)
{
	struct drain *d = &n->drain;

	if (d->running)
		return;
	d->running = true;
	d->begun_ms = notifier_now(n);
	d->over_ms = d->begun_ms + n->cfg->notifier_drain_ms;
	d->to_close = n->n_conns;
	LOG(INFO, "draining", LOG_INT("connections", n->n_conns), LOG_INT("drain_ms", n->cfg->notifier_drain_ms));
	server_drain(n->server);
	uv_timer_start(&d->timer, on_step, 0, STEP_MS);
}
