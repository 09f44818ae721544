/* GET /events/{user}: server-sent events or a poll, by Accept. What both share; the transports are sse.c and poll.c. */
#include <errno.h>
#include <stdlib.h>

#include "metrics.h"
#include "notifier/events.h"
#include "notifier/resume.h"
#include "notifier/routes.h"
#include "notifier/sign_in.h"

#define WAIT_MAX_MS 25000               /* Cloudflare cuts a response after 100 s, some proxies after 30 */

static const struct {
	int code, status;
	const char *name;
} refusals[] = {
	{ 4400, 400, "malformed" }, { 4401, 401, "unauthorized" }, { 4403, 403, "forbidden" }, { 4408, 503, "slow" },
	{ 4409, 409, "replaced" }, { 4410, 410, "signed_out" }, { 4429, 429, "rate_limited" },
};

void events_refuse(struct conn *c, int code)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (refusals[i].code == code) {
			request_problem(c->request, refusals[i].status, refusals[i].name, NULL, 0);
			return;
		}
	request_problem(c->request, 503, "unavailable", "Try again in a moment.", 1);
}

void events_request_end(struct conn *c)
{
	if (c->state != CONN_CLOSING)
		conn_ended_by_peer(c, CLOSE_peer_lost);
	buf_free(&c->events->list);
	buf_free(&c->events->snapshot);
	free(c->events);
	c->events = NULL;
	c->request = NULL;
	conn_free(c, 0);
}

size_t cors_headers(struct str origin, struct http_header out[CORS_HEADERS_MAX])
{
	if (!origin.n)
		return 0;
	out[0] = (struct http_header){ "Access-Control-Allow-Origin", origin };
	out[1] = (struct http_header){ "Access-Control-Allow-Credentials", STR("true") };
	out[2] = (struct http_header){ "Vary", STR("Origin") };
	return CORS_HEADERS_MAX;
}

static bool wants_stream(struct request *rq)
{
	struct str accept = request_field(rq, "accept");

	while (accept.n) {
		struct str type = str_cut(&accept, ',');

		if (str_eq_nocase(str_trim(str_cut(&type, ';')), STR("text/event-stream")))
			return true;
	}
	return false;
}

/* ?wait= and ?limit=; 0 or -EINVAL. */
static int read_poll_wishes(struct request *rq, struct events *e)
{
	char text[16];
	uint64_t limit = EVENTS_LIMIT_MAX;
	int n = query_get(rq->query, "wait", text, sizeof(text));

	if (n != -ENOENT && (n < 0 || str_to_ms(str_of(text, (size_t)n), WAIT_MAX_MS, &e->wait_ms) < 0))
		return -EINVAL;
	n = query_get(rq->query, "limit", text, sizeof(text));
	if (n != -ENOENT && (n < 0 || str_to_u64(str_of(text, (size_t)n), 1, EVENTS_LIMIT_MAX, &limit) < 0))
		return -EINVAL;
	e->limit = (size_t)limit;
	return 0;
}

static struct events *events_new(struct notifier *n, struct request *rq)
{
	struct events *e = calloc(1, sizeof(*e));
	struct str origin = request_field(rq, "origin");

	if (!e)
		return NULL;
	buf_init(&e->list, EVENTS_MAX_BYTES);
	buf_init(&e->snapshot, EVENTS_MAX_BYTES);
	if (origin.n && origin.n < sizeof(e->origin) && auth_origin_allowed(n->auth, origin, request_field(rq, "host")))
		memcpy(e->origin, origin.p, origin.n);
	return e;
}

static bool answer_refusal(struct request *rq, enum entry_verdict verdict, const struct entry *entry)
{
	switch (verdict) {
	case ENTRY_OK:
		return false;
	case ENTRY_ANSWERED:
		break;
	case ENTRY_BAD_USER:
		request_problem(rq, 400, "bad_user_id", "A user id has 1 to 128 characters of A-Z a-z 0-9 . _ @ | + ~ = -", 0);
		break;
	case ENTRY_FULL:
		request_problem(rq, 503, "overloaded", "Too many connections; try later.", 1);
		break;
	case ENTRY_REFUSED:
		sign_in_refused(&entry->judgement);
		request_problem(rq, auth_verdict_status(entry->judgement.verdict), auth_reason(&entry->judgement), auth_sentence(&entry->judgement), 0);
		break;
	}
	return true;
}

static void begin(struct notifier *n, struct request *rq, struct entry *entry, struct events *e)
{
	bool stream = wants_stream(rq);
	struct conn *c = conn_new(n, stream ? &transport_sse : &transport_poll, entry->user);

	if (!c) {
		free(e);
		request_problem(rq, 503, "overloaded", NULL, 1);
		return;
	}
	c->request = rq;
	c->events = e;
	c->cloudflare = request_field(rq, "cf-ray").p != NULL;
	rq->user = c;
	entry->by_message = false;      /* there is no way to send one */
	if (!stream)
		entry->snapshot = !entry->has_after_id;
	entry->opted_in = true;
	entry_begin(c, entry);
}

void route_events(struct notifier *n, struct request *rq, struct str raw_user)
{
	struct entry entry;
	struct events *e;

	if (answer_refusal(rq, entry_judge(n, rq, raw_user, &entry), &entry))
		return;
	e = events_new(n, rq);
	if (!e) {
		request_problem(rq, 503, "overloaded", NULL, 1);
	} else if (read_poll_wishes(rq, e) < 0) {
		free(e);
		request_problem(rq, 400, "bad_query", "wait is 0 to 25 seconds, limit 1 to 1000", 0);
	} else {
		begin(n, rq, &entry, e);
	}
}
