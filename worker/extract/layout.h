/*
 * From the words of a page, wherever they stand, to its lines in reading order. Pure geometry: knows no PDF library.
 *
 * Words that stand close together on one line form a piece. A white gap that runs down between pieces cuts a region in
 * two: when the pieces on both sides stand on the same lines it is a table (dates beside what was done), which is read
 * row by row; otherwise the sides are columns, read one after the other. What lies above and below the gap is read
 * before and after. Each part is cut again until there is no gap.
 */
#ifndef EXTRACT_LAYOUT_H
#define EXTRACT_LAYOUT_H

#include "document.h"

struct layout_word {
	struct str text;        /* UTF-8, in the order of reading */
	float x1, y1, x2, y2;   /* points from the page's top left corner, y grows downwards */
	float size;             /* points */
	bool bold, italic;
	bool bullet;            /* a list mark, whatever its letter is */
	bool right_to_left;
	bool light;             /* white or nearly: to be seen on a dark ground only */
};

struct layout {
	struct document *doc;
	int block, last_row;    /* the last ones given; they go on from page to page */
};

/* Adds the lines of a page. Sorts the words. 0, or -ENOMEM. */
int layout_page(struct layout *l, struct layout_word *words, size_t n, int page, float page_width);

#endif
