/* See conn.h. Writing, states and the end; time-outs are in keepalive.c. */
#include "notifier/conn.h"

#include <stdlib.h>

#include "log.h"
#include "metrics.h"
#include "notifier/notifier.h"
#include "notifier/resume.h"
#include "notifier/sign_in.h"

static void list_add(struct conn *c)
{
	struct conn_list *l = &c->notifier->conns[c->state];

	c->next = NULL;
	c->prev = l->last;
	if (l->last)
		l->last->next = c;
	else
		l->first = c;
	l->last = c;
	l->n++;
}

static void list_remove(struct conn *c)
{
	struct conn_list *l = &c->notifier->conns[c->state];

	if (c->prev)
		c->prev->next = c->next;
	else
		l->first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	else
		l->last = c->prev;
	l->n--;
}

static bool is_lawful(enum conn_state from, enum conn_state to)
{
	switch (to) {
	case CONN_SIGNING_IN:
		return false;
	case CONN_WAITING:
		return from == CONN_SIGNING_IN || from == CONN_RESUMING || from == CONN_LIVE;
	case CONN_RESUMING:
		return from == CONN_WAITING;
	case CONN_LIVE:
		return from == CONN_SIGNING_IN || from == CONN_RESUMING;
	case CONN_CLOSING:
		return from != CONN_CLOSING;
	case CONN_STATES:
		break;
	}
	return false;
}

void conn_set_state(struct conn *c, enum conn_state state)
{
	if (!is_lawful(c->state, state))
		abort();
	list_remove(c);
	c->state = state;
	list_add(c);
}

struct conn *conn_new(struct notifier *n, const struct transport *transport, struct str user_id)
{
	struct conn *c = calloc(1, sizeof(*c));
	int64_t now = notifier_now(n);

	if (!c)
		return NULL;
	c->user_id = strndup(user_id.p, user_id.n);
	if (!c->user_id) {
		free(c);
		return NULL;
	}
	c->notifier = n;
	c->transport = transport;
	c->state = CONN_SIGNING_IN;
	c->opened_ms = c->text_ms = c->heard_ms = c->sent_ms = c->pinged_ms = now;
	list_add(c);
	n->n_conns++;
	metrics_add(METRIC_connections_opened, 1);
	metrics_set(METRIC_connections, (int64_t)n->n_conns);
	return c;
}

void conn_begin(struct conn *c, const struct identity *who)
{
	struct notifier *n = c->notifier;
	char *id = c->user_id;

	c->exp_s = who->exp_s;
	c->deadline_ms = 0;
	c->user_id = NULL;
	LOG(INFO, "ws_connected", LOG_TEXT("transport", c->transport->name), LOG_USER(str_c(id)));
	conn_set_state(c, c->resume ? CONN_WAITING : CONN_LIVE);
	c->transport->begin(c); /* may find that the client has gone */
	if (c->state != CONN_CLOSING && user_join(n, c, str_c(id)) < 0)
		conn_close(c, CLOSE_overloaded);
	free(id);
	if (c->state == CONN_CLOSING)
		return;
	conn_arm(c);
	conn_answer_pings(c); /* of a client that did not wait for its sign-in */
	if (c->state == CONN_WAITING)
		resume_go_on(c);
}

static void queue(struct conn *c, struct frame *f, bool replay)
{
	struct frame_copy *copy = frame_share(f);
	int rc;

	if (!c->outbox)
		c->outbox = outbox_new();
	if (!copy || !c->outbox) {
		if (copy)
			frame_release(copy);
		conn_close(c, CLOSE_overloaded);
		return;
	}
	rc = replay ? outbox_push_replay(c->outbox, copy) : outbox_push(c->outbox, copy, (size_t)c->notifier->cfg->notifier_outbox_max_bytes);
	if (rc < 0)
		conn_close(c, rc == -ENOSPC ? CLOSE_slow : CLOSE_overloaded);
	else
		c->transport->want_write(c);
}

static void wrote(struct conn *c)
{
	c->frames_sent++;
	c->sent_ms = notifier_now(c->notifier);
	metrics_add(METRIC_frames_sent, 1);
}

static void send_or_queue(struct conn *c, struct frame *f, bool replay)
{
	if (c->state == CONN_CLOSING)
		return;
	if (c->outbox || c->transport->is_blocked(c))
		queue(c, f, replay);
	else if (c->transport->write(c, f) < 0)
		conn_close(c, CLOSE_write_failed);
	else
		wrote(c);
}

void conn_send(struct conn *c, struct frame *f)
{
	send_or_queue(c, f, false);
}

void conn_send_replay(struct conn *c, struct frame *f)
{
	send_or_queue(c, f, true);
}

/* Control frames are short and go out between events: not through n->text, which may hold the event that is being sent. */
void conn_send_text(struct conn *c, struct str text)
{
	char bytes[FRAME_HEADROOM + 512];
	struct frame f = { .text = bytes + FRAME_HEADROOM, .n = text.n };

	if (text.n > sizeof(bytes) - FRAME_HEADROOM)
		return;
	memcpy(f.text, text.p, text.n);
	frame_scan(str_of(f.text, f.n), &f.info);
	conn_send(c, &f);
	frame_done(&f);
}

bool conn_is_drained(const struct conn *c)
{
	return !c->outbox && !c->transport->is_blocked(c);
}

static void say_goodbye(struct conn *c)
{
	char text[40];
	int n = snprintf(text, sizeof(text), "retry_after_ms=%d", c->retry_after_ms);

	c->transport->end(c, close_reason_code(c->reason), c->retry_after_ms ? str_of(text, (size_t)n) : str_c(close_reason_sentence(c->reason)));
}

void conn_on_writable(struct conn *c)
{
	if (c->state == CONN_CLOSING) {
		if (!c->transport->is_blocked(c))
			say_goodbye(c);
		return;
	}
	while (!outbox_is_empty(c->outbox) && !c->transport->is_blocked(c)) {
		if (c->transport->write(c, outbox_first(c->outbox)) < 0) {
			conn_close(c, CLOSE_write_failed);
			return;
		}
		outbox_pop(c->outbox);
		wrote(c);
	}
	if (!outbox_is_empty(c->outbox)) {
		c->transport->want_write(c);
		return;
	}
	metrics_add(METRIC_frames_replaced, (int64_t)outbox_replaced(c->outbox));
	outbox_free(c->outbox);
	c->outbox = NULL;
	if (c->state == CONN_RESUMING && !c->transport->is_blocked(c))
		resume_on_drained(c);
}

#define GOODBYE_MS 10000 /* a reader that wakes up in this time still gets the code */

static void end_begins(struct conn *c, enum close_reason reason)
{
	c->reason = (unsigned char)reason;
	metrics_add((enum metric)(METRIC_closed_peer_closed + (int)reason), 1);
	sign_in_forget(c);
	resume_end(c);
	user_leave(c);
	metrics_add(METRIC_frames_replaced, (int64_t)outbox_replaced(c->outbox));
	outbox_free(c->outbox);
	c->outbox = NULL;
	conn_set_state(c, CONN_CLOSING);
	c->deadline_ms = notifier_now(c->notifier) + GOODBYE_MS;
	wheel_arm(&c->notifier->wheel, &c->timer, c->deadline_ms);
}

void conn_ended_by_peer(struct conn *c, enum close_reason reason)
{
	end_begins(c, reason);
}

void conn_close(struct conn *c, enum close_reason reason)
{
	if (c->state == CONN_CLOSING)
		return;
	end_begins(c, reason);
	if (close_reason_code(reason) == 0)
		c->transport->drop(c);
	else if (!c->transport->is_blocked(c))
		say_goodbye(c);
}

void conn_close_for_restart(struct conn *c, enum close_reason reason, int32_t retry_after_ms)
{
	c->retry_after_ms = retry_after_ms;
	conn_close(c, reason);
}

static void on_burial(uv_prepare_t *prepare)
{
	conn_bury(prepare->data);
	uv_prepare_stop(prepare);
}

void conn_bury(struct notifier *n)
{
	while (n->graveyard) {
		struct conn *c = n->graveyard;

		n->graveyard = c->next;
		free(c);
	}
}

void conn_free(struct conn *c, int peer_code)
{
	struct notifier *n = c->notifier;
	int64_t now = notifier_now(n), idle_ms = now - (c->heard_ms > c->sent_ms ? c->heard_ms : c->sent_ms);
	const char *hint = close_reason_hint(c->reason, idle_ms);

	LOG(INFO, "ws_closed", LOG_TEXT("reason", close_reason_name(c->reason)), LOG_TEXT("closed_by", close_reason_by(c->reason)),
	    LOG_INT("code", close_reason_code(c->reason)), LOG_INT("peer_code", peer_code), LOG_TEXT("transport", c->transport->name),
	    LOG_INT("age_ms", now - c->opened_ms), LOG_INT("idle_ms", idle_ms), LOG_INT("frames", c->frames_sent),
	    LOG_INT("cloudflare", c->cloudflare), { hint ? LOG_KIND_STR : LOG_KIND_END, "hint", str_c(hint ? hint : ""), 0 });
	wheel_cancel(&n->wheel, &c->timer);
	list_remove(c);
	n->n_conns--;
	metrics_set(METRIC_connections, (int64_t)n->n_conns);
	free(c->user_id);
	c->user_id = NULL;
	c->next = n->graveyard;
	n->graveyard = c;
	uv_prepare_start(&n->burial, on_burial);
}
