/* See parse_tokens.h. */
#include "parse_tokens.h"

#include "parse_text.h"

static enum token_type mark_type(uint32_t c)
{
	switch (c) {
	case '-': case 0x2010: case 0x2011: case 0x2012: case 0x2013: case 0x2014: case 0x2015: case 0x2212: case 0xFF0D:
		return TOKEN_DASH;
	case '.': case 0xFF0E: return TOKEN_DOT;
	case '/': case 0xFF0F: return TOKEN_SLASH;
	case ',': case 0x060C: case 0xFF0C: return TOKEN_COMMA;
	case '\'': case 0x2019: return TOKEN_QUOTE;
	case '(': case '[': case 0xFF08: return TOKEN_OPEN;
	case ')': case ']': case 0xFF09: return TOKEN_CLOSE;
	case 0x5E74: case 0xB144: return TOKEN_YEAR_MARK;       /* 年 년 */
	case 0x6708: case 0xC6D4: return TOKEN_MONTH_MARK;      /* 月 월 */
	case 0x65E5: case 0x53F7: case 0xC77C: return TOKEN_DAY_MARK;
	default: return TOKEN_OTHER;
	}
}

static int digit_value(uint32_t c)
{
	if (c >= '0' && c <= '9')
		return (int)(c - '0');
	if (c >= 0x0660 && c <= 0x0669) /* Arabic */
		return (int)(c - 0x0660);
	if (c >= 0x06F0 && c <= 0x06F9) /* Persian */
		return (int)(c - 0x06F0);
	if (c >= 0x0966 && c <= 0x096F) /* Devanagari */
		return (int)(c - 0x0966);
	return c >= 0xFF10 && c <= 0xFF19 ? (int)(c - 0xFF10) : -1;
}

static size_t take_number(struct str text, size_t at, struct token *t)
{
	*t = (struct token){ .type = TOKEN_NUMBER, .from = at, .to = at };
	while (t->to < text.n) {
		size_t next = t->to;
		int digit = digit_value(text_next(text, &next));

		if (digit < 0)
			break;
		if (t->digits < 9)
			t->value = t->value * 10 + digit;
		t->digits++;
		t->to = next;
	}
	return t->to;
}

/* A word of letters. It ends before a capital that begins a month, or behind "present": some writers lose the gap
 * ("MathematicsMay 2020", "May 2020 - PresentEngineer"). */
static size_t take_word(struct str text, size_t at, struct token *t)
{
	bool lower = false;

	*t = (struct token){ .type = TOKEN_WORD, .from = at, .to = at };
	while (t->to < text.n) {
		size_t next = t->to;
		uint32_t c = text_next(text, &next);

		if (!text_is_letter(c) || mark_type(c) != TOKEN_OTHER)
			break;
		if (lower && text_is_upper(c)) {
			size_t end = next;

			while (end < text.n && text_is_letter((unsigned char)text.p[end]))
				end++;
			if ((end - t->to >= 3 && words_find(WORD_MONTH, str_of(text.p + t->to, end - t->to)) >= 0) ||
			    words_find(WORD_PRESENT, str_of(text.p + at, t->to - at)) >= 0)
				break;
		}
		lower = text_is_lower(c);
		t->to = next;
	}
	return t->to;
}

void tokens_read(struct tokens *ts, struct str text)
{
	size_t at = 0;

	if (text.n > TOKENS_TEXT_MAX)
		text.n = TOKENS_TEXT_MAX;
	ts->text = text;
	ts->n = 0;
	while (at < text.n && ts->n < TOKENS_MAX) {
		struct token *t = &ts->v[ts->n];
		size_t next = at;
		uint32_t c = text_next(text, &next);

		if (c == ' ' || c == '\t' || c == 0xA0) {
			at = next;
			continue;
		}
		if (digit_value(c) >= 0)
			at = take_number(text, at, t);
		else if (mark_type(c) == TOKEN_OTHER && text_is_letter(c))
			at = take_word(text, at, t);
		else
			*t = (struct token){ .type = mark_type(c), .from = at, .to = next }, at = next;
		ts->n++;
	}
}

bool token_is(const struct tokens *ts, size_t i, enum token_type type)
{
	return i < ts->n && ts->v[i].type == type;
}

bool token_touches(const struct tokens *ts, size_t i)
{
	return i > 0 && i < ts->n && ts->v[i].from == ts->v[i - 1].to;
}

struct str token_text(const struct tokens *ts, size_t i)
{
	return str_of(ts->text.p + ts->v[i].from, ts->v[i].to - ts->v[i].from);
}

int token_value(const struct tokens *ts, size_t i, enum word_kind kind)
{
	return token_is(ts, i, TOKEN_WORD) ? words_find(kind, token_text(ts, i)) : -1;
}
