/*
 * One user's stream of events: subscribing, the order of ids, gaps. See users.h for the states and protocol: Ids and gaps.
 *
 *   AWAY → SUBSCRIBING → STARTING → LIVE ⇄ FILLING          (first time: the history's last id is the starting point)
 *   AWAY → SUBSCRIBING → FILLING → LIVE                      (after an interruption: history after last_id fills the gap)
 *   LIVE → UNSUBSCRIBING → gone                              (nobody is left, and nobody came back for a while)
 *
 * While FILLING, live frames are not stored: they are in history. Only the highest id is remembered, so that the reading
 * goes on until it has been reached.
 */
#include <errno.h>
#include <stdlib.h>

#include "keys.h"
#include "log.h"
#include "metrics.h"
#include "notifier/notifier.h"
#include "notifier/resume.h"

#define LINGER_MS 5000                  /* a page that is reloaded finds its user still subscribed */

static bool is_lawful(enum user_state from, enum user_state to)
{
	switch (to) {
	case USER_AWAY:
		return true;
	case USER_SUBSCRIBING:
		return from == USER_AWAY || from == USER_UNSUBSCRIBING;
	case USER_STARTING:
		return from == USER_SUBSCRIBING;
	case USER_FILLING:
		return from == USER_SUBSCRIBING || from == USER_LIVE;
	case USER_LIVE:
		return from == USER_STARTING || from == USER_FILLING;
	case USER_UNSUBSCRIBING:
		return from == USER_LIVE;
	}
	return false;
}

static void set_state(struct user *u, enum user_state state)
{
	if (!is_lawful(u->state, state))
		abort();
	u->state = state;
}

bool user_is_subscribed(const struct user *u)
{
	return u->state == USER_STARTING || u->state == USER_FILLING || u->state == USER_LIVE;
}

struct stream_id user_newest(const struct user *u)
{
	return u->state == USER_FILLING && stream_id_compare(u->seen_id, u->last_id) > 0 ? u->seen_id : u->last_id;
}

/* --- subscribing --------------------------------------------------------------------------------------------------------- */

static void subscribe(struct notifier *n, struct user *u)
{
	char key[KEY_SIZE];

	set_state(u, USER_SUBSCRIBING);
	subscriber_subscribe(n->subscriber, key_user(key, n->key_form, user_id(u), "events"));
}

static void unsubscribe(struct notifier *n, struct user *u)
{
	char key[KEY_SIZE];

	set_state(u, USER_UNSUBSCRIBING);
	subscriber_unsubscribe(n->subscriber, key_user(key, n->key_form, user_id(u), "events"));
}

/* The newest live frame while FILLING; NULL: none. */
static void keep_newest(struct user *u, struct frame *f)
{
	if (u->newest)
		frame_release(u->newest);
	u->newest = f ? frame_share(f) : NULL;
}

static void remove_user(struct notifier *n, struct user *u)
{
	wheel_cancel(&n->user_wheel, &u->timer);
	history_unqueue(n, u);
	keep_newest(u, NULL);
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

	if (max && u->n_conns > max)
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

/* --- sending ------------------------------------------------------------------------------------------------------------- */

static void to_conn(struct conn *c, struct frame *f)
{
	if (!f->info.ours) {
		if (c->state == CONN_LIVE || c->state == CONN_RESUMING)
			conn_send(c, f);
		return;
	}
	if (c->state != CONN_LIVE || stream_id_compare(f->info.id, c->position) <= 0)
		return;
	c->position = f->info.id;
	conn_send(c, f);
}

static void to_all(struct user *u, struct frame *f)
{
	for (struct conn *c = u->first, *next; c; c = next) {
		next = c->user_next; /* sending may close c */
		to_conn(c, f);
	}
}

/* The stream is whole again: who waits for that hears it. */
static void became_live(struct notifier *n, struct user *u)
{
	set_state(u, USER_LIVE);
	for (struct conn *c = u->first, *next; c; c = next) {
		next = c->user_next;
		conn_answer_pings(c);
		if (c->state == CONN_RESUMING)
			resume_go_on(c);
	}
}

static void place(struct user *u, struct stream_id id)
{
	u->last_id = id;
	u->placed = true;
}

/* A frame with the next id, live or from history. */
static void advance(struct user *u, struct frame *f)
{
	place(u, f->info.id);
	to_all(u, f);
}

static void fill(struct notifier *n, struct user *u, struct stream_id seen)
{
	u->seen_id = seen;
	set_state(u, USER_FILLING);
	history_queue(n, u);
}

static void on_live(struct notifier *n, struct user *u, struct frame *f)
{
	switch (u->state) {
	case USER_STARTING: /* sooner than the answer about the starting point: then it is this frame */
		advance(u, f);
		became_live(n, u);
		break;
	case USER_LIVE:
		if (stream_id_compare(f->info.id, u->last_id) <= 0) {
			metrics_add(METRIC_events_duplicate, 1);
		} else if (stream_id_compare(f->info.prev, u->last_id) > 0) {
			metrics_add(METRIC_gaps, 1);
			keep_newest(u, f);
			fill(n, u, f->info.id);
		} else {
			advance(u, f);
		}
		break;
	case USER_FILLING:
		if (stream_id_compare(f->info.id, u->seen_id) > 0) {
			u->seen_id = f->info.id;
			keep_newest(u, f);
		}
		break;
	case USER_AWAY:
	case USER_SUBSCRIBING:
	case USER_UNSUBSCRIBING:
		break;
	}
}

/* History does not reach back to what was missed. Who asked for resuming gets a snapshot, the others just go on. */
static void on_lost(struct user *u)
{
	metrics_add(METRIC_gaps_unfilled, 1);
	for (struct conn *c = u->first, *next; c; c = next) {
		next = c->user_next;
		if (c->state == CONN_LIVE && c->opted_in)
			resume_resync(c);
	}
}

void user_on_history(struct notifier *n, struct user *u, struct frame *f)
{
	if (!f->info.ours || stream_id_compare(f->info.id, u->last_id) <= 0)
		return;
	if (stream_id_compare(f->info.prev, u->last_id) > 0)
		on_lost(u);
	metrics_add(METRIC_events_filled, 1);
	advance(u, f);
}

void user_skip(struct user *u, struct str id)
{
	struct stream_id entry;

	if (stream_id_parse(id, &entry) == 0 && stream_id_compare(entry, u->last_id) > 0)
		u->last_id = entry;
}

/* History will never have what was seen live: a foreign publisher made up its ids, or the user was erased. */
static void go_on_without(struct user *u)
{
	struct frame f;

	place(u, u->seen_id);
	if (u->newest) {
		f = u->newest->frame;
		to_all(u, &f);
		frame_done(&f);
	}
	on_lost(u);
}

void user_filled(struct notifier *n, struct user *u, bool complete, struct stream_id seen)
{
	if (u->state != USER_FILLING)
		return;
	if (complete && stream_id_compare(u->seen_id, u->last_id) > 0 && stream_id_compare(u->seen_id, seen) <= 0)
		go_on_without(u);
	if (!complete || stream_id_compare(u->seen_id, u->last_id) > 0) {
		history_queue(n, u);
		return;
	}
	keep_newest(u, NULL);
	became_live(n, u);
}

void user_started(struct notifier *n, struct user *u, struct stream_id last)
{
	if (u->state != USER_STARTING)
		return;
	place(u, last);
	became_live(n, u);
}

/* --- what the subscriber tells ---------------------------------------------------------------------------------------------- */

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
	probe_reset(n);
	users_each(n->users, subscribe_again, n);
}

static void lose_subscription(struct user *u, void *ctx)
{
	struct notifier *n = ctx;

	history_unqueue(n, u);
	keep_newest(u, NULL);
	set_state(u, USER_AWAY);
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
		fill(n, u, u->last_id);
	} else {
		set_state(u, USER_STARTING);
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
		on_live(n, u, &f);
	else
		to_all(u, &f);
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
	keep_newest(u, NULL);
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
