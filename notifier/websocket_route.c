/* WebSockets: the upgrade request, and the transport that carries a connection afterwards. */
#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "notifier/messages.h"
#include "notifier/notifier.h"
#include "notifier/resume.h"
#include "notifier/routes.h"
#include "notifier/sign_in.h"

static struct conn *conn_of(struct websocket *ws)
{
	return (struct conn *)(void *)ws;
}
_Static_assert(offsetof(struct conn, websocket) == 0, "conn_of");

/* --- transport --------------------------------------------------------------------------------------------------------- */

static int write_frame(struct conn *c, struct frame *f)
{
	return websocket_write_text(&c->websocket, f->text, f->n);
}

static bool is_blocked(const struct conn *c)
{
	return websocket_is_blocked(&c->websocket);
}

static void want_write(struct conn *c)
{
	websocket_want_write(&c->websocket);
}

static void nothing(struct conn *c)
{
}

static void end(struct conn *c, int code, struct str text)
{
	websocket_close(&c->websocket, code, text);
}

static void drop(struct conn *c)
{
	websocket_drop(&c->websocket);
}

const struct transport transport_websocket = { "websocket", write_frame, is_blocked, want_write, nothing, nothing, end, drop };

/* --- what libwebsockets tells -------------------------------------------------------------------------------------------- */

static void on_message(struct websocket *ws, struct str text)
{
	conn_on_message(conn_of(ws), text);
}

static void on_frame(struct websocket *ws)
{
	struct conn *c = conn_of(ws);

	c->heard_ms = notifier_now(c->notifier);
}

static void on_writable(struct websocket *ws)
{
	conn_on_writable(conn_of(ws));
}

static void on_closed(struct websocket *ws, int peer_code)
{
	struct conn *c = conn_of(ws);

	if (c->state != CONN_CLOSING)
		conn_ended_by_peer(c, peer_code ? CLOSE_peer_closed : CLOSE_peer_lost);
	conn_free(c, peer_code);
}

const struct websocket_handler websocket_events = { on_message, on_frame, on_writable, on_closed };

/* --- the upgrade --------------------------------------------------------------------------------------------------------- */

static struct conn *upgrade(struct notifier *n, struct request *rq, struct str user_id)
{
	struct conn *c = conn_new(n, &transport_websocket, user_id);

	if (!c) {
		request_problem(rq, 503, "overloaded", NULL, 1);
		return NULL;
	}
	c->cloudflare = request_field(rq, "cf-ray").p != NULL;
	if (websocket_accept(rq, &c->websocket) == 0)
		return c;
	c->reason = CLOSE_peer_lost;
	conn_set_state(c, CONN_CLOSING);
	conn_free(c, 0);
	return NULL;
}

/* A browser cannot read an HTTP refusal, so a request with an Origin is upgraded and then closed with the code. */
static void refuse(struct notifier *n, struct request *rq, int status, enum close_reason reason, const char *code, const char *sentence)
{
	struct conn *c;

	if (!request_field(rq, "origin").p || n->cfg->notifier_ws_refuse[0] != 'c') {
		request_problem(rq, status, code, sentence, status == 503 ? 1 : 0);
		return;
	}
	c = upgrade(n, rq, STR("-"));
	if (c)
		conn_close(c, reason);
}

static void refuse_judged(struct notifier *n, struct request *rq, const struct auth_judgement *j)
{
	sign_in_refused(j);
	refuse(n, rq, auth_verdict_status(j->verdict), close_reason_by_code(auth_verdict_close_code(j->verdict), CLOSE_forbidden),
	       auth_reason(j), auth_sentence(j));
}

/* Says which header a proxy lost. */
static void refuse_plain(struct request *rq)
{
	const struct http_header upgrade = { "Upgrade", STR("websocket") };
	struct str body = request_field(rq, "upgrade").p ?
		STR("{\"type\":\"about:blank\",\"title\":\"Upgrade Required\",\"status\":426,\"code\":\"upgrade_required\","
		    "\"detail\":\"This is a WebSocket address, and the Connection header does not name upgrade.\"}") :
		STR("{\"type\":\"about:blank\",\"title\":\"Upgrade Required\",\"status\":426,\"code\":\"upgrade_required\","
		    "\"detail\":\"This is a WebSocket address, and the Upgrade header is missing.\"}");

	request_respond(rq, 426, "application/problem+json", body, &upgrade, 1);
}

void route_websocket(struct notifier *n, struct request *rq, struct str raw_user)
{
	struct entry e;
	struct conn *c;

	if (!rq->upgrade) {
		refuse_plain(rq);
		return;
	}
	switch (entry_judge(n, rq, raw_user, &e)) {
	case ENTRY_OK:
		break;
	case ENTRY_ANSWERED:
		return;
	case ENTRY_BAD_USER:
		refuse(n, rq, 400, CLOSE_malformed, "bad_user_id", "A user id has 1 to 128 characters of A-Z a-z 0-9 . _ @ | + ~ = -");
		return;
	case ENTRY_FULL:
		refuse(n, rq, 503, CLOSE_overloaded, "overloaded", "Too many connections; try later.");
		return;
	case ENTRY_REFUSED:
		refuse_judged(n, rq, &e.judgement);
		return;
	}
	c = upgrade(n, rq, e.user);
	if (c)
		entry_begin(c, &e);
}
