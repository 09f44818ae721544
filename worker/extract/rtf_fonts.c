/* See rtf_fonts.h. */
#include "rtf_fonts.h"

#include <stdio.h>

#include "charset.h"

/* Windows' charsets of fonts and the code pages that they mean; 0 and 1 are the document's own. */
static const struct { int charset, code_page; } charsets[] = {
	{ 2, RTF_CODE_PAGE_SYMBOL }, { 77, 10000 }, { 78, 932 }, { 80, 936 }, { 81, 950 }, { 83, 1253 }, { 84, 1254 },
	{ 85, 1255 }, { 86, 1256 }, { 87, 874 }, { 88, 1250 }, { 89, 1251 }, { 128, 932 }, { 129, 949 }, { 130, 949 },
	{ 134, 936 }, { 136, 950 }, { 161, 1253 }, { 162, 1254 }, { 163, 1258 }, { 177, 1255 }, { 178, 1256 }, { 186, 1257 },
	{ 204, 1251 }, { 222, 874 }, { 238, 1250 }, { 254, 437 }, { 255, 850 },
};

/* Code pages whose names are not "windows-" or "cp" and the number. */
static const struct { int code_page; const char *label; } labels[] = {
	{ 708, "iso-8859-6" }, { 874, "windows-874" }, { 950, "big5" }, { 10000, "macintosh" }, { 10007, "x-mac-cyrillic" },
	{ 20866, "koi8-r" }, { 21866, "koi8-u" }, { 54936, "gb18030" }, { 65001, "utf-8" },
};

void rtf_fonts_init(struct rtf_fonts *fonts)
{
	*fonts = (struct rtf_fonts){ .code_page = 1252 };
}

void rtf_font_code_page(struct rtf_fonts *fonts, int font, int code_page)
{
	if (font >= 0 && font < RTF_FONTS_MAX)
		fonts->of_font[font] = code_page;
}

void rtf_font_charset(struct rtf_fonts *fonts, int font, int charset)
{
	for (size_t i = 0; i < sizeof(charsets) / sizeof(charsets[0]); i++)
		if (charsets[i].charset == charset)
			rtf_font_code_page(fonts, font, charsets[i].code_page);
}

int rtf_font_find(const struct rtf_fonts *fonts, int font)
{
	int own = font >= 0 && font < RTF_FONTS_MAX ? fonts->of_font[font] : 0;

	return own ? own : fonts->code_page;
}

static void name_code_page(int code_page, char label[24])
{
	snprintf(label, 24, code_page >= 1250 && code_page <= 1258 ? "windows-%d" : "cp%d", code_page);
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		if (labels[i].code_page == code_page)
			snprintf(label, 24, "%s", labels[i].label);
}

struct str rtf_symbol(unsigned c)
{
	static const char marks[] = "\xB7\xA7\xA8\xD8\xFC\x6E\x76\x71\xE0\xF0"; /* what word processors number lists with */

	return c && c < 256 && strchr(marks, (int)c) ? STR("\u2022") : STR(" ");
}

void rtf_decode(struct str bytes, int code_page, struct buf *out)
{
	char label[24];

	if (code_page == RTF_CODE_PAGE_SYMBOL) {
		for (size_t i = 0; i < bytes.n; i++)
			buf_adds(out, rtf_symbol((unsigned char)bytes.p[i]));
		return;
	}
	name_code_page(code_page, label);
	charset_from(bytes, str_c(label), out);
}
