/* Which encoding the bytes of an RTF document are in: the document's code page, and what its fonts say. Used by rtf.c. */
#ifndef EXTRACT_RTF_FONTS_H
#define EXTRACT_RTF_FONTS_H

#include "str.h"

#define RTF_FONTS_MAX 4096      /* fonts with higher numbers have the document's code page */

struct rtf_fonts {
	int code_page;                          /* of the document */
	int of_font[RTF_FONTS_MAX];             /* 0: the document's */
};

enum { RTF_CODE_PAGE_SYMBOL = 42 };             /* shapes, no letters: Symbol, Wingdings */

void rtf_fonts_init(struct rtf_fonts *fonts);
/* Numbers come from the file: any value. charset: of \fcharset. */
void rtf_font_charset(struct rtf_fonts *fonts, int font, int charset);
void rtf_font_code_page(struct rtf_fonts *fonts, int font, int code_page);
int rtf_font_find(const struct rtf_fonts *fonts, int font);

/* Appends bytes of that code page as UTF-8. */
void rtf_decode(struct str bytes, int code_page, struct buf *out);
/* What a character of a symbol font (0x20..0xFF) stands for: a list mark, or a space. */
struct str rtf_symbol(unsigned c);

#endif
