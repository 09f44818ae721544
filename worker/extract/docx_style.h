/* Paragraph and run properties of WordprocessingML, and the style sheet that most of them come from. */
#ifndef EXTRACT_DOCX_STYLE_H
#define EXTRACT_DOCX_STYLE_H

#include "xml.h"

#define DOCX_NAME_BYTES 64

/* -1 (font_size: 0): not said here, the style below decides. */
struct docx_properties {
	int heading;            /* 0 none, 1..6 */
	int list;               /* 0 or 1: a list item */
	int bold, italic, hidden;
	int white;              /* white letters; hidden unless something is painted behind them */
	int shaded;
	float font_size;
};

extern const struct docx_properties docx_nothing_said;

struct docx_styles;

/* Reads word/styles.xml; a package without one has no style. NULL without memory. */
struct docx_styles *docx_styles_load(struct package *p, const char *part);
void docx_styles_free(struct docx_styles *s);

/* What a style says, with all that it is based on. Unknown ids: nothing, but a heading by the id's own words. */
struct docx_properties docx_style_find(const struct docx_styles *s, const char *id);
/* The level in "heading 1", "Heading1", "berschrift2" (Word drops the umlaut from ids); -1: no such name. RTF uses the
 * same names. */
int docx_heading_of_name(const char *name);
/* What over says wins. */
struct docx_properties docx_properties_merge(struct docx_properties base, struct docx_properties over);

/* Reads the content of a w:pPr or w:rPr that has just started, to its end. styles may be NULL. */
struct docx_properties docx_properties_read(struct xml *x, const struct docx_styles *styles);

#endif
