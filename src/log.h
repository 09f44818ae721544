/*
 * Log lines on stderr: one JSON object a line, or text on a terminal. A line is an event name and fields with fixed
 * names. Never log file names, CV content, e-mail addresses or tokens; user ids go through LOG_USER, which hashes them
 * unless log.user_ids = plain. Each event's rate is bounded (log.max_lines_per_s); what was left out is counted.
 *
 *   LOG(INFO, "ws_closed", LOG_TEXT("reason", "idle"), LOG_INT("age_ms", age));
 */
#ifndef CVPULSE_LOG_H
#define CVPULSE_LOG_H

#include <stdint.h>

#include "config.h"
#include "str.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

enum log_kind { LOG_KIND_END, LOG_KIND_STR, LOG_KIND_INT, LOG_KIND_USER };

struct log_field {
	enum log_kind kind;
	const char *name;
	struct str text;
	int64_t number;
};

#define LOG_STR(name_, slice) { LOG_KIND_STR, (name_), (slice), 0 }
#define LOG_TEXT(name_, cstring) { LOG_KIND_STR, (name_), str_c(cstring), 0 }
#define LOG_INT(name_, value) { LOG_KIND_INT, (name_), { NULL, 0 }, (int64_t)(value) }
#define LOG_USER(slice) { LOG_KIND_USER, "user", (slice), 0 }
#define LOG_ERRNO(code) LOG_TEXT("error", strerror((int)((code) < 0 ? -(code) : (code))))

extern enum log_level log_threshold;

#define LOG(level, event, ...) do { \
	if (LOG_LEVEL_##level >= log_threshold) \
		log_write(LOG_LEVEL_##level, (event), (const struct log_field[]){ __VA_ARGS__ __VA_OPT__(,) { LOG_KIND_END, NULL, { NULL, 0 }, 0 } }); \
} while (0)

void log_configure(const struct config *cfg);
void log_write(enum log_level level, const char *event, const struct log_field *fields);

#endif
