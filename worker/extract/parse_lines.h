/*
 * The document as the parser wants it: wrapped lines joined to paragraphs and list items again, each line with the
 * section it stands in. Built once; every later step reads these lines and changes nothing.
 */
#ifndef EXTRACT_PARSE_LINES_H
#define EXTRACT_PARSE_LINES_H

#include "document.h"
#include "parse_model.h"

struct line {
	struct str text;
	const struct doc_line *doc;     /* of the first piece: style and place */
	size_t first_doc, last_doc;     /* indexes of the document's lines that it is made of */
	int row, cell;          /* as in the document, or found here: a time that stands beside its title */
	enum section_kind section;
	bool is_heading;        /* names its section; `text` is the heading */
	bool starts_block;      /* white space, a heading or another cell stands before it */
	bool bullet;
};

struct line_list {
	struct line *v;
	size_t n, cap;
};

/* Joins and copies the lines; sections are set by sections_find(). */
void lines_build(struct arena *a, const struct document *doc, struct line_list *out);
/* Marks the list items whose marks are drawings: lines set in. Needs sections. */
void lines_find_items(struct line_list *lines);

/* Sets section and is_heading of every line. name_line: where the person's name stands (a new header begins there,
 * even inside a side bar's section), or SIZE_MAX. Returns the language of most headings, or -1. */
int sections_find(struct line_list *lines, size_t name_line);
/* What a line would be as a heading, looking at its words only: a section, or SECTION_HEADER when it names none. */
enum section_kind heading_of_text(struct str text, int *language);

static inline bool same_row(const struct line *a, const struct line *b)
{
	return a->row > 0 && a->row == b->row;
}

#endif
