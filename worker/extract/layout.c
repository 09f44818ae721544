/* See layout.h. */
#include "layout.h"

#include <errno.h>
#include <stdlib.h>

#include "layout_internal.h"

#define CUTS_DEPTH_MAX 12
/* Measured on the samples. */
#define LABEL_PIECES_MIN 6      /* beside a label */
#define CELL_GAP 1.6f           /* letter sizes: the gap between parts of one line that are set apart */
#define BLOCK_GAP 0.6f          /* line heights: the white above the next block */
#define SIZE_CHANGE 1.15f       /* another letter size is another block */

static float larger(float a, float b) { return a > b ? a : b; }

static bool size_changes(const struct piece *a, const struct piece *b)
{
	return a->size > SIZE_CHANGE * b->size || b->size > SIZE_CHANGE * a->size;
}

/* A new block where the white, the size or the place says so. */
static void open_block(struct layout_page *p, const struct piece *next)
{
	const struct piece *before = p->before;

	if (!before || next->base < before->base ||
	    next->y1 - before->y2 > BLOCK_GAP * (before->y2 - before->y1) ||
	    size_changes(before, next))
		p->layout->block++;
	p->before = next;
}

static void add(struct layout_page *p, const struct piece *const *pieces, int n, struct line_place at)
{
	open_block(p, pieces[0]);
	pieces_add_line(p, pieces, n, at);
}

/* Takes the pieces on the line of the first one out of the part, sorted by x. Pieces are sorted by their line. */
static int take_line(const struct layout_part *part, int from, const struct piece **line)
{
	int n = 0;

	while (from + n < part->n && n < LAYOUT_LINE_PIECES && piece_same_line(part->pieces[from], part->pieces[from + n])) {
		line[n] = part->pieces[from + n];
		n++;
	}
	qsort(line, (size_t)n, sizeof(*line), piece_by_x);
	return n;
}

/* How many of the pieces belong together before a gap that sets the next one apart. */
static int until_gap(const struct layout_page *p, const struct piece *const *line, int n)
{
	int together = 1;

	while (together < n) {
		const struct piece *before = line[together - 1], *next = line[together];
		float most = size_changes(before, next) ? LAYOUT_GAP : CELL_GAP;

		if (next->x1 - before->x2 > most * larger(before->size, next->size) || layout_parts_tags(p, before, next))
			break;
		together++;
	}
	return together;
}

/* Reads a part line by line. in: the cell it fills, or row 0; then parts of one line get a row of their own, but for a
 * larger heading at its start. */
static void add_lines(struct layout_page *p, const struct layout_part *part, struct line_place in)
{
	const struct piece *line[LAYOUT_LINE_PIECES];
	int n, at_piece, together;

	for (int i = 0; i < part->n; i += n) {
		struct line_place at = in;

		n = take_line(part, i, line);
		at_piece = until_gap(p, line, n);
		if (in.row == 0 && at_piece < n && line[0]->size > SIZE_CHANGE * line[at_piece]->size)
			add(p, line, at_piece, at);
		else
			at_piece = 0;
		if (in.row == 0 && until_gap(p, line + at_piece, n - at_piece) < n - at_piece)
			at.row = ++p->layout->last_row;
		for (; at_piece < n; at_piece += together, at.cell += in.row == 0) {
			together = until_gap(p, line + at_piece, n - at_piece);
			add(p, line + at_piece, together, at);
		}
	}
}

enum { LEFT = 1, RIGHT = 2 };

/* The pieces from i on that share its line; returns where the next line begins. */
static int line_end(const struct layout_part *part, int i, int last)
{
	int end = i + 1;

	while (end <= last && piece_same_line(part->pieces[i], part->pieces[end]))
		end++;
	return end;
}

static int sides_of(const struct layout_part *part, int first, int end, float x)
{
	int sides = 0;

	for (int i = first; i < end; i++)
		sides |= piece_is_left(part->pieces[i], x) ? LEFT : RIGHT;
	return sides;
}

static bool has_digit(const struct layout_page *p, const struct layout_part *part)
{
	for (int i = 0; i < part->n; i++)
		if (piece_has_digit(p, part->pieces[i]))
			return true;
	return false;
}

/* Whether the row is no row: a label beside a whole section, as in a page layout. */
static bool is_label(const struct layout_page *p, const struct layout_part *left, const struct layout_part *right)
{
	return left->n <= 2 && right->n >= LABEL_PIECES_MIN && !has_digit(p, left);
}

/* Adds the parts of a single line, each a cell. */
static void add_line_cells(struct layout_page *p, const struct layout_part *part, float x)
{
	struct line_place at = { .column = part->column, .row = ++p->layout->last_row };
	int together;

	qsort(part->pieces, (size_t)part->n, sizeof(*part->pieces), piece_by_x);
	for (int k = 0; k < part->n; k += together, at.cell++) {
		int left = k;

		while (left < part->n && piece_is_left(part->pieces[left], x))
			left++;
		together = until_gap(p, part->pieces + k, left > k ? left - k : part->n - k);
		add(p, part->pieces + k, together, at);
	}
}

static void add_part(struct layout_page *p, const struct piece **pieces, int n, int column, int depth);

/* Adds one table row: what is left of x, then what is right of it. */
static void add_row(struct layout_page *p, const struct layout_part *row, float x, int depth)
{
	const struct piece **sorted = calloc((size_t)row->n, sizeof(*sorted));
	struct layout_part left = { .pieces = sorted, .column = row->column }, right = left;

	p->before = NULL;
	if (!sorted)
		return;
	for (int i = 0; i < row->n; i++)
		if (piece_is_left(row->pieces[i], x))
			sorted[left.n++] = row->pieces[i];
	right.pieces = sorted + left.n;
	for (int i = 0; i < row->n; i++)
		if (!piece_is_left(row->pieces[i], x))
			right.pieces[right.n++] = row->pieces[i];
	if (line_end(row, 0, row->n - 1) == row->n) {
		add_line_cells(p, row, x);
	} else if (is_label(p, &left, &right)) {
		add_lines(p, &left, (struct line_place){ .column = row->column });
		add_part(p, right.pieces, right.n, row->column, depth + 1);
	} else {
		struct line_place at = { .column = row->column, .row = ++p->layout->last_row };

		add_lines(p, &left, at);
		p->before = NULL;
		at.cell = 1;
		add_lines(p, &right, at);
	}
	p->before = NULL;
	free(sorted);
}

/* The last left piece before end, from first on; -1: none. */
static int last_left(const struct layout_part *part, int first, int end, float x)
{
	for (int i = end - 1; i >= first; i--)
		if (piece_is_left(part->pieces[i], x))
			return i;
	return -1;
}

/* Whether the left side of the line from at goes on with what is at the left above it: a date in several lines. */
static bool left_goes_on(const struct layout_page *p, const struct layout_part *part, int first, int at, int end, float x)
{
	int before = last_left(part, first, at, x), next = last_left(part, at, end, x);

	return before >= 0 && next >= 0 && piece_goes_on(p, part->pieces[before], part->pieces[next]);
}

/* Where the row that starts at first ends, when the left side is the sparse one: it has the lines at the right until
 * the next one with both sides, or with a heading. */
static int row_end(const struct layout_page *p, const struct layout_part *part, int first, int last, float x)
{
	int end = line_end(part, first, last);
	float bottom = part->pieces[first]->y2, size = part->pieces[first]->size;

	while (end <= last) {
		int next = line_end(part, end, last), sides = sides_of(part, end, next, x);
		const struct piece *piece = part->pieces[end];

		if (sides & LEFT && !left_goes_on(p, part, first, end, next, x) && (sides & RIGHT || piece->y1 > bottom))
			break;
		if (sides == RIGHT && piece->size > SIZE_CHANGE * size && piece->y1 > bottom)
			break;
		bottom = larger(bottom, piece->y2);
		end = next;
	}
	return end;
}

/* Whether rows are taller than their left side, as those that begin with dates. */
static bool has_tall_rows(const struct layout_page *p, const struct layout_part *part, const struct layout_cut *cut)
{
	int end, starts = 0, lines = 0;

	for (int i = cut->first; i <= cut->last; i = end, lines++) {
		end = line_end(part, i, cut->last);
		starts += (sides_of(part, i, end, cut->x) & LEFT) && !left_goes_on(p, part, cut->first, i, end, cut->x);
	}
	return 2 * starts <= lines + 1;
}

static void add_table(struct layout_page *p, const struct layout_part *part, const struct layout_cut *cut, int depth)
{
	bool tall = has_tall_rows(p, part, cut);
	int end;

	for (int i = cut->first; i <= cut->last; i = end) {
		struct layout_part some = { .pieces = part->pieces + i, .column = part->column };
		bool row;

		end = line_end(part, i, cut->last);
		row = sides_of(part, i, end, cut->x) == (LEFT | RIGHT);
		if (row && tall)
			end = row_end(p, part, i, cut->last, cut->x);
		some.n = end - i;
		if (row)
			add_row(p, &some, cut->x, depth);
		else
			add_lines(p, &some, (struct line_place){ .column = part->column });
	}
}

/* The side with more on it is the main column. */
static void add_columns(struct layout_page *p, const struct layout_part *part, const struct layout_cut *cut, int depth)
{
	int n = cut->last - cut->first + 1, n_left = 0, n_right = 0, side = p->columns + 1;
	const struct piece **sorted = calloc((size_t)n, sizeof(*sorted));
	float width[2] = { 0, 0 };
	bool left_is_main;

	if (!sorted)
		return;
	for (int i = cut->first; i <= cut->last; i++) {
		bool left = piece_is_left(part->pieces[i], cut->x);

		n_left += left;
		width[!left] += part->pieces[i]->x2 - part->pieces[i]->x1;
	}
	for (int i = cut->first, at = 0; i <= cut->last; i++) {
		if (piece_is_left(part->pieces[i], cut->x))
			sorted[at++] = part->pieces[i];
		else
			sorted[n_left + n_right++] = part->pieces[i];
	}
	left_is_main = width[0] >= width[1];
	p->columns++;
	add_part(p, sorted, n_left, left_is_main ? part->column : side, depth + 1);
	add_part(p, sorted + n_left, n_right, left_is_main ? side : part->column, depth + 1);
	free(sorted);
}

static void add_part(struct layout_page *p, const struct piece **pieces, int n, int column, int depth)
{
	struct layout_part part = { .pieces = pieces, .n = n, .column = column };
	struct layout_cut cut = { .score = 0 };

	for (int i = 0; i < n; i++)
		part.tallest = larger(part.tallest, pieces[i]->y2 - pieces[i]->y1);
	if (depth < CUTS_DEPTH_MAX)
		cut = layout_find_cut(&part);
	p->before = NULL;
	if (cut.score <= 0) {
		add_lines(p, &part, (struct line_place){ .column = column });
		return;
	}
	add_part(p, pieces, cut.first, column, depth + 1);
	if (cut.table_share >= LAYOUT_TABLE_SHARE)
		add_table(p, &part, &cut, depth);
	else
		add_columns(p, &part, &cut, depth);
	add_part(p, pieces + cut.last + 1, n - cut.last - 1, column, depth + 1);
}

int layout_page(struct layout *l, struct layout_word *words, size_t n, int page, float page_width)
{
	struct layout_page p = { .layout = l, .number = page, .width = page_width };
	const struct piece **all = calloc(n + 1, sizeof(*all));
	int rc = all ? pieces_make(&p, words, n) : -ENOMEM;

	if (rc == 0)
		rc = layout_find_tags(&p);
	for (int i = 0; rc == 0 && i < p.n_pieces; i++)
		all[i] = &p.pieces[i];
	if (rc == 0)
		add_part(&p, all, p.n_pieces, 0, 0);
	free(all);
	free(p.pieces);
	free(p.next_word);
	return rc;
}
