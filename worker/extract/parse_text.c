/* See parse_text.h. */
#include "parse_text.h"

#include <utf8proc.h>

#define IDEOGRAPHS_OF_WORD 2    /* most Chinese words have two */

uint32_t text_next(struct str s, size_t *at)
{
	unsigned char c = (unsigned char)s.p[*at];
	utf8proc_int32_t cp;
	utf8proc_ssize_t n;

	if (c < 0x80) {
		(*at)++;
		return c;
	}
	n = utf8proc_iterate((const utf8proc_uint8_t *)s.p + *at, (utf8proc_ssize_t)(s.n - *at), &cp);
	if (n <= 0) {
		(*at)++;
		return 0xFFFD;
	}
	*at += (size_t)n;
	return (uint32_t)cp;
}

static bool is_space(uint32_t c)
{
	return c == ' ' || (c >= 9 && c <= 13) || c == 0xA0 || (c >= 0x2000 && c <= 0x200B) || c == 0x3000 || c == 0x202F;
}

static bool is_dash(uint32_t c)
{
	return (c >= 0x2010 && c <= 0x2015) || c == 0x2212 || c == 0xFE58 || c == 0xFF0D;
}

/* One code point, folded, into out; the number of code points written. */
static int fold_one(uint32_t c, utf8proc_int32_t out[8])
{
	utf8proc_ssize_t n;
	int boundary = 0;

	if (c < 0x80) {
		out[0] = (utf8proc_int32_t)(c >= 'A' && c <= 'Z' ? c + 32 : c);
		return 1;
	}
	if (is_dash(c) || c == 0x2018 || c == 0x2019 || c == 0x02BC || c == 0xB4) {
		out[0] = is_dash(c) ? '-' : '\'';
		return 1;
	}
	n = utf8proc_decompose_char((utf8proc_int32_t)c, out, 8,
		UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK | UTF8PROC_IGNORE, &boundary);
	return n > 0 && n <= 8 ? (int)n : 0;
}

/* PDF writers put the two letters of the ligature lam-alef in the wrong order, and readers take an alef and a lam that
 * only stand side by side for one: for comparing, the lams of a run of both come first. */
static void settle_lam_alef(char *p, size_t n)
{
	static const char alef[] = "\xD8\xA7", lam[] = "\xD9\x84";

	for (size_t i = 0, end; i + 2 <= n; i = end > i ? end : i + 1) {
		size_t lams = 0;

		for (end = i; end + 2 <= n && (memcmp(p + end, lam, 2) == 0 || memcmp(p + end, alef, 2) == 0); end += 2)
			lams += p[end] == lam[0];
		for (size_t k = i; k < end; k += 2)
			memcpy(p + k, (k - i) / 2 < lams ? lam : alef, 2);
	}
}

size_t text_fold(struct str in, char *out, size_t cap)
{
	size_t n = 0, at = 0;
	bool gap = false;

	while (at < in.n) {
		uint32_t c = text_next(in, &at);
		utf8proc_int32_t folded[8];
		int count;

		if (is_space(c)) {
			gap = n > 0;
			continue;
		}
		count = fold_one(c, folded);
		for (int i = 0; i < count; i++) {
			utf8proc_uint8_t bytes[4];
			utf8proc_ssize_t len = utf8proc_encode_char(folded[i], bytes);

			if (len <= 0)
				continue;
			if (n + (size_t)len + gap > cap) {
				settle_lam_alef(out, n);
				return n;
			}
			if (gap)
				out[n++] = ' ';
			gap = false;
			memcpy(out + n, bytes, (size_t)len);
			n += (size_t)len;
		}
	}
	settle_lam_alef(out, n);
	return n;
}

bool text_is_letter(uint32_t c)
{
	if (c < 0x80)
		return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
	switch (utf8proc_category((utf8proc_int32_t)c)) {
	case UTF8PROC_CATEGORY_LU:
	case UTF8PROC_CATEGORY_LL:
	case UTF8PROC_CATEGORY_LT:
	case UTF8PROC_CATEGORY_LM:
	case UTF8PROC_CATEGORY_LO:
	case UTF8PROC_CATEGORY_MN:
	case UTF8PROC_CATEGORY_MC:
		return true;
	default:
		return false;
	}
}

bool text_is_upper(uint32_t c)
{
	return c < 0x80 ? c >= 'A' && c <= 'Z' : utf8proc_category((utf8proc_int32_t)c) == UTF8PROC_CATEGORY_LU;
}

bool text_is_lower(uint32_t c)
{
	return c < 0x80 ? c >= 'a' && c <= 'z' : utf8proc_category((utf8proc_int32_t)c) == UTF8PROC_CATEGORY_LL;
}

bool text_is_digit(uint32_t c)
{
	return c >= '0' && c <= '9';
}

bool text_is_ideograph(uint32_t c)
{
	return (c >= 0x3040 && c <= 0x30FF) || (c >= 0x3400 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) ||
		(c >= 0x20000 && c <= 0x3FFFF);
}

static bool is_strippable(uint32_t c, const char *also)
{
	return is_space(c) || is_dash(c) || c == '-' || c == 0x2022 || c == 0xB7 || c == 0x25CF || c == 0x25AA || c == 0x25A0 ||
		c == 0x30FB || c == 0x2023 || c == 0x25E6 || c == 0xFF5C || (c != 0 && c < 0x80 && strchr(also, (int)c) != NULL);
}

/* Whether the bracket that opens s closes at its end: then both are wrapping. */
static bool is_wrapped(struct str s)
{
	int depth = 0;

	for (size_t i = 0; i < s.n; i++) {
		depth += s.p[i] == '(';
		depth -= s.p[i] == ')';
		if (depth == 0)
			return i == s.n - 1;
	}
	return true;
}

/* Whether the bracket at the end of s closes one that opens inside. */
static bool closes_inside(struct str s)
{
	int depth = 0;

	for (size_t i = 0; i < s.n; i++) {
		depth += s.p[i] == '(';
		depth -= s.p[i] == ')' && depth > 0;
		if (i + 1 == s.n - 1)
			break;
	}
	return s.n > 1 && s.p[s.n - 1] == ')' && depth > 0;
}

struct str text_strip(struct str s, const char *also)
{
	size_t at = 0;

	while (s.n) {
		at = 0;
		if (!is_strippable(text_next(s, &at), also) || (s.p[0] == '(' && !is_wrapped(s)))
			break;
		s = str_skip(s, at);
	}
	while (s.n) {
		size_t start = s.n - 1;

		while (start > 0 && ((unsigned char)s.p[start] & 0xC0) == 0x80)
			start--;
		at = start;
		if (!is_strippable(text_next(s, &at), also) || closes_inside(s))
			break;
		s.n = start;
	}
	return s;
}

struct str text_first_word(struct str s)
{
	size_t n = 0;

	s = str_trim(s);
	while (n < s.n && s.p[n] != ' ')
		n++;
	return str_of(s.p, n);
}

struct str text_last_word(struct str s)
{
	size_t n;

	s = str_trim(s);
	n = s.n;
	while (n > 0 && s.p[n - 1] != ' ')
		n--;
	return str_skip(s, n);
}

size_t text_count_words(struct str s)
{
	size_t words = 0;
	bool in_word = false;

	for (size_t i = 0; i < s.n; i++) {
		bool space = s.p[i] == ' ' || s.p[i] == '\t';

		words += !space && !in_word;
		in_word = !space;
	}
	return words;
}

size_t text_length_words(struct str s)
{
	size_t ideographs = 0, at = 0;

	while (at < s.n)
		ideographs += text_is_ideograph(text_next(s, &at));
	return text_count_words(s) + ideographs / IDEOGRAPHS_OF_WORD;
}

size_t text_count_letters(struct str s)
{
	size_t letters = 0, at = 0;

	while (at < s.n)
		letters += text_is_letter(text_next(s, &at));
	return letters;
}

bool text_all_upper(struct str s)
{
	size_t upper = 0, at = 0;

	while (at < s.n) {
		uint32_t c = text_next(s, &at);

		if (text_is_lower(c))
			return false;
		upper += text_is_upper(c);
	}
	return upper >= 2;
}

bool text_has_digit(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (text_is_digit((unsigned char)s.p[i]))
			return true;
	return false;
}

bool text_runs_left(struct str s)
{
	size_t at = 0;

	while (at < s.n) {
		uint32_t c = text_next(s, &at);

		if (text_is_letter(c))
			return c >= 0x0590 && c < 0x0900;
	}
	return false;
}

size_t text_find(struct str s, struct str needle)
{
	const char *at = needle.n && s.n >= needle.n ? memmem(s.p, s.n, needle.p, needle.n) : NULL;

	return at ? (size_t)(at - s.p) : SIZE_MAX;
}

bool text_is_spaced_out(struct str s)
{
	size_t words = 0, at = 0, letters = 0;

	while (at < s.n) {
		if (text_next(s, &at) == ' ') {
			if (letters > 1)
				return false;
			words += letters;
			letters = 0;
		} else {
			letters++;
		}
	}
	return letters <= 1 && words + letters >= 4;
}

static bool is_segment_mark(struct str s, size_t at, size_t next, uint32_t c, bool dashes)
{
	if (c == '|' || c == 0xA6 || c == 0x2022 || c == 0xB7 || c == 0x25CF || c == 0x25AA || c == 0x25C6 || c == 0x22C5 ||
	    c == 0x2219 || c == 0xFF5C || c == 0x2758 || c == 0x25E6 || c == 0x2756)
		return true;
	return dashes && (is_dash(c) || c == '-') && at > 0 && s.p[at - 1] == ' ' && (next >= s.n || s.p[next] == ' ');
}

struct str text_segment(struct str *rest, bool dashes)
{
	struct str s = *rest;
	size_t at = 0;

	while (at < s.n) {
		size_t next = at;
		uint32_t c = text_next(s, &next);

		if (is_segment_mark(s, at, next, c, dashes)) {
			*rest = str_skip(s, next);
			return text_strip(str_of(s.p, at), ",;");
		}
		at = next;
	}
	*rest = str_of(NULL, 0);
	return text_strip(s, ",;");
}
