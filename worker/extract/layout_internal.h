/* What layout.c (order of the pieces) and layout_pieces.c (words to pieces, pieces to text) share. */
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
	const struct piece *before; /* the piece that was added last, NULL at the start of a part */
};

/* Where a line stands among others. */
struct line_place {
	int column, row, cell;
};

/* Gathers words into pieces, sorted from top to bottom. 0 or -ENOMEM. */
int pieces_make(struct layout_page *p, struct layout_word *words, size_t n);
/* Adds n pieces that stand side by side on one line as one line of the document. */
void pieces_add_line(struct layout_page *p, const struct piece *const *pieces, int n, struct line_place at);

/* Whether a date that ends the one piece goes on in the next: "09/2013 -", or a month before its year. */
bool piece_goes_on(const struct layout_page *p, const struct piece *piece, const struct piece *next);
bool piece_has_digit(const struct layout_page *p, const struct piece *piece);
bool piece_same_line(const struct piece *a, const struct piece *b);

#endif
