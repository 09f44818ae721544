/* Server-sent events (HTML standard, 9.2): a transport over a streamed response. */
#include "metrics.h"
#include "notifier/events.h"
#include "notifier/notifier.h"

static bool is_event_name(struct str type)
{
	for (size_t i = 0; i < type.n; i++)
		if ((type.p[i] < 'a' || type.p[i] > 'z') && type.p[i] != '_')
			return false;
	return type.n > 0 && type.n <= 64;
}

/* One event. A newline in the frame begins another data line; so does a lone CR. */
static void format(struct buf *out, const struct frame *f)
{
	struct str rest = str_of(f->text, f->n);
	char id[STREAM_ID_SIZE];

	if (f->info.ours) {
		stream_id_format(f->info.id, id);
		buf_addf(out, "id: %s\n", id);
	}
	if (is_event_name(f->info.type))
		buf_addf(out, "event: " STR_FMT "\n", STR_ARG(f->info.type));
	for (;;) {
		size_t n = 0;

		while (n < rest.n && rest.p[n] != '\n' && rest.p[n] != '\r')
			n++;
		buf_addz(out, "data: ");
		buf_add(out, rest.p, n);
		buf_addz(out, "\n");
		if (n == rest.n)
			break;
		rest = str_skip(rest, n + 1);
	}
	buf_addz(out, "\n");
}

static int write_frame(struct conn *c, struct frame *f)
{
	struct buf out;
	int rc;

	buf_init(&out, EVENTS_MAX_BYTES);
	format(&out, f);
	rc = out.failed ? -1 : request_stream_write(c->request, buf_str(&out));
	buf_free(&out);
	return rc;
}

static bool is_blocked(const struct conn *c)
{
	return request_queued_bytes(c->request) > 0;
}

/* on_drain comes by itself when what is queued has gone. */
static void want_write(struct conn *c)
{
}

static void begin(struct conn *c)
{
	struct http_header headers[2 + CORS_HEADERS_MAX] = {
		{ "Cache-Control", STR("no-store, no-transform") },
		{ "X-Accel-Buffering", STR("no") },
	};
	size_t n = 2 + cors_headers(str_c(c->events->origin), headers + 2);

	c->events->begun = true;
	request_stream(c->request, 200, "text/event-stream", headers, n);
	if (c->state != CONN_CLOSING)
		request_stream_write(c->request, STR(": connected\n\n"));
}

static void caught_up(struct conn *c)
{
}

static void end(struct conn *c, int code, struct str text)
{
	struct buf out;

	if (!c->events->begun) {
		events_refuse(c, code);
		return;
	}
	buf_init(&out, 1024);
	if (c->retry_after_ms)
		buf_addf(&out, "retry: %d\n\n", c->retry_after_ms);
	buf_addf(&out, "event: close\ndata: {\"type\":\"close\",\"code\":%d,\"reason\":", code);
	buf_add_json(&out, text);
	buf_addz(&out, "}\n\n");
	if (request_stream_write(c->request, buf_str(&out)) == 0)
		request_stream_end(c->request);
	buf_free(&out);
}

static void drop(struct conn *c)
{
	request_abort(c->request);
}

const struct transport transport_sse = { "sse", write_frame, is_blocked, want_write, begin, caught_up, end, drop };
