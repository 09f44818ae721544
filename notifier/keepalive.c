/*
 * What happens to a connection as time passes: heartbeats, PINGs, zombies, tokens that end, deadlines. Each connection has one
 * entry in the wheel, set to whatever comes first; traffic only notes the time, so it costs nothing here.
 */
#include "clock.h"
#include "notifier/notifier.h"

#define PONG_WAIT_MS 1000               /* a pong waits at most this long for the user's subscription */
#define SSE_COMMENT_MS 15000
#define EXPIRY_NOTICE_S 60

static int64_t min(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t later_of(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static bool is_websocket(const struct conn *c)
{
	return c->transport == &transport_websocket;
}

/* When the token is no longer good, in wall-clock seconds. */
static int64_t end_of_token_s(const struct conn *c)
{
	return c->exp_s + c->notifier->cfg->auth_leeway_ms / 1000;
}

static int64_t token_due(const struct conn *c, int64_t now)
{
	int64_t left_s;

	if (!c->exp_s)
		return INT64_MAX;
	left_s = (c->warned || !c->opted_in ? end_of_token_s(c) : c->exp_s - EXPIRY_NOTICE_S) - clock_wall_ms() / 1000;
	return now + later_of(left_s, 0) * 1000 + 1000;
}

static int64_t websocket_due(const struct conn *c)
{
	const struct config *cfg = c->notifier->cfg;
	int64_t due = min(c->text_ms, later_of(c->heard_ms, c->pinged_ms)) + cfg->notifier_heartbeat_interval_ms;

	if (cfg->notifier_peer_timeout_ms)
		due = min(due, c->heard_ms + cfg->notifier_peer_timeout_ms);
	return due;
}

void conn_arm(struct conn *c)
{
	int64_t now = notifier_now(c->notifier), due = c->deadline_ms ? c->deadline_ms : INT64_MAX;

	if (c->state != CONN_CLOSING) {
		due = min(due, token_due(c, now));
		if (is_websocket(c))
			due = min(due, websocket_due(c));
		else if (c->transport == &transport_sse)
			due = min(due, c->sent_ms + SSE_COMMENT_MS);
		if (c->pongs_due && c->state != CONN_SIGNING_IN)
			due = min(due, now + PONG_WAIT_MS);
	}
	if (due != INT64_MAX)
		wheel_arm(&c->notifier->wheel, &c->timer, due);
}

static void send_pongs(struct conn *c)
{
	while (c->pongs_due && c->state != CONN_CLOSING) {
		c->pongs_due--;
		conn_send_text(c, STR("{\"type\": \"pong\"}"));
	}
}

/* A pong promises that every later event comes, so it waits until the user is subscribed. */
void conn_answer_pings(struct conn *c)
{
	if (!c->pongs_due || c->state == CONN_SIGNING_IN || c->state == CONN_CLOSING)
		return;
	if (c->user->state == USER_LIVE || c->user->state == USER_FILLING)
		send_pongs(c);
	else
		conn_arm(c);
}

static void check_token(struct conn *c)
{
	int64_t now_s = clock_wall_ms() / 1000;
	char text[64];
	int n;

	if (!c->exp_s)
		return;
	if (now_s > end_of_token_s(c)) {
		conn_close(c, CLOSE_token_expired);
	} else if (c->opted_in && !c->warned && now_s >= c->exp_s - EXPIRY_NOTICE_S) {
		c->warned = true;
		n = snprintf(text, sizeof(text), "{\"type\":\"token_expiring\",\"expires_in\":%lld}", (long long)later_of(c->exp_s - now_s, 0));
		conn_send_text(c, str_of(text, (size_t)n));
	}
}

static void keep_websocket_alive(struct conn *c, int64_t now)
{
	const struct config *cfg = c->notifier->cfg;
	int64_t interval = cfg->notifier_heartbeat_interval_ms;

	if (cfg->notifier_peer_timeout_ms && now - c->heard_ms >= cfg->notifier_peer_timeout_ms) {
		conn_close(c, CLOSE_peer_silent);
		return;
	}
	if (now - later_of(c->heard_ms, c->pinged_ms) >= interval) {
		c->pinged_ms = now;
		if (!websocket_is_blocked(&c->websocket) && websocket_ping(&c->websocket) < 0)
			conn_close(c, CLOSE_write_failed);
	}
	/* While signing in nothing but control frames of the protocol may go out. */
	if (now - c->text_ms >= interval && c->state != CONN_CLOSING) {
		c->text_ms = now;
		if (c->state != CONN_SIGNING_IN && conn_is_drained(c))
			conn_send_text(c, STR("{\"type\": \"heartbeat\"}"));
	}
}

static void keep_sse_alive(struct conn *c, int64_t now)
{
	if (now - c->sent_ms < SSE_COMMENT_MS || c->state == CONN_SIGNING_IN)
		return;
	c->sent_ms = now;
	request_stream_write(c->request, STR(": keep-alive\n\n"));
}

/* What a deadline means depends on the state. */
static void deadline_passed(struct conn *c)
{
	c->deadline_ms = 0;
	if (c->state == CONN_CLOSING)
		c->transport->drop(c);
	else if (c->state == CONN_SIGNING_IN)
		conn_close(c, CLOSE_unauthorized);
	else
		conn_close(c, c->state == CONN_LIVE ? CLOSE_answered : CLOSE_overloaded);
}

void conn_on_timer(struct conn *c)
{
	int64_t now = notifier_now(c->notifier);

	if (c->deadline_ms && now >= c->deadline_ms) {
		bool was_closing = c->state == CONN_CLOSING;

		deadline_passed(c);
		if (was_closing)
			return; /* may be gone */
	}
	if (c->state == CONN_CLOSING)
		return;
	check_token(c);
	if (c->state != CONN_CLOSING && c->state != CONN_SIGNING_IN)
		send_pongs(c);
	if (c->state != CONN_CLOSING && is_websocket(c))
		keep_websocket_alive(c, now);
	else if (c->state != CONN_CLOSING && c->transport == &transport_sse)
		keep_sse_alive(c, now);
	if (c->state != CONN_CLOSING)
		conn_arm(c);
}
