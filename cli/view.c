/* See view.h. */
#include "view.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>

#include "clock.h"
#include "cv_states.h"

#define BAR_WIDTH 20

/* What comes from an event goes to a terminal: escape sequences must not. */
static void make_printable(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p; p++) {
		if (*p < 0x20 || *p == 0x7F)
			*p = '?';
		else if (p[0] == 0xC2 && p[1] >= 0x80 && p[1] <= 0x9F) /* C1 control characters */
			p[0] = p[1] = '?';
	}
	while (*text && !utf8_valid(text, strlen(text)))
		text[strlen(text) - 1] = '\0'; /* cut in the middle of a character */
}

static const char *text_of(const cJSON *frame, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(frame, name));

	return text ? text : "";
}

static int number_of(const cJSON *frame, const char *name)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(frame, name);

	return cJSON_IsNumber(n) ? n->valueint : 0;
}

/* "08:00:00" of the event's time, in UTC as the event says it. */
static void clock_of(const cJSON *frame, int64_t now_wall_ms, char out[9])
{
	const char *ts = text_of(frame, "ts");
	char now[ISO8601_SIZE];

	clock_iso8601(now_wall_ms, now);
	snprintf(out, 9, "%.8s", strlen(ts) >= 19 ? ts + 11 : now + 11);
}

static void bar_of(int progress, char out[BAR_WIDTH + 1])
{
	int full = progress < 0 ? 0 : progress > 100 ? BAR_WIDTH : progress * BAR_WIDTH / 100;

	for (int i = 0; i < BAR_WIDTH; i++)
		out[i] = i < full ? '#' : '.';
	out[BAR_WIDTH] = '\0';
}

static const char *note_of(const cJSON *frame)
{
	const char *message = text_of(cJSON_GetObjectItemCaseSensitive(frame, "error"), "message");

	if (!*message)
		message = text_of(frame, "message");
	return *message ? message : text_of(frame, "stage");
}

static void show_cv(struct view *v, const cJSON *frame, const char *clock)
{
	const char *name = text_of(frame, "filename"), *status = text_of(frame, "status");
	int state = cv_status_by_name(str_c(status)), progress = number_of(frame, "progress");
	char bar[BAR_WIDTH + 1];

	bar_of(progress, bar);
	snprintf(v->key, sizeof(v->key), "c%s", text_of(frame, "cv_id"));
	v->over = state >= 0 && cv_status_terminal((enum cv_status)state);
	snprintf(v->line, sizeof(v->line), "%s %-10.10s [%s] %3d%%  %.60s  %.200s", clock, status, bar, progress,
		 *name ? name : text_of(frame, "cv_id"), note_of(frame));
}

static void show_batch(struct view *v, const cJSON *frame, const char *clock)
{
	const char *status = text_of(frame, "status");
	char bar[BAR_WIDTH + 1];

	bar_of(number_of(frame, "progress"), bar);
	snprintf(v->key, sizeof(v->key), "b%s", text_of(frame, "batch_id"));
	v->over = strcmp(status, "open") != 0 && strcmp(status, "processing") != 0;
	snprintf(v->line, sizeof(v->line), "%s %-10.10s [%s] %3d%%  batch %.60s: %d of %d done, %d failed", clock, v->over ? "batch end" : "batch", bar,
		 number_of(frame, "progress"), text_of(frame, "batch_id"), number_of(frame, "completed"), number_of(frame, "total"),
		 number_of(frame, "failed"));
}

void view_make(struct view *v, struct str text, int64_t now_wall_ms)
{
	cJSON *frame = cJSON_ParseWithLength(text.p, text.n);
	const char *type = text_of(frame, "type");
	char clock[9];

	*v = (struct view){ .over = true };
	clock_of(frame, now_wall_ms, clock);
	if (strcmp(type, "cv_progress") == 0)
		show_cv(v, frame, clock);
	else if (strcmp(type, "batch_progress") == 0)
		show_batch(v, frame, clock);
	else
		snprintf(v->line, sizeof(v->line), "%s " STR_FMT, clock, (int)(text.n < 400 ? text.n : 400), text.p);
	make_printable(v->line);
	cJSON_Delete(frame);
}
