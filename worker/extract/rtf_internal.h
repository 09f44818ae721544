/* What the files of the RTF reader share: rtf.c (groups and text) and rtf_words.c (what each control word does). */
#ifndef EXTRACT_RTF_INTERNAL_H
#define EXTRACT_RTF_INTERNAL_H

#include "rtf_flow.h"
#include "rtf_fonts.h"
#include "rtf_tokens.h"

#define RTF_DEPTH_MAX 200       /* groups in groups; what is deeper is left out */
#define RTF_STYLES_MAX 4096
#define RTF_COLORS_MAX 256
#define RTF_MARGINS_MAX 8       /* page headers, and page footers, that are read */
#define RTF_NAME_BYTES 4096     /* of a style's name or a field's code */

/* Where the text of a group goes. PASSED: nowhere, but groups in it may hold text of the document. */
enum rtf_destination { RTF_TO_TEXT, RTF_TO_FONTS, RTF_TO_COLORS, RTF_TO_STYLES, RTF_TO_FIELD_CODE, RTF_PASSED, RTF_SKIPPED };

/* What the end of a group ends. */
enum rtf_closes { RTF_CLOSES_NOTHING, RTF_CLOSES_BOX, RTF_CLOSES_MARGIN, RTF_CLOSES_LINK, RTF_CLOSES_FIELD_CODE, RTF_CLOSES_STYLE };

/* A group inherits all but closes, and gives nothing back. */
struct rtf_group {
	enum rtf_destination destination, outer;        /* outer: before it became RTF_PASSED */
	enum rtf_closes closes;
	size_t first_line, first_link;                  /* RTF_CLOSES_MARGIN: what the document had before */
	bool bold, italic, hidden, deleted, shaded, paragraph_shaded;
	int color, font;
	float font_size;
	int fallback;           /* characters that stand for a \u where it is not known: \uc */
	int table_level;
	uint8_t heading;
};

struct rtf {
	struct document *doc;
	struct str rest;
	struct rtf_group groups[RTF_DEPTH_MAX];
	int depth;                      /* open groups; may exceed RTF_DEPTH_MAX */
	bool starred;                   /* \*: skip the group if the next word is unknown */
	struct rtf_flow flow;
	struct rtf_fonts fonts;
	int default_font;
	int skip;                       /* characters of a fallback that are still to come */
	unsigned high_surrogate;        /* of a pair; 0: none */
	struct buf bytes;               /* text that is still to be decoded */
	int code_page;                  /* of bytes */
	struct buf decoded;
	bool style_changed;             /* a bold or an italic group ended just now */
	struct buf name;                /* of the style or field code that is being read */
	int style;                      /* number of the style that is being read; -1: no paragraph's */
	uint8_t style_heading;
	uint8_t heading_of_style[RTF_STYLES_MAX];
	bool white[RTF_COLORS_MAX];
	int colors, color_parts;        /* entries read; parts of the open one that are 255 */
	char url[RTF_NAME_BYTES];       /* of the field whose result is still to come */
	struct { struct str at; struct rtf_group group; } footers[RTF_MARGINS_MAX];
	int n_footers, n_headers;
};

struct rtf_group *rtf_group(struct rtf *r);
/* Text of the document or of whatever the group is for; UTF-8. */
void rtf_emit(struct rtf *r, struct str text);
void rtf_unicode(struct rtf *r, int number);
void rtf_end_line(struct rtf *r, bool paragraph);
/* Does what the word asks for. Words that are not known do nothing, and skip a starred group. */
void rtf_word(struct rtf *r, const struct rtf_token *token);

#endif
