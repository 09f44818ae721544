/* See frame_scan.h. */
#include "frame_scan.h"

#include <endian.h>
#include <errno.h>

/* What a byte means inside a JSON string (RFC 8259, section 7). */
enum { PLAIN, QUOTE, ESCAPE, CONTROL, HIGH };

static const unsigned char string_class[256] = {
	[0x00 ... 0x1F] = CONTROL, ['"'] = QUOTE, ['\\'] = ESCAPE, [0x80 ... 0xFF] = HIGH,
};

struct scan {
	const char *p, *end;
	int error;
	int depth;
	uint64_t is_object[FRAME_DEPTH_MAX / 64]; /* one bit for each open bracket: object or array */
};

static bool fail(struct scan *s, int error)
{
	s->error = error;
	return false;
}

static void skip_spaces(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

/* Mostly there is none: one comparison. */
static inline void skip_space(struct scan *s)
{
	if (s->p < s->end && (unsigned char)*s->p <= ' ')
		skip_spaces(s);
}

static bool take(struct scan *s, char c)
{
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool scan_escape(struct scan *s)
{
	s->p++;
	if (s->p == s->end)
		return fail(s, -EINVAL);
	if (*s->p != 'u')
		return (*s->p != '\0' && strchr("\"\\/bfnrt", *s->p++)) || fail(s, -EINVAL);
	s->p++;
	for (int i = 0; i < 4; i++, s->p++)
		if (s->p == s->end || !is_hex(*s->p))
			return fail(s, -EINVAL);
	return true;
}

static bool scan_high(struct scan *s)
{
	size_t n = utf8_sequence(s->p, (size_t)(s->end - s->p));

	s->p += n;
	return n != 0 || fail(s, -EILSEQ);
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The top bit of each byte that is not PLAIN. A borrow may also set it in bytes after the first such one. */
static uint64_t special_bytes(uint64_t word)
{
	uint64_t quote = word ^ EACH('"'), escape = word ^ EACH('\\');

	return (word | ((word - EACH(0x20)) & ~word) | ((quote - EACH(1)) & ~quote) | ((escape - EACH(1)) & ~escape)) & EACH(0x80);
}

/* Eight bytes at a time: with the above a frame of 340 bytes takes 3,800 instructions instead of 5,000 (callgrind). */
static const char *skip_plain(const char *p, const char *end)
{
	for (uint64_t word; end - p >= (ptrdiff_t)sizeof(word); p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		word = special_bytes(le64toh(word));
		if (word)
			return p + __builtin_ctzll(word) / 8;
	}
	while (p < end && string_class[(unsigned char)*p] == PLAIN)
		p++;
	return p;
}

/* What is not plain inside a string, except the quote that ends it. */
static bool scan_special(struct scan *s)
{
	if (s->p < s->end && string_class[(unsigned char)*s->p] == ESCAPE)
		return scan_escape(s);
	if (s->p < s->end && string_class[(unsigned char)*s->p] == HIGH)
		return scan_high(s);
	return fail(s, -EINVAL);
}

/* From the opening quote; *content is what stands between the quotes. */
static bool scan_string(struct scan *s, struct str *content)
{
	const char *begin = ++s->p;

	for (;;) {
		s->p = skip_plain(s->p, s->end);
		if (s->p < s->end && *s->p == '"') {
			*content = str_of(begin, (size_t)(s->p++ - begin));
			return true;
		}
		if (!scan_special(s))
			return false;
	}
}

static bool scan_digits(struct scan *s)
{
	const char *begin = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return s->p > begin || fail(s, -EINVAL);
}

static bool scan_number(struct scan *s)
{
	take(s, '-');
	if (!take(s, '0') && !scan_digits(s))
		return false;
	if (take(s, '.') && !scan_digits(s))
		return false;
	if (take(s, 'e') || take(s, 'E')) {
		if (!take(s, '+'))
			take(s, '-');
		return scan_digits(s);
	}
	return true;
}

static bool scan_word(struct scan *s, struct str word)
{
	if (!str_starts(str_of(s->p, (size_t)(s->end - s->p)), word))
		return fail(s, -EINVAL);
	s->p += word.n;
	return true;
}

static bool in_object(const struct scan *s)
{
	return s->is_object[(s->depth - 1) / 64] >> ((s->depth - 1) % 64) & 1;
}

static bool open_bracket(struct scan *s, bool object)
{
	uint64_t bit = (uint64_t)1 << (s->depth % 64);

	if (s->depth == FRAME_DEPTH_MAX)
		return fail(s, -EINVAL);
	if (object)
		s->is_object[s->depth / 64] |= bit;
	else
		s->is_object[s->depth / 64] &= ~bit;
	s->depth++;
	s->p++;
	return true;
}

static struct str *member_of(struct frame_info *f, struct str key)
{
	if (str_eq(key, STR("type")))
		return &f->type;
	if (str_eq(key, STR("cv_id")))
		return &f->cv_id;
	if (str_eq(key, STR("batch_id")))
		return &f->batch_id;
	return str_eq(key, STR("status")) ? &f->status : NULL;
}

/* A key and its colon. At the top level *member becomes where its value belongs, or NULL. */
static bool scan_key(struct scan *s, struct frame_info *f, struct str **member)
{
	struct str key;

	skip_space(s);
	if (s->p == s->end || *s->p != '"' || !scan_string(s, &key))
		return s->error ? false : fail(s, -EINVAL);
	skip_space(s);
	*member = s->depth == 1 ? member_of(f, key) : NULL;
	if (*member)
		**member = STR("");
	return take(s, ':') || fail(s, -EINVAL);
}

/* A value that holds no others. */
static bool scan_scalar(struct scan *s, struct str *member)
{
	struct str content;

	switch (*s->p) {
	case '"':
		if (!scan_string(s, &content))
			return false;
		if (member)
			*member = content;
		return true;
	case 't':
		return scan_word(s, STR("true"));
	case 'f':
		return scan_word(s, STR("false"));
	case 'n':
		return scan_word(s, STR("null"));
	default:
		return scan_number(s);
	}
}

/* After a value: closes what ends here, takes the comma. False at the end of the outermost object or on an error. */
static bool next_element(struct scan *s)
{
	for (;;) {
		skip_space(s);
		if (take(s, ','))
			return true;
		if (!take(s, in_object(s) ? '}' : ']'))
			return fail(s, -EINVAL);
		if (--s->depth == 0)
			return false;
	}
}

/* Walks one object with everything inside; s->p stands on its brace. */
static bool scan_object(struct scan *s, struct frame_info *f)
{
	bool more = true;

	while (more) {
		struct str *member = NULL;

		skip_space(s);
		if (s->depth && in_object(s) && !scan_key(s, f, &member))
			return false;
		skip_space(s);
		if (s->p == s->end)
			return fail(s, -EINVAL);
		if (*s->p == '{' || *s->p == '[') {
			char close = *s->p == '{' ? '}' : ']';

			if (!open_bracket(s, close == '}'))
				return false;
			skip_space(s);
			if (!take(s, close))
				continue;
			if (--s->depth == 0)
				return true;
		} else if (!scan_scalar(s, member)) {
			return false;
		}
		more = next_element(s);
	}
	return s->error == 0;
}

/* {"id":"…","prev":"…", to the letter: what the publish script writes. */
static bool scan_ids(struct str text, struct frame_info *f)
{
	struct str rest = text, id, prev;

	if (!str_starts(rest, STR("{\"id\":\"")))
		return false;
	rest = str_skip(rest, 7);
	id = str_cut(&rest, '"');
	if (!str_starts(rest, STR(",\"prev\":\"")))
		return false;
	rest = str_skip(rest, 9);
	prev = str_cut(&rest, '"');
	return str_starts(rest, STR(",")) && stream_id_parse(id, &f->id) == 0 && stream_id_parse(prev, &f->prev) == 0;
}

int frame_scan(struct str text, struct frame_info *out)
{
	struct scan s = { .p = text.p, .end = text.p + text.n };

	*out = (struct frame_info){ .ours = false };
	if (text.n == 0)
		return -EINVAL;
	skip_space(&s);
	if (s.p == s.end || *s.p != '{' || !scan_object(&s, out))
		return s.error ? s.error : -EINVAL;
	skip_space(&s);
	if (s.p != s.end)
		return -EINVAL;
	out->ours = scan_ids(text, out);
	return 0;
}
