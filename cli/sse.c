/* See sse.h. */
#include "sse.h"

#define EVENT_MAX_BYTES (4 << 20)
#define ID_MAX_BYTES 128

void sse_init(struct sse *s, bool (*on_event)(void *ctx, struct str id, struct str data), void *ctx)
{
	*s = (struct sse){ .on_event = on_event, .ctx = ctx };
	buf_init(&s->line, EVENT_MAX_BYTES);
	buf_init(&s->data, EVENT_MAX_BYTES);
	buf_init(&s->id, ID_MAX_BYTES);
}

void sse_free(struct sse *s)
{
	buf_free(&s->line);
	buf_free(&s->data);
	buf_free(&s->id);
}

static void dispatch(struct sse *s)
{
	if (s->data.n)
		s->data.n--; /* the newline behind the last data line */
	if (s->data.n && !s->on_event(s->ctx, buf_str(&s->id), buf_str(&s->data)))
		s->ended = true;
	buf_clear(&s->data);
}

static void take_line(struct sse *s, struct str line)
{
	struct str value = line, field = str_cut(&value, ':');

	if (line.n == 0) {
		dispatch(s);
		return;
	}
	if (str_starts(value, STR(" ")))
		value = str_skip(value, 1);
	if (str_eq(field, STR("data"))) {
		buf_adds(&s->data, value);
		buf_addz(&s->data, "\n");
	} else if (str_eq(field, STR("id")) && value.n <= ID_MAX_BYTES) {
		buf_clear(&s->id);
		buf_adds(&s->id, value);
	}
}

bool sse_feed(struct sse *s, struct str bytes)
{
	for (size_t i = 0; i < bytes.n && !s->ended; i++) {
		char c = bytes.p[i];

		if (c == '\n' && s->after_cr) {
			s->after_cr = false;
			continue;
		}
		s->after_cr = c == '\r';
		if (c == '\n' || c == '\r') {
			take_line(s, buf_str(&s->line));
			buf_clear(&s->line);
		} else {
			buf_add(&s->line, &c, 1);
		}
		if (s->line.failed || s->data.failed)
			s->ended = true;
	}
	return !s->ended;
}
