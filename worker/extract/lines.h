/*
 * Builds the lines of formats that flow (DOCX, ODT, RTF, HTML, text): runs of text are gathered into paragraphs, paragraphs
 * become lines with their block, table cell, list mark and links. Knows no format.
 */
#ifndef EXTRACT_LINES_H
#define EXTRACT_LINES_H

#include "document.h"

/* How a run of characters looks. */
struct run_style {
	bool bold, italic, hidden;
	float font_size;        /* points; 0 unknown */
};

#define LINES_TABLES_MAX 8   /* tables in tables; deeper ones are read as plain text */
#define LINES_CELLS_MAX 64   /* cells of a row whose sizes are watched */
#define PARAGRAPH_LINKS_MAX 64

/* A table that is being read. */
struct table_state {
	int row, cell;                      /* cell: -1 before the first of the row */
	size_t first_line;                  /* of the row */
	size_t cell_lines[LINES_CELLS_MAX]; /* lines of each cell of the row so far */
	size_t cell_first;                  /* index of the open cell's first line */
};

struct lines {
	struct document *doc;
	struct buf text;        /* of the line so far, with a mark where a tab stands */
	size_t chars, bold_chars, italic_chars; /* of the line; white space does not count */
	float font_size;        /* the largest in the paragraph */
	int block, last_row;
	bool new_block;         /* the next line starts a block */
	/* Set by the reader for the paragraph that is being gathered. */
	uint8_t heading;
	bool bullet;
	struct table_state tables[LINES_TABLES_MAX];
	int tables_open;        /* may exceed LINES_TABLES_MAX */
	struct { size_t start, end; char *url; } links[PARAGRAPH_LINKS_MAX];
	int n_links, link_open; /* link_open: index, -1 none */
};

void lines_init(struct lines *l, struct document *doc);
void lines_free(struct lines *l);
/* Lines of a text box: inner takes over in the middle of a paragraph of outer, which goes on after lines_inner_end(). */
void lines_inner_start(struct lines *inner, const struct lines *outer);
void lines_inner_end(struct lines *inner, struct lines *outer);

void lines_text(struct lines *l, struct str text, const struct run_style *style);
void lines_tab(struct lines *l);
/* Makes a tab of the white space at that byte of the open line. */
void lines_tab_at(struct lines *l, size_t at);
/* Ends the line but not the block. */
void lines_break(struct lines *l);
/* Ends the paragraph and forgets heading and bullet. A paragraph without text ends the block. */
void lines_paragraph(struct lines *l);
/* What follows belongs to another block. Ends the paragraph. */
void lines_block(struct lines *l);

void lines_link_start(struct lines *l, struct str url);
void lines_link_end(struct lines *l);

void lines_table_start(struct lines *l);
void lines_table_end(struct lines *l);
void lines_row_start(struct lines *l);
void lines_row_end(struct lines *l);
void lines_cell_start(struct lines *l);
void lines_cell_end(struct lines *l);

/* Bytes of a list mark ("• ", "- ", …) and the space after it at the start of the text; 0: none. */
size_t list_mark(struct str text);

#endif
