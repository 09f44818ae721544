/*
 * What a format reader hands to the parser: the text of one document as lines in reading order, with the little
 * geometry and style that tells a heading from a sentence. Filled by the readers (pdf.c, docx.c, …), read by parse.
 */
#ifndef EXTRACT_DOCUMENT_H
#define EXTRACT_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "str.h"

/* One visual line (PDF) or one paragraph or table cell paragraph (DOCX, HTML). UTF-8, trimmed, never empty. */
struct doc_line {
	const char *text;       /* owned by the document's arena, NUL-terminated */
	int page;               /* from 1 */
	int block;              /* grows at each paragraph group, text box, table cell or column change; lines of one block belong together */
	int column;             /* 0: main or only column; >0: side bar or further column, in reading order */
	int row;                /* >0: lines with the same row stand side by side: cells of a table row, or parts of one line
	                         * set apart by tabs or a wide gap; 0: none */
	int cell;               /* number of the cell in its row, from 0 */
	float x, y, width, height; /* points from the page's top left corner; 0 where the format has no geometry */
	float font_size;        /* points; 0 unknown */
	uint8_t heading;        /* 1..6: marked as a heading (DOCX style, h1..h6, ODT); 0: not marked */
	bool bold, italic, bullet; /* bullet: a list item; the mark itself is removed */
};

/* A link of an annotation, a hyperlink relation or an href. */
struct doc_link {
	const char *url;        /* as written, e.g. "mailto:jane@example.org" */
	const char *text;       /* the words it covers, or "" */
	int line;               /* index of the line that holds it, -1 unknown */
};

/* Things the result must warn of; bits of document.warnings. The names stand in warnings.def. */
enum doc_warning { DOC_HIDDEN_TEXT = 1, DOC_TRUNCATED = 2, DOC_NO_UNICODE_MAP = 4, DOC_DAMAGED = 8, DOC_NOT_A_CV = 16 };

struct document {
	struct doc_line *lines;
	size_t n_lines, cap_lines;
	struct doc_link *links;
	size_t n_links, cap_links;
	int pages;              /* 0 where the format has no pages */
	const char *format;     /* "pdf", "docx", "odt", "rtf", "doc", "txt", "html", "png", "jpeg", "tiff" */
	unsigned warnings;
	bool needs_converter;   /* not read: it is a DOC, which another program must read first */
	bool has_scans;         /* pictures of text are in it that were not read */
	size_t text_chars;      /* charged against the text limit */
	struct doc_chunk *arena;
};

void document_init(struct document *doc);
void document_free(struct document *doc);

/* Copies text (n bytes, valid UTF-8) cleaned: control and bidi characters out, white space collapsed, NFC. Returns the
 * new line, zeroed but for its text, or NULL: nothing left after cleaning, or the text limit is reached (then
 * DOC_TRUNCATED is set). The pointer is good until the next call. */
struct doc_line *document_add_line(struct document *doc, const char *text, size_t n);
/* Both are copied and cleaned likewise. 0, -EINVAL (empty), -E2BIG (too long, too many), -ENOMEM: a link is left out. */
int document_add_link(struct document *doc, const char *url, const char *text, int line);

#endif
