/* Dates as people write them in CVs, in the languages of parse_words.def. Knows one line at a time and no clock. */
#ifndef EXTRACT_PARSE_DATES_H
#define EXTRACT_PARSE_DATES_H

#include <stdbool.h>

#include "str.h"

struct date {
	short year;             /* 0: no date */
	signed char month, day; /* 0: not known */
};

/* What one place in a text says about time. */
struct period {
	struct date start, end; /* a single date is `end` when alone (see is_range) and also in `start` */
	bool is_range;          /* two ends, or one that is open */
	bool current;           /* "2019 - present", "since 2019" */
	size_t from, to;        /* the bytes of the text that it covers, brackets and words like "from" included */
};

/* The first range of dates in the text, else the first single date. false: none. Only the first 2 KiB are read. */
bool period_find(struct str text, struct period *out);
/* Whether the text is a period and nothing else. */
bool period_is_all(struct str text);
/* The text without the period, in up to two parts: before and after, stripped of separators. */
void period_around(struct str text, const struct period *when, struct str *before, struct str *after);
/* ISO 8601 at the precision that is known: "2019", "2019-03", "2019-03-15". Returns the length; "" for no date. */
size_t date_format(struct date d, char out[16]);

#endif
