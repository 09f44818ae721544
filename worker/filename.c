/* See filename.h. */
#include "filename.h"

#include <stdlib.h>
#include <utf8proc.h>

#define RAW_MAX_BYTES 4096
#define ENDING_MAX_BYTES 16

static struct str base_name(struct str name)
{
	for (size_t i = name.n; i > 0; i--)
		if (name.p[i - 1] == '/' || name.p[i - 1] == '\\')
			return str_skip(name, i);
	return name;
}

/* Characters that change how the text around them is shown (Unicode TR9, TR36), or that show as nothing. */
static bool is_disguise(utf8proc_int32_t c)
{
	return c == 0x061C || c == 0x200B || c == 0x200E || c == 0x200F || (c >= 0x2028 && c <= 0x202E) ||
	       (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE007F);
}

static void add_codepoint(struct buf *out, utf8proc_int32_t c)
{
	utf8proc_uint8_t bytes[4];

	if (c < 0x20 || (c >= 0x7F && c < 0xA0) || is_disguise(c))
		return;
	buf_add(out, bytes, (size_t)utf8proc_encode_char(c, bytes));
}

static void add_visible(struct buf *out, struct str name)
{
	bool utf8 = utf8_valid(name.p, name.n);

	while (name.n) {
		utf8proc_int32_t c = (unsigned char)name.p[0];
		size_t n = 1;

		if (utf8)
			n = (size_t)utf8proc_iterate((const utf8proc_uint8_t *)name.p, (utf8proc_ssize_t)name.n, &c);
		add_codepoint(out, c);
		name = str_skip(name, n);
	}
	buf_add(out, "", 1);
}

/* Cuts at a character's border. */
static size_t cut_at(const char *text, size_t n, size_t max)
{
	if (n <= max)
		return n;
	while (max && ((unsigned char)text[max] & 0xC0) == 0x80)
		max--;
	return max;
}

static void fit(struct str name, char out[FILENAME_SIZE])
{
	const char *dot = name.n ? memrchr(name.p, '.', name.n) : NULL;
	struct str ending = { "", 0 };
	size_t n;

	if (dot && dot > name.p && (size_t)(name.p + name.n - dot) <= ENDING_MAX_BYTES)
		ending = str_of(dot, (size_t)(name.p + name.n - dot));
	n = cut_at(name.p, name.n - ending.n, FILENAME_SIZE - 1 - ending.n);
	memcpy(out, name.p, n);
	memcpy(out + n, ending.p, ending.n);
	out[n + ending.n] = '\0';
}

static bool only_dots(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] != '.')
			return false;
	return true;
}

void filename_clean(struct str raw, char out[FILENAME_SIZE])
{
	struct str name = base_name(raw);
	utf8proc_uint8_t *composed = NULL;
	struct buf visible;

	if (name.n > RAW_MAX_BYTES)
		name = str_skip(name, name.n - RAW_MAX_BYTES);
	buf_init(&visible, 2 * RAW_MAX_BYTES + 1);
	add_visible(&visible, name);
	if (!visible.failed)
		composed = utf8proc_NFC((const utf8proc_uint8_t *)visible.p);
	name = str_trim(str_c((const char *)composed));
	fit(only_dots(name) ? STR("cv") : name, out);
	free(composed);
	buf_free(&visible);
}

static bool is_token(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c && strchr("-._~", c));
}

void filename_disposition(const char *filename, struct buf *out)
{
	bool plain = true;

	buf_addz(out, "attachment; filename=\"");
	for (const char *p = filename; *p; p++) {
		bool ascii = *p >= 0x20 && *p < 0x7F && *p != '"' && *p != '\\' && *p != '%';

		plain = plain && ascii;
		if (((unsigned char)*p & 0xC0) != 0x80)
			buf_add(out, ascii ? p : "_", 1);
	}
	buf_addz(out, "\"");
	if (plain)
		return;
	buf_addz(out, "; filename*=UTF-8''");
	for (const char *p = filename; *p; p++)
		if (is_token((unsigned char)*p))
			buf_add(out, p, 1);
		else
			buf_addf(out, "%%%02X", (unsigned)(unsigned char)*p);
}
