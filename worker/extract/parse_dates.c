/*
 * See parse_dates.h. The text is cut into numbers, words and marks once; dates are then read from tokens, each by one
 * look ahead of a few tokens, so that the time is linear whatever the text.
 */
#include "parse_dates.h"

#include <stdio.h>

#include "parse_text.h"
#include "parse_tokens.h"

#define YEAR_MIN 1940
#define YEAR_MAX 2099
#define GLUED_WORD_BYTES 3      /* a shorter one is part of a code: "B2016" */

static bool is_year(const struct tokens *ts, size_t i)
{
	return token_is(ts, i, TOKEN_NUMBER) && ts->v[i].digits == 4 && ts->v[i].value >= YEAR_MIN && ts->v[i].value <= YEAR_MAX;
}

static bool is_number(const struct tokens *ts, size_t i, int max)
{
	return token_is(ts, i, TOKEN_NUMBER) && ts->v[i].digits <= 2 && ts->v[i].value >= 1 && ts->v[i].value <= max;
}

static bool is_separator(const struct tokens *ts, size_t i)
{
	return token_is(ts, i, TOKEN_DOT) || token_is(ts, i, TOKEN_SLASH) || (token_is(ts, i, TOKEN_DASH) && token_touches(ts, i) && token_touches(ts, i + 1));
}

/* 2019, 2019-03, 2019.03.15, 2019年7月. Returns the token after it. */
static size_t date_from_year(const struct tokens *ts, size_t i, struct date *d)
{
	*d = (struct date){ .year = (short)ts->v[i].value };
	if (token_is(ts, i + 1, TOKEN_YEAR_MARK)) {
		if (!is_number(ts, i + 2, 12) || !token_is(ts, i + 3, TOKEN_MONTH_MARK))
			return i + 2;
		d->month = (signed char)ts->v[i + 2].value;
		if (!is_number(ts, i + 4, 31) || !token_is(ts, i + 5, TOKEN_DAY_MARK))
			return i + 4;
		d->day = (signed char)ts->v[i + 4].value;
		return i + 6;
	}
	if (is_separator(ts, i + 1) && token_touches(ts, i + 1) && token_touches(ts, i + 2) && is_number(ts, i + 2, 12)) {
		d->month = (signed char)ts->v[i + 2].value;
		if (is_separator(ts, i + 3) && token_touches(ts, i + 3) && token_touches(ts, i + 4) && is_number(ts, i + 4, 31)) {
			d->day = (signed char)ts->v[i + 4].value;
			return i + 5;
		}
		return i + 3;
	}
	return i + 1;
}

/* What may stand between a day or month and the next part: ". , of de del". */
static size_t skip_links(const struct tokens *ts, size_t i)
{
	static const char *const links[] = { "of", "de", "del", "di", "do", "van", "von", "th", "st", "nd", "rd", "er" };

	for (int n = 0; n < 2 && i < ts->n; n++) {
		bool link = token_is(ts, i, TOKEN_DOT) || token_is(ts, i, TOKEN_COMMA);

		for (size_t k = 0; k < sizeof(links) / sizeof(links[0]) && token_is(ts, i, TOKEN_WORD); k++)
			link = link || str_eq_nocase(token_text(ts, i), str_c(links[k]));
		if (!link)
			break;
		i++;
	}
	return i;
}

/* March 2019, avr. 2017, May 15, 2019, Sept '19; a month alone gives year 0, for "May - August 2019". */
static size_t date_from_month(const struct tokens *ts, size_t i, int month, struct date *d)
{
	size_t next = skip_links(ts, i + 1), after;

	*d = (struct date){ .month = (signed char)month };
	if (token_is(ts, next, TOKEN_SLASH) || (token_is(ts, next, TOKEN_DASH) && token_touches(ts, next) && token_touches(ts, next + 1)))
		next = is_year(ts, next + 1) ? next + 1 : next;
	if (is_year(ts, next)) {
		d->year = (short)ts->v[next].value;
		return next + 1;
	}
	if (token_is(ts, next, TOKEN_QUOTE) && token_is(ts, next + 1, TOKEN_NUMBER) && ts->v[next + 1].digits == 2) {
		d->year = (short)((ts->v[next + 1].value < 70 ? 2000 : 1900) + ts->v[next + 1].value);
		return next + 2;
	}
	after = skip_links(ts, next + 1);
	if (is_number(ts, next, 31) && is_year(ts, after)) {
		d->day = (signed char)ts->v[next].value;
		d->year = (short)ts->v[after].value;
		return after + 1;
	}
	return i + 1;
}

/* 03/2019, 15.03.2019, 15 March 2019, 1er mars 2019. */
static size_t date_from_number(const struct tokens *ts, size_t i, struct date *d)
{
	int first = ts->v[i].value, month;
	size_t next;

	if (is_separator(ts, i + 1) && is_year(ts, i + 2) && first <= 12) {
		*d = (struct date){ .year = (short)ts->v[i + 2].value, .month = (signed char)first };
		return i + 3;
	}
	if (is_separator(ts, i + 1) && is_number(ts, i + 2, 31) && is_separator(ts, i + 3) && is_year(ts, i + 4)) {
		int second = ts->v[i + 2].value;

		*d = (struct date){ .year = (short)ts->v[i + 4].value };
		/* With slashes both orders are in use; only a number over 12 tells them apart. */
		if (token_is(ts, i + 1, TOKEN_SLASH) && second > 12 && first <= 12)
			d->month = (signed char)first, d->day = (signed char)second;
		else if (second <= 12 && (!token_is(ts, i + 1, TOKEN_SLASH) || first > 12))
			d->month = (signed char)second, d->day = (signed char)first;
		return i + 5;
	}
	next = skip_links(ts, i + 1);
	month = token_value(ts, next, WORD_MONTH);
	if (month > 0) {
		size_t end = date_from_month(ts, next, month, d);

		if (d->year && !d->day) {
			d->day = (signed char)first;
			return end;
		}
	}
	return i;
}

/* The date that begins at token i; returns the token after it, or i. */
static size_t date_read(const struct tokens *ts, size_t i, struct date *d)
{
	size_t start = i, next;
	int month;

	*d = (struct date){ 0 };
	if (token_value(ts, i, WORD_SEASON) >= 0) {
		i = skip_links(ts, i + 1);
		if (i >= ts->n)
			return start;
	}
	month = token_value(ts, i, WORD_MONTH);
	if (month > 0)
		next = date_from_month(ts, i, month, d);
	else if (is_year(ts, i))
		next = date_from_year(ts, i, d);
	else if (is_number(ts, i, 31))
		next = date_from_number(ts, i, d);
	else
		next = i;
	return next == i ? start : next;
}

/* A phrase of the table that begins at token i; returns the token after it, or i. */
static size_t phrase_read(const struct tokens *ts, size_t i, enum word_kind kind, int *value)
{
	size_t used = 0, from;
	int found;

	if (i >= ts->n)
		return i;
	from = ts->v[i].from;
	found = words_find_prefix(kind, str_skip(ts->text, from), &used);
	if (found < 0) {
		found = words_find(kind, token_text(ts, i));
		used = ts->v[i].to - from;
		if (found < 0)
			return i;
	}
	if (value)
		*value = found;
	while (i < ts->n && ts->v[i].to <= from + used)
		i++;
	return i;
}

/* What an encoding without a dash made of one: "2019 ? 2021". */
static bool is_lost_dash(const struct tokens *ts, size_t i)
{
	return token_is(ts, i, TOKEN_OTHER) && ts->text.p[ts->v[i].from] == '?' && !token_touches(ts, i) && !token_touches(ts, i + 1);
}

/* What joins two dates: a dash, "to", "bis" … Returns the token after it, or i. */
static size_t until_read(const struct tokens *ts, size_t i)
{
	size_t next;

	if (is_lost_dash(ts, i))
		return i + 1;
	if (token_is(ts, i, TOKEN_DASH)) {
		while (token_is(ts, i, TOKEN_DASH))
			i++;
		next = phrase_read(ts, i, WORD_UNTIL, NULL);    /* "2019 - to date", "2019 - bis heute" */
		return next;
	}
	next = phrase_read(ts, i, WORD_UNTIL, NULL);
	return next;
}

static bool ends_bracket_or_text(const struct tokens *ts, size_t i)
{
	return i >= ts->n || ts->v[i].type == TOKEN_CLOSE || ts->v[i].type == TOKEN_COMMA;
}

/* Two years side by side ("2008 2011") are a range only when nothing else stands in the text. */
static bool two_years_alone(const struct tokens *ts)
{
	return ts->n == 2 && is_year(ts, 0) && is_year(ts, 1) && ts->v[0].value <= ts->v[1].value;
}

/* Reads what follows a first date that ends before token i; returns the token after the whole. */
static size_t range_read(const struct tokens *ts, size_t i, struct period *p)
{
	size_t join = until_read(ts, i), next;

	if (two_years_alone(ts) && i == 1)
		join = i;
	else if (join == i)
		return i;
	next = date_read(ts, join, &p->end);
	if (next != join && p->end.year) {
		p->is_range = true;
		if (p->start.year == 0)
			p->start.year = p->end.year;
		return next;
	}
	p->end = (struct date){ 0 };
	if (p->start.year == 0)
		return i;
	next = phrase_read(ts, join, WORD_PRESENT, NULL);
	if (next == join)       /* the joining word belongs to the phrase: "to date", "حتى الآن" */
		next = phrase_read(ts, i, WORD_PRESENT, NULL);
	if (next == i && token_is(ts, i, TOKEN_DASH) && ends_bracket_or_text(ts, join))
		next = join;    /* "2019 -": open */
	p->is_range = p->current = next != i;
	return next;
}

/* Words and brackets before and after belong to the period: "(since 2016)". */
static void period_widen(const struct tokens *ts, size_t first, size_t last, struct period *p)
{
	int since = -1;

	for (int n = 0; n < 2 && first > 0; n++) {
		size_t before = first - 1;

		if (token_is(ts, before, TOKEN_OTHER) && ts->text.p[ts->v[before].from] == ':' && before > 0)
			before--;
		since = token_value(ts, before, WORD_SINCE);
		if (since < 0 && token_value(ts, before, WORD_SEASON) < 0)
			break;
		first = before;
		if (since == 1 && !p->is_range)
			p->is_range = p->current = true, p->end = (struct date){ 0 };
	}
	if (first > 0 && token_is(ts, first - 1, TOKEN_OPEN) && (token_is(ts, last, TOKEN_CLOSE) || last >= ts->n)) {
		first--;
		last += last < ts->n;
	}
	p->from = ts->v[first].from;
	p->to = last > 0 && last <= ts->n ? ts->v[last - 1].to : ts->text.n;
}

/* A number that is glued to letters or to a longer number is no date ("B2016", "1.2019.33"), unless it has the shape of
 * one: some writers lose the gap ("Engineer09/2018"). */
static bool may_begin(const struct tokens *ts, size_t i)
{
	if (ts->v[i].type == TOKEN_WORD)
		return true;
	if (ts->v[i].type != TOKEN_NUMBER)
		return false;
	if (!token_touches(ts, i))
		return true;
	switch (ts->v[i - 1].type) {
	case TOKEN_OPEN:
	case TOKEN_DASH:
	case TOKEN_COMMA:
	case TOKEN_OTHER:
		return true;
	case TOKEN_WORD:
		if (ts->v[i - 1].to - ts->v[i - 1].from < GLUED_WORD_BYTES)
			return false;
		return ts->v[i].digits == 4 || (ts->v[i].digits <= 2 && is_separator(ts, i + 1) && is_year(ts, i + 2));
	default:
		return false;
	}
}

bool period_find(struct str text, struct period *out)
{
	struct tokens ts;
	bool found = false;

	tokens_read(&ts, text);
	for (size_t i = 0; i < ts.n; i++) {
		struct period p = { 0 };
		size_t next, end;

		if (!may_begin(&ts, i))
			continue;
		next = date_read(&ts, i, &p.start);
		if (next == i)
			continue;
		end = range_read(&ts, next, &p);
		if (p.start.year == 0)
			continue;
		if (!p.is_range)
			p.end = p.start, end = next;
		period_widen(&ts, i, end, &p);
		if (!found || (p.is_range && !out->is_range))
			*out = p;
		found = true;
		if (out->is_range)
			break;
		i = end - 1;
	}
	return found;
}

void period_around(struct str text, const struct period *when, struct str *before, struct str *after)
{
	*before = text_strip(str_of(text.p, when->from), ",;|:(/");
	*after = text_strip(str_skip(text, when->to), ",;|:)/");
}

bool period_is_all(struct str text)
{
	struct period when;
	struct str before, after;

	if (!period_find(text, &when))
		return false;
	period_around(text, &when, &before, &after);
	return before.n == 0 && after.n == 0;
}

size_t date_format(struct date d, char out[16])
{
	int n = 0;

	if (d.year <= 0)
		out[0] = '\0';
	else if (d.month == 0)
		n = snprintf(out, 16, "%04d", d.year);
	else if (d.day == 0)
		n = snprintf(out, 16, "%04d-%02d", d.year, d.month);
	else
		n = snprintf(out, 16, "%04d-%02d-%02d", d.year, d.month, d.day);
	return (size_t)n;
}
