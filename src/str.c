/* See str.h. */
#include "str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool str_eq_nocase(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

struct str str_trim(struct str s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s.p++, s.n--;
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

struct str str_cut(struct str *rest, char separator)
{
	const char *at = rest->n ? memchr(rest->p, separator, rest->n) : NULL;
	struct str head = *rest;

	if (!at) {
		*rest = str_of(NULL, 0);
		return head;
	}
	head.n = (size_t)(at - head.p);
	*rest = str_of(at + 1, rest->n - head.n - 1);
	return head;
}

#define UINT64_SAFE_DIGITS 19   /* so many always fit */

int str_to_u64(struct str s, uint64_t min, uint64_t max, uint64_t *out)
{
	bool overflow = false;
	uint64_t v = 0;

	if (s.n == 0)
		return -EINVAL;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned)(s.p[i] - '0');

		if (digit > 9)
			return -EINVAL;
		if (i >= UINT64_SAFE_DIGITS && v > (UINT64_MAX - digit) / 10)
			overflow = true;
		v = v * 10 + digit;
	}
	if (overflow || v < min || v > max)
		return -ERANGE;
	*out = v;
	return 0;
}

int str_to_ms(struct str s, int64_t max_ms, int64_t *out_ms)
{
	struct str fraction = s, whole = str_cut(&fraction, '.');
	uint64_t seconds, part = 0, unit = 100;
	int rc = str_to_u64(whole, 0, (uint64_t)max_ms / 1000, &seconds);

	if (rc < 0)
		return rc;
	if (fraction.p && fraction.n == 0)
		return -EINVAL;
	for (size_t i = 0; i < fraction.n; i++) {
		if (fraction.p[i] < '0' || fraction.p[i] > '9')
			return -EINVAL;
		part += (uint64_t)(fraction.p[i] - '0') * unit;
		unit /= 10;
	}
	if (seconds * 1000 + part > (uint64_t)max_ms)
		return -ERANGE;
	*out_ms = (int64_t)(seconds * 1000 + part);
	return 0;
}

size_t utf8_sequence(const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;
	unsigned char c = p[0], low = 0x80, high = 0xBF;
	size_t len;

	if (c < 0x80)
		return 1;
	if (c < 0xC2 || c > 0xF4)
		return 0;
	len = c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
	if (n < len)
		return 0;
	if (c == 0xE0)
		low = 0xA0;
	else if (c == 0xED)
		high = 0x9F;
	else if (c == 0xF0)
		low = 0x90;
	else if (c == 0xF4)
		high = 0x8F;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	return len;
}

bool utf8_valid(const char *p, size_t n)
{
	while (n) {
		size_t len = utf8_sequence(p, n);

		if (!len)
			return false;
		p += len;
		n -= len;
	}
	return true;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int url_decode(struct str in, bool plus_is_space, char *out, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];

		if (c == '%') {
			int high, low;

			if (in.n - i < 3)
				return -EINVAL;
			high = hex(in.p[i + 1]);
			low = hex(in.p[i + 2]);
			if (high < 0 || low < 0)
				return -EINVAL;
			c = (char)(high * 16 + low);
			i += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		if (c == '\0' || n + 1 >= cap)
			return -EINVAL;
		out[n++] = c;
	}
	if (cap == 0)
		return -EINVAL;
	out[n] = '\0';
	return (int)n;
}

int query_get(struct str query, const char *key, char *out, size_t cap)
{
	while (query.n) {
		struct str value = str_cut(&query, '&'), name = str_cut(&value, '=');
		char decoded[64];

		if (url_decode(name, true, decoded, sizeof(decoded)) >= 0 && strcmp(decoded, key) == 0)
			return url_decode(value, true, out, cap);
	}
	return -ENOENT;
}

void buf_init(struct buf *b, size_t max_bytes)
{
	*b = (struct buf){ .max = max_bytes };
}

void buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ .max = b->max };
}

void buf_clear(struct buf *b)
{
	b->n = 0;
	b->failed = false;
}

bool buf_reserve(struct buf *b, size_t more)
{
	size_t cap = b->cap ? b->cap : b->max < 64 ? b->max : 64;
	char *p;

	if (b->failed)
		return false;
	if (more <= b->cap - b->n)
		return true;
	if (more > b->max || b->n > b->max - more) {
		b->failed = true;
		return false;
	}
	while (cap < b->n + more)
		cap = cap > b->max / 2 ? b->max : cap * 2;
	p = realloc(b->p, cap + 1); /* vsnprintf needs room for its NUL behind the last byte */
	if (!p) {
		b->failed = true;
		return false;
	}
	b->p = p;
	b->cap = cap;
	return true;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	if (n == 0 || !buf_reserve(b, n))
		return;
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

void buf_adds(struct buf *b, struct str s)
{
	buf_add(b, s.p, s.n);
}

void buf_addz(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_addf(struct buf *b, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0)
		b->failed = true;
	if (n <= 0 || !buf_reserve(b, (size_t)n))
		return;
	va_start(args, format);
	vsnprintf(b->p + b->n, (size_t)n + 1, format, args);
	va_end(args);
	b->n += (size_t)n;
}

static void add_escaped(struct buf *b, unsigned char c)
{
	switch (c) {
	case '"': buf_addz(b, "\\\""); break;
	case '\\': buf_addz(b, "\\\\"); break;
	case '\n': buf_addz(b, "\\n"); break;
	case '\r': buf_addz(b, "\\r"); break;
	case '\t': buf_addz(b, "\\t"); break;
	default: buf_addf(b, "\\u%04x", c);
	}
}

void buf_add_json(struct buf *b, struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p, *end = p + s.n;

	buf_addz(b, "\"");
	while (p < end) {
		const unsigned char *plain = p;
		size_t len;

		while (p < end && *p >= 0x20 && *p < 0x7F && *p != '"' && *p != '\\')
			p++;
		buf_add(b, plain, (size_t)(p - plain));
		if (p == end)
			break;
		if (*p < 0x80) {
			add_escaped(b, *p++);
			continue;
		}
		len = utf8_sequence((const char *)p, (size_t)(end - p));
		if (len)
			buf_add(b, p, len);
		else
			buf_addz(b, "\xEF\xBF\xBD");
		p += len ? len : 1;
	}
	buf_addz(b, "\"");
}
