/*
 * Which users are subscribed to: by their connections, with a while of lingering, and again after every interruption. Also the
 * way of a message from the subscriber to its user's stream (user_stream.c).
 */
#include <errno.h>

#include "keys.h"
#include "log.h"
#include "metrics.h"
#include "notifier/notifier.h"
#include "notifier/resume.h"
#include "notifier/user_internal.h"

#define LINGER_MS 5000                  /* a page that is reloaded finds its user still subscribed */

static void subscribe(struct notifier *n, struct user *u)
{
	char key[KEY_SIZE];

	user_set_state(u, USER_SUBSCRIBING);
	subscriber_subscribe(n->subscriber, key_user(key, n->key_form, user_id(u), "events"));
}

static void unsubscribe(struct notifier *n, struct user *u)
{
	char key[KEY_SIZE];

	user_set_state(u, USER_UNSUBSCRIBING);
	subscriber_unsubscribe(n->subscriber, key_user(key, n->key_form, user_id(u), "events"));
}

static void remove_user(struct notifier *n, struct user *u)
{
	wheel_cancel(&n->user_wheel, &u->timer);
	history_unqueue(n, u);
	user_keep_newest(u, NULL);
	users_remove(n->users, u);
	metrics_set(METRIC_users, (int64_t)users_count(n->users));
}

/* Nobody has come back. What still waits for an answer of Redis keeps its user a little longer. */
void user_timer(struct notifier *n, struct user *u)
{
	if (u->n_conns)
		return;
	if (u->reads || (u->state != USER_LIVE && u->state != USER_AWAY))
		wheel_arm(&n->user_wheel, &u->timer, notifier_now(n) + LINGER_MS);
	else if (u->state == USER_LIVE)
		unsubscribe(n, u);
	else
		remove_user(n, u);
}

static void keep_limit(struct notifier *n, struct user *u)
{
	uint32_t max = (uint32_t)n->cfg->notifier_max_connections_per_user;

	while (max && u->n_conns > max) /* several, when a reload has lowered the limit */
		conn_close(u->first, CLOSE_replaced);
}

int user_join(struct notifier *n, struct conn *c, struct str id)
{
	struct user *u = users_find(n->users, id);

	if (!u)
		u = users_add(n->users, id);
	if (!u)
		return -ENOMEM;
	wheel_cancel(&n->user_wheel, &u->timer);
	c->user = u;
	c->user_next = NULL;
	c->user_prev = u->last;
	if (u->last)
		u->last->user_next = c;
	else
		u->first = c;
	u->last = c;
	u->n_conns++;
	metrics_set(METRIC_users, (int64_t)users_count(n->users));
	if ((u->state == USER_AWAY && subscriber_is_connected(n->subscriber)) || u->state == USER_UNSUBSCRIBING)
		subscribe(n, u);
	keep_limit(n, u);
	return 0;
}

void user_leave(struct conn *c)
{
	struct user *u = c->user;

	if (!u)
		return;
	if (c->user_prev)
		c->user_prev->user_next = c->user_next;
	else
		u->first = c->user_next;
	if (c->user_next)
		c->user_next->user_prev = c->user_prev;
	else
		u->last = c->user_prev;
	c->user = NULL;
	if (--u->n_conns == 0)
		wheel_arm(&c->notifier->user_wheel, &u->timer, notifier_now(c->notifier) + LINGER_MS);
}

static void subscribe_again(struct user *u, void *ctx)
{
	struct notifier *n = ctx;

	if (u->n_conns)
		subscribe(n, u);
	else if (u->reads == 0)
		remove_user(n, u);
}

static void on_connected(void *ctx)
{
	struct notifier *n = ctx;

	LOG(INFO, "redis_subscribed", LOG_INT("users", users_count(n->users)));
	metrics_add(METRIC_subscriber_connects, 1);
	if (redis_is_connected(n->redis))
		subscriber_go(n->subscriber, redis_place(n->redis));
	probe_reset(n);
	users_each(n->users, subscribe_again, n);
}

static void lose_subscription(struct user *u, void *ctx)
{
	struct notifier *n = ctx;

	history_unqueue(n, u);
	user_keep_newest(u, NULL);
	user_set_state(u, USER_AWAY);
	if (u->n_conns == 0)
		wheel_arm(&n->user_wheel, &u->timer, notifier_now(n) + LINGER_MS);
}

static void on_disconnected(void *ctx)
{
	struct notifier *n = ctx;

	probe_reset(n);
	users_each(n->users, lose_subscription, n);
}

static struct user *user_of_channel(struct notifier *n, struct str channel)
{
	struct str id;

	return key_channel_user(channel, n->key_form, &id) == 0 ? users_find(n->users, id) : NULL;
}

static void on_subscribed(void *ctx, struct str channel)
{
	struct notifier *n = ctx;
	struct user *u = user_of_channel(n, channel);

	if (!u || u->state != USER_SUBSCRIBING)
		return;
	u->epoch++;
	if (u->placed) {
		user_check(n, u);
	} else {
		user_set_state(u, USER_STARTING);
		history_queue(n, u);
	}
	for (struct conn *c = u->first, *next; c; c = next) {
		next = c->user_next;
		if (c->state == CONN_WAITING)
			resume_go_on(c);
	}
}

static void on_unsubscribed(void *ctx, struct str channel)
{
	struct notifier *n = ctx;
	struct user *u = user_of_channel(n, channel);

	if (u && u->state == USER_UNSUBSCRIBING)
		remove_user(n, u);
}

static void on_event(struct notifier *n, struct str channel, char *payload, size_t size)
{
	struct frame f = { .text = payload, .n = size };
	struct user *u = user_of_channel(n, channel);
	int rc;

	metrics_add(METRIC_events_received, 1);
	if (!u)
		return;
	rc = size > (size_t)n->cfg->notifier_event_max_bytes ? -E2BIG : frame_scan(str_of(payload, size), &f.info);
	if (rc < 0) {
		metrics_add(rc == -E2BIG ? METRIC_events_too_large : rc == -EILSEQ ? METRIC_events_not_utf8 : METRIC_events_not_json, 1);
		LOG(WARNING, "event_dropped", LOG_ERRNO(rc), LOG_INT("bytes", size), LOG_USER(user_id(u)));
		return;
	}
	LOG(DEBUG, "frame_forwarded", LOG_USER(user_id(u)), LOG_INT("bytes", size), LOG_INT("connections", u->n_conns));
	if (f.info.ours)
		user_on_live(n, u, &f);
	else
		user_forward(u, &f);
	frame_done(&f);
}

static void on_message(void *ctx, struct str channel, char *payload, size_t size)
{
	struct notifier *n = ctx;

	if (str_eq(channel, STR(KEY_CONTROL)))
		control_on_message(n, str_of(payload, size));
	else if (str_eq(channel, str_c(n->probe.channel)))
		probe_on_message(n, str_of(payload, size));
	else
		on_event(n, channel, payload, size);
}

const struct subscriber_handler user_subscriber_handler = { on_connected, on_disconnected, on_subscribed, on_unsubscribed, on_message, NULL };

/* Who must wait again goes to the end of the list: it is not met twice. */
static void go_on(struct notifier *n, enum conn_state state)
{
	size_t left = n->conns[state].n;

	for (struct conn *c = n->conns[state].first, *next; c && left; c = next, left--) {
		next = c->next;
		resume_go_on(c);
	}
}

static void forget_newest(struct user *u, void *ctx)
{
	user_keep_newest(u, NULL);
}

void users_close(struct notifier *n)
{
	if (n->users)
		users_each(n->users, forget_newest, NULL);
	users_free(n->users);
}

void users_on_redis(struct notifier *n)
{
	history_pump(n);
	go_on(n, CONN_RESUMING);
	go_on(n, CONN_WAITING);
}
