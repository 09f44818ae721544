/* The notifier's addresses. */
#include "clock.h"
#include "log.h"
#include "notifier/events.h"
#include "notifier/routes.h"
#include "notifier/sign_in.h"

#define TICKETS_PATH API_BASE "/tickets"

/* The one segment that follows a prefix; empty when there is none or more. */
static struct str segment_after(struct str path, struct str prefix)
{
	struct str rest = str_starts(path, prefix) ? str_skip(path, prefix.n) : str_of(NULL, 0);

	return rest.n && !memchr(rest.p, '/', rest.n) ? rest : str_of(NULL, 0);
}

static void method_not_allowed(struct request *rq, struct str allowed)
{
	struct http_header allow = { "Allow", allowed };
	struct buf body;

	buf_init(&body, 1024);
	problem_write(&body, 405, "method_not_allowed", str_of("", 0));
	request_respond(rq, 405, "application/problem+json", buf_str(&body), &allow, 1);
	buf_free(&body);
}

static void answer_preflight(struct notifier *n, struct request *rq)
{
	struct str origin = request_field(rq, "origin");
	bool allowed = origin.n && auth_origin_allowed(n->auth, origin, request_field(rq, "host"));
	struct http_header headers[CORS_HEADERS_MAX + 3];
	size_t count = cors_headers(allowed ? origin : str_of(NULL, 0), headers);

	if (count) {
		headers[count++] = (struct http_header){ "Access-Control-Allow-Methods", STR("GET, POST, OPTIONS") };
		headers[count++] = (struct http_header){ "Access-Control-Allow-Headers", STR("Authorization, Last-Event-ID, Content-Type") };
		headers[count++] = (struct http_header){ "Access-Control-Max-Age", STR("600") };
	}
	request_respond(rq, 204, NULL, str_of("", 0), headers, count);
}

void route_tickets(struct notifier *n, struct request *rq)
{
	struct auth_credentials credentials = auth_credentials_of(rq);
	struct auth_judgement j = auth_judge(n->auth, &credentials, clock_wall_ms() / 1000);
	int length;

	if (j.verdict == AUTH_ok && j.who.any_user) {
		char user[ID_MAX + 1];

		length = query_get(rq->query, "user_id", user, sizeof(user));
		if (length > 0 && id_valid(str_of(user, (size_t)length)))
			memcpy(j.who.user, user, (size_t)length + 1);
	}
	if (j.verdict == AUTH_ok) {
		sign_in_new_ticket(n, rq, &j.who);
		return;
	}
	sign_in_refused(&j);
	request_problem(rq, auth_verdict_status(j.verdict), auth_reason(&j), auth_sentence(&j), 0);
}

static bool route_api(struct notifier *n, struct request *rq)
{
	struct str socket = segment_after(rq->path, STR(API_BASE "/ws/"));
	struct str events = segment_after(rq->path, STR(API_BASE "/events/"));
	bool tickets = str_eq(rq->path, STR(TICKETS_PATH));

	if (!socket.n && !events.n && !tickets)
		return false;
	if (rq->method == HTTP_OPTIONS)
		answer_preflight(n, rq);
	else if (tickets && rq->method == HTTP_POST)
		route_tickets(n, rq);
	else if (rq->method != HTTP_GET || tickets)
		method_not_allowed(rq, tickets ? STR("POST, OPTIONS") : STR("GET, OPTIONS"));
	else if (socket.n)
		route_websocket(n, rq, socket);
	else
		route_events(n, rq, events);
	return true;
}

static bool route_admin(struct notifier *n, struct request *rq)
{
	if (!rq->admin)
		return false;
	if (str_eq(rq->path, STR("/metrics")))
		route_metrics(n, rq);
	else if (str_eq(rq->path, STR("/api/stats")))
		route_stats(n, rq);
	else
		return false;
	return true;
}

static void on_request(struct request *rq, void *ctx)
{
	struct notifier *n = ctx;
	bool reads = rq->method == HTTP_GET || rq->method == HTTP_HEAD;

	if (route_api(n, rq) || (reads && (route_health(n, rq) || route_admin(n, rq))))
		return;
	request_problem(rq, 404, "not_found", NULL, 0);
}

static void on_drain(struct request *rq, void *ctx)
{
	struct conn *c = rq->user;

	if (c && !str_eq(rq->path, STR(TICKETS_PATH)))
		conn_on_writable(c);
}

static void on_request_end(struct request *rq, bool completed, void *ctx)
{
	if (!rq->user)
		return;
	if (str_eq(rq->path, STR(TICKETS_PATH)))
		sign_in_ticket_forget(rq->user);
	else
		events_request_end(rq->user);
}

const struct server_handler routes_handler = {
	.on_request = on_request,
	.on_drain = on_drain,
	.on_request_end = on_request_end,
};
