/* Polls: a transport that gathers what comes and answers once, as JSON. */
#include "notifier/events.h"
#include "notifier/notifier.h"

#define ANSWER_MS 5000                  /* Redis gets this long beside the client's own wait */

static void add_event(struct events *e, const struct frame *f)
{
	if (e->list.n)
		buf_addz(&e->list, ",");
	buf_adds(&e->list, str_of(f->text, f->n));
	e->count++;
	if (f->info.ours)
		e->last = f->info.id;
}

/* What was gathered may be what Redis lost; a snapshot comes in its place. */
static void start_anew(struct events *e)
{
	e->resync = true;
	buf_clear(&e->list);
	e->count = 0;
	e->last = (struct stream_id){ 0, 0 };
}

static int write_frame(struct conn *c, struct frame *f)
{
	struct events *e = c->events;

	if (!f->info.ours && str_eq(f->info.type, STR("snapshot")) && c->state == CONN_RESUMING) {
		buf_clear(&e->snapshot);
		buf_adds(&e->snapshot, str_of(f->text, f->n));
		return 0;
	}
	if (!f->info.ours && str_eq(f->info.type, STR("resync")) && c->state != CONN_LIVE) {
		start_anew(e);
		return 0;
	}
	if (!f->info.ours && str_eq(f->info.type, STR("resumed")))
		return 0;
	add_event(e, f);
	if (e->count >= e->limit || c->state == CONN_LIVE || e->list.failed)
		conn_close(c, CLOSE_answered);
	return 0;
}

static bool is_blocked(const struct conn *c)
{
	return false;
}

static void nothing(struct conn *c)
{
}

static void begin(struct conn *c)
{
	c->events->begun = true;
	c->deadline_ms = notifier_now(c->notifier) + c->events->wait_ms + ANSWER_MS;
}

static void caught_up(struct conn *c)
{
	struct events *e = c->events;

	if (e->count || e->snapshot.n || e->wait_ms == 0) {
		conn_close(c, CLOSE_answered);
		return;
	}
	c->deadline_ms = notifier_now(c->notifier) + e->wait_ms;
	conn_arm(c);
}

static void answer(struct conn *c)
{
	struct events *e = c->events;
	struct http_header headers[1 + CORS_HEADERS_MAX] = { { "Cache-Control", STR("no-store, no-transform") } };
	size_t n = 1 + cors_headers(str_c(e->origin), headers + 1);
	struct stream_id last = stream_id_compare(e->last, c->position) > 0 ? e->last : c->position;
	char id[STREAM_ID_SIZE];
	struct buf body;

	stream_id_format(last, id);
	buf_init(&body, 2 * EVENTS_MAX_BYTES);
	buf_addz(&body, "{");
	if (e->snapshot.n) {
		buf_addz(&body, "\"snapshot\":");
		buf_adds(&body, buf_str(&e->snapshot));
		buf_addz(&body, ",");
	}
	buf_addz(&body, "\"events\":[");
	buf_adds(&body, buf_str(&e->list));
	buf_addf(&body, "],\"last_id\":\"%s\",\"resync\":%s}", id, e->resync ? "true" : "false");
	if (body.failed || e->list.failed || e->snapshot.failed)
		request_problem(c->request, 503, "overloaded", NULL, 1);
	else
		request_respond(c->request, 200, "application/json", buf_str(&body), headers, n);
	buf_free(&body);
}

/* A restart answers with what is there: the next poll finds another server. */
static void end(struct conn *c, int code, struct str text)
{
	if (c->events->begun && (c->reason == CLOSE_restart || c->reason == CLOSE_going_away))
		answer(c);
	else
		events_refuse(c, code);
}

static void drop(struct conn *c)
{
	if (c->reason == CLOSE_answered)
		answer(c);
	else
		request_abort(c->request);
}

const struct transport transport_poll = { "poll", write_frame, is_blocked, nothing, begin, caught_up, end, drop };
