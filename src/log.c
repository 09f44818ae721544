/* See log.h. */
#include "log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"

#define LINE_MAX_BYTES 8192
#define TEXT_MAX_BYTES 1024                             /* of one field; the rest is cut off */
#define LIMITED_EVENTS 128

enum log_level log_threshold = LOG_LEVEL_INFO;

static const char *const level_names[] = { "debug", "info", "warning", "error" };
static bool as_json, plain_users;
static int64_t max_lines_per_s = 200;
static uint64_t user_key;

/* Lines of one event in the current second. Events are string literals, so their address is their identity. */
static struct event_rate {
	const char *event;
	int64_t second, lines, left_out;
} rates[LIMITED_EVENTS];

void log_configure(const struct config *cfg)
{
	for (int i = 0; i < 4; i++)
		if (strcmp(cfg->log_level, level_names[i]) == 0)
			log_threshold = (enum log_level)i;
	as_json = strcmp(cfg->log_format, "json") == 0 || (strcmp(cfg->log_format, "auto") == 0 && !isatty(STDERR_FILENO));
	plain_users = strcmp(cfg->log_user_ids, "plain") == 0;
	max_lines_per_s = cfg->log_max_lines_per_s;
	if (!user_key)
		random_bytes(&user_key, sizeof(user_key));
}

/* FNV-1a over a key of this process: tells two users apart within one run, and cannot be looked up in a table. */
static uint64_t hash_user(struct str user)
{
	uint64_t h = 0xcbf29ce484222325u ^ user_key;

	for (size_t i = 0; i < user.n; i++)
		h = (h ^ (unsigned char)user.p[i]) * 0x100000001b3u;
	return h;
}

static struct str shortened(struct str s)
{
	if (s.n <= TEXT_MAX_BYTES)
		return s;
	s.n = TEXT_MAX_BYTES;
	while (s.n && ((unsigned char)s.p[s.n] & 0xC0) == 0x80)
		s.n--; /* not in the middle of a UTF-8 character */
	return s;
}

static void add_field(struct buf *b, const struct log_field *f)
{
	if (as_json)
		buf_addf(b, ",\"%s\":", f->name);
	else
		buf_addf(b, " %s=", f->name);
	switch (f->kind) {
	case LOG_KIND_INT:
		buf_addf(b, "%" PRId64, f->number);
		break;
	case LOG_KIND_USER:
		if (!plain_users) {
			buf_addf(b, "\"u%016" PRIx64 "\"", hash_user(f->text));
			break;
		}
		buf_add_json(b, shortened(f->text));
		break;
	case LOG_KIND_STR:
		buf_add_json(b, shortened(f->text));
		break;
	case LOG_KIND_END:
		break;
	}
}

static void emit(enum log_level level, const char *event, const struct log_field *fields, int64_t left_out)
{
	char ts[ISO8601_SIZE];
	struct buf b;

	clock_iso8601(clock_wall_ms(), ts);
	buf_init(&b, LINE_MAX_BYTES);
	if (as_json)
		buf_addf(&b, "{\"ts\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"", ts, level_names[level], event);
	else
		buf_addf(&b, "%s %-7s %s", ts, level_names[level], event);
	for (; fields && fields->kind != LOG_KIND_END; fields++)
		add_field(&b, fields);
	if (left_out)
		add_field(&b, &(struct log_field)LOG_INT("left_out", left_out));
	buf_addz(&b, as_json ? "}\n" : "\n");
	/* A line that does not fit is a bug of the caller, but its event must still be seen. */
	if (b.failed)
		fprintf(stderr, as_json ? "{\"ts\":\"%s\",\"level\":\"%s\",\"event\":\"%s\",\"truncated\":1}\n" : "%s %-7s %s truncated=1\n",
			ts, level_names[level], event);
	else if (write(STDERR_FILENO, b.p, b.n) < 0)
		(void)0; /* nowhere left to say it */
	buf_free(&b);
}

static struct event_rate *rate_of(const char *event)
{
	for (int i = 0; i < LIMITED_EVENTS; i++) {
		if (!rates[i].event)
			rates[i].event = event;
		if (rates[i].event == event)
			return &rates[i];
	}
	return &rates[LIMITED_EVENTS - 1];
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
	struct event_rate *rate = rate_of(event);
	int64_t second = clock_monotonic_ms() / 1000, left_out = 0;

	if (rate->second != second) {
		left_out = rate->left_out;
		rate->second = second;
		rate->lines = rate->left_out = 0;
	}
	if (++rate->lines > max_lines_per_s)
		rate->left_out++;
	else
		emit(level, event, fields, left_out);
}
