/*
 * One user's stream of events: its states, the order of ids, gaps (subscribing: user_subscription.c). See users.h for the states and protocol: Ids and gaps.
 *
 *   AWAY → SUBSCRIBING → STARTING → LIVE ⇄ FILLING          (first time: the history's last id is the starting point)
 *   AWAY → SUBSCRIBING → CHECKING → FILLING → LIVE           (after an interruption: history after last_id fills the gap)
 *   LIVE → UNSUBSCRIBING → gone                              (nobody is left, and nobody came back for a while)
 *
 * While CHECKING and FILLING, live frames are not stored: they are in history. Only the highest id is remembered, so that the reading
 * goes on until it has been reached.
 */
#include <stdlib.h>

#include "metrics.h"
#include "notifier/notifier.h"
#include "notifier/resume.h"
#include "notifier/user_internal.h"

static bool is_lawful(enum user_state from, enum user_state to)
{
	switch (to) {
	case USER_AWAY:
		return true;
	case USER_SUBSCRIBING:
		return from == USER_AWAY || from == USER_UNSUBSCRIBING;
	case USER_STARTING:
		return from == USER_SUBSCRIBING;
	case USER_CHECKING:
		return from == USER_SUBSCRIBING;
	case USER_FILLING:
		return from == USER_CHECKING || from == USER_LIVE;
	case USER_LIVE:
		return from == USER_STARTING || from == USER_FILLING;
	case USER_UNSUBSCRIBING:
		return from == USER_LIVE;
	}
	return false;
}

void user_set_state(struct user *u, enum user_state state)
{
	if (!is_lawful(u->state, state))
		abort();
	u->state = state;
}

bool user_is_subscribed(const struct user *u)
{
	return u->state == USER_STARTING || u->state == USER_CHECKING || u->state == USER_FILLING || u->state == USER_LIVE;
}

struct stream_id user_newest(const struct user *u)
{
	return (u->state == USER_CHECKING || u->state == USER_FILLING) && stream_id_compare(u->seen_id, u->last_id) > 0 ? u->seen_id : u->last_id;
}

void user_keep_newest(struct user *u, struct frame *f)
{
	if (u->newest)
		frame_release(u->newest);
	u->newest = f ? frame_share(f) : NULL;
}

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

void user_forward(struct user *u, struct frame *f)
{
	for (struct conn *c = u->first, *next; c; c = next) {
		next = c->user_next; /* sending may close c */
		to_conn(c, f);
	}
}

/* The stream is whole again: who waits for that hears it. */
static void became_live(struct notifier *n, struct user *u)
{
	user_set_state(u, USER_LIVE);
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
	user_forward(u, f);
}

void user_fill(struct notifier *n, struct user *u, struct stream_id seen)
{
	u->seen_id = seen;
	user_set_state(u, USER_FILLING);
	history_queue(n, u);
}

void user_on_live(struct notifier *n, struct user *u, struct frame *f)
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
			user_keep_newest(u, f);
			user_fill(n, u, f->info.id);
		} else {
			advance(u, f);
		}
		break;
	case USER_CHECKING:
	case USER_FILLING:
		if (stream_id_compare(f->info.id, u->seen_id) > 0) {
			u->seen_id = f->info.id;
			user_keep_newest(u, f);
		}
		break;
	case USER_AWAY:
	case USER_SUBSCRIBING:
	case USER_UNSUBSCRIBING:
		break;
	}
}

/* What was missed, or what clients have seen, is not in history. Who asked for resuming gets a snapshot, the others just go on. */
static void on_lost(struct user *u, const char *reason)
{
	metrics_add(METRIC_gaps_unfilled, 1);
	for (struct conn *c = u->first, *next; c; c = next) {
		next = c->user_next;
		if (c->state == CONN_LIVE && c->opted_in)
			resume_resync(c, reason);
	}
}

void user_on_history(struct notifier *n, struct user *u, struct frame *f)
{
	if (!f->info.ours || stream_id_compare(f->info.id, u->last_id) <= 0)
		return;
	if (stream_id_compare(f->info.prev, u->last_id) > 0)
		on_lost(u, "trimmed");
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
		user_forward(u, &f);
		frame_done(&f);
	}
	on_lost(u, "trimmed");
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
	user_keep_newest(u, NULL);
	became_live(n, u);
}

void user_check(struct notifier *n, struct user *u)
{
	u->seen_id = u->last_id;
	user_set_state(u, USER_CHECKING);
	history_queue(n, u);
}

/* A master that took over lacks what had not reached it yet: its ids begin again below ours, and must not pass for old ones. */
static void go_back(struct user *u, struct stream_id id)
{
	if (stream_id_compare(u->seen_id, u->last_id) == 0)
		u->seen_id = id;
	u->last_id = id;
	for (struct conn *c = u->first; c; c = c->user_next)
		if (stream_id_compare(c->position, id) > 0)
			c->position = id;
}

void user_checked(struct notifier *n, struct user *u, struct stream_id newest)
{
	if (u->state != USER_CHECKING)
		return;
	if (stream_id_compare(newest, u->last_id) != 0) {
		go_back(u, newest);
		on_lost(u, "unknown");
	}
	user_set_state(u, USER_FILLING);
	history_queue(n, u);
}

void user_started(struct notifier *n, struct user *u, struct stream_id last)
{
	if (u->state != USER_STARTING)
		return;
	place(u, last);
	became_live(n, u);
}
