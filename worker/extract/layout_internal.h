/* What layout.c (order of the pieces), layout_cut.c (gaps between them) and layout_pieces.c (words to pieces, pieces to
 * text) share. */
#ifndef EXTRACT_LAYOUT_INTERNAL_H
#define EXTRACT_LAYOUT_INTERNAL_H

#include "layout.h"

/* Words on one line with no wide gap between them. Mirrored for pages that are read from right to left, so that a line
 * begins at the smaller x everywhere. */
struct piece {
	float x1, y1, x2, y2;
	float base;             /* where the letters stand, about */
	float size;             /* of most letters */
	int first, last;        /* words, linked by next_word[] */
	int n_words;
	bool mark_only;         /* nothing but a list mark yet */
};

struct layout_page {
	struct layout *layout;
	const struct layout_word *words;
	int *next_word;         /* -1 ends */
	struct piece *pieces;
	int n_pieces;
	int number;
	float width;
	bool right_to_left;
	int columns;            /* side columns so far */
	float tag_gap;          /* points between words in boxes; 0: there are none */
	const struct piece *before; /* the piece that was added last, NULL at the start of a part */
};

/* Where a line stands among others. */
struct line_place {
	int column, row, cell;
};

/* Some of the pieces of a page, from top to bottom. */
struct layout_part {
	const struct piece **pieces;
	int n, column;
	float tallest;
};

/* A white gap: at x, beside the pieces first to last. */
struct layout_cut {
	float x;
	int first, last;        /* last is included */
	float table_share;
	float score;            /* 0: no gap was found */
};

/* Columns or a table: of the pieces that stand beside others, so many share the line with one of them in a table. */
#define LAYOUT_TABLE_SHARE 0.8f
#define LAYOUT_GAP 0.9f         /* letter sizes: the width of a gap that is more than a space */

#define LAYOUT_LINE_PIECES 16   /* on one line; more are taken as another line */

static inline bool piece_is_left(const struct piece *piece, float x)
{
	return piece->x2 <= x;
}

struct layout_cut layout_find_cut(const struct layout_part *part);

/* Gathers words into pieces, sorted from top to bottom. 0 or -ENOMEM. */
int pieces_make(struct layout_page *p, struct layout_word *words, size_t n);
/* Adds n pieces that stand side by side on one line as one line of the document. */
void pieces_add_line(struct layout_page *p, const struct piece *const *pieces, int n, struct line_place at);

/* Whether a date that ends the one piece goes on in the next: "09/2013 -", or a month before its year. */
bool piece_goes_on(const struct layout_page *p, const struct piece *piece, const struct piece *next);
bool piece_has_digit(const struct layout_page *p, const struct piece *piece);
bool piece_has_letter(const struct layout_page *p, const struct piece *piece);
bool piece_same_line(const struct piece *a, const struct piece *b);
int piece_by_x(const void *a, const void *b);   /* for qsort() of pointers */
/* The pieces on the line of the first one, sorted by x; returns how many. */
int pieces_take_line(const struct piece *pieces, int n, const struct piece *line[LAYOUT_LINE_PIECES]);

/* Sets p->tag_gap. 0 or -ENOMEM. */
int layout_find_tags(struct layout_page *p);
/* Whether a and its right neighbour b are such words. */
bool layout_parts_tags(const struct layout_page *p, const struct piece *a, const struct piece *b);

#endif
