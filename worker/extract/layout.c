/* See layout.h. */
#include "layout.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "layout_internal.h"

#define CUTS_DEPTH_MAX 12
#define CANDIDATES_MAX 400
#define PIECES_OF_LINE_MAX 16
/* Measured on the samples. */
#define CUT_PIECES_MIN 2        /* on each side of a gap that cuts */
#define CUT_GAP 0.9f            /* letter sizes: the width of a gap that cuts, … */
#define CUT_GAP_LONG 0.5f       /* … and of one beside many pieces */
#define CUT_PIECES_LONG 5
#define LINE_PITCH 1.4f         /* letter sizes: from line to line of dense text */
#define TABLE_SHARE 0.8f        /* of the pieces beside others that stand on the same line: the gap is that of a table */
#define LABEL_PIECES_MIN 6      /* beside a label */
#define CELL_GAP 1.6f           /* letter sizes: the gap between parts of one line that are set apart */
#define BLOCK_GAP 0.6f          /* line heights: the white above the next block */
#define SIZE_CHANGE 1.15f       /* another letter size is another block */

/* Some of the pieces of a page, from top to bottom. */
struct part {
	const struct piece **pieces;
	int n, column;
	float tallest;
};

/* A white gap: at x, beside the pieces first to last. */
struct cut {
	float x;
	int first, last;        /* last is included */
	float table_share;
	float score;            /* 0: no gap was found */
};

static float smaller(float a, float b) { return a < b ? a : b; }
static float larger(float a, float b) { return a > b ? a : b; }

static bool is_left(const struct piece *piece, float x)
{
	return piece->x2 <= x;
}

static bool is_beside(const struct piece *a, const struct piece *b)
{
	return smaller(a->y2, b->y2) - larger(a->y1, b->y1) > 0.3f * smaller(a->y2 - a->y1, b->y2 - b->y1);
}

/* Of the pieces on one side that stand beside others: how many share the line with one of them. */
static float share_on_lines(const struct part *part, const struct cut *cut, bool left)
{
	int beside = 0, on_line = 0;

	for (int i = cut->first; i <= cut->last; i++) {
		const struct piece *piece = part->pieces[i];
		bool near = false, same = false;
		int j = i;

		if (is_left(piece, cut->x) != left)
			continue;
		while (j > cut->first && piece->base - part->pieces[j - 1]->base < part->tallest)
			j--;
		for (; j <= cut->last && part->pieces[j]->base - piece->base < part->tallest; j++) {
			if (is_left(part->pieces[j], cut->x) == left)
				continue;
			near |= is_beside(piece, part->pieces[j]);
			same |= piece_same_line(piece, part->pieces[j]);
		}
		beside += near;
		on_line += near && same;
	}
	return beside ? (float)on_line / (float)beside : 1;
}

/* What lies on each side of a run of pieces that x does not cross. */
struct sides {
	float top[2], bottom[2], left_end, right_start;
	float sizes;            /* the sum */
	int n[2];
};

static void sides_add(struct sides *s, const struct piece *piece, float x)
{
	int side = !is_left(piece, x);

	s->top[side] = s->n[side] ? smaller(s->top[side], piece->y1) : piece->y1;
	s->bottom[side] = s->n[side] ? larger(s->bottom[side], piece->y2) : piece->y2;
	if (side == 0)
		s->left_end = s->n[0] ? larger(s->left_end, piece->x2) : piece->x2;
	else
		s->right_start = s->n[1] ? smaller(s->right_start, piece->x1) : piece->x1;
	s->sizes += piece->size;
	s->n[side]++;
}

/* Columns before tables, long and wide gaps before short and narrow ones. The sides of columns are dense. */
static float score(float table_share, float gap, float height, float size, int fewer)
{
	float density = smaller((float)fewer * LINE_PITCH * size / height, 1);

	return (table_share < TABLE_SHARE ? (1.2f - table_share) * density : 0.2f) * height * smaller(gap / size, 3);
}

static void consider(const struct part *part, float x, int first, int last, const struct sides *s, struct cut *best)
{
	struct cut cut = { .x = x, .first = first, .last = last };
	float gap = s->right_start - s->left_end, size = s->sizes / (float)(last - first + 1), height;
	int fewer = s->n[0] < s->n[1] ? s->n[0] : s->n[1];

	if (fewer < CUT_PIECES_MIN || gap < (fewer < CUT_PIECES_LONG ? CUT_GAP : CUT_GAP_LONG) * size)
		return;
	height = smaller(s->bottom[0], s->bottom[1]) - larger(s->top[0], s->top[1]);
	if (height < size || score(0, gap, height, size, INT_MAX) <= best->score)
		return;
	cut.table_share = share_on_lines(part, &cut, s->n[0] <= s->n[1]);
	cut.score = score(cut.table_share, gap, height, size, fewer);
	if (cut.score > best->score)
		*best = cut;
}

/* Tries the gap at x beside every run of pieces that do not cross it. */
static void try_gap(const struct part *part, float x, struct cut *best)
{
	struct sides s = { .n = { 0, 0 } };
	int first = 0;

	for (int i = 0; i <= part->n; i++) {
		const struct piece *piece = i < part->n ? part->pieces[i] : NULL;

		if (piece && (is_left(piece, x) || piece->x1 >= x)) {
			sides_add(&s, piece, x);
			continue;
		}
		consider(part, x, first, i - 1, &s, best);
		s = (struct sides){ .n = { 0, 0 } };
		first = i + 1;
	}
}

static int by_value(const void *a, const void *b)
{
	float v = *(const float *)a, w = *(const float *)b;

	return v < w ? -1 : v > w;
}

/* Gaps begin where a piece ends. */
static struct cut find_cut(const struct part *part)
{
	struct cut best = { .score = 0 };
	float ends[CANDIDATES_MAX], tried = -1e9f;
	int n = 0, step = part->n / CANDIDATES_MAX + 1;

	for (int i = 0; i < part->n; i += step)
		ends[n++] = part->pieces[i]->x2;
	qsort(ends, (size_t)n, sizeof(ends[0]), by_value);
	for (int i = 0; i < n; i++) {
		if (ends[i] - tried < 0.5f)
			continue;
		tried = ends[i];
		try_gap(part, ends[i], &best);
	}
	return best;
}

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

static int by_x(const void *a, const void *b)
{
	const struct piece *v = *(const struct piece *const *)a, *w = *(const struct piece *const *)b;

	return v->x1 < w->x1 ? -1 : v->x1 > w->x1;
}

/* Takes the pieces on the line of the first one out of the part, sorted by x. Pieces are sorted by their line. */
static int take_line(const struct part *part, int from, const struct piece **line)
{
	int n = 0;

	while (from + n < part->n && n < PIECES_OF_LINE_MAX && piece_same_line(part->pieces[from], part->pieces[from + n])) {
		line[n] = part->pieces[from + n];
		n++;
	}
	qsort(line, (size_t)n, sizeof(*line), by_x);
	return n;
}

/* How many of the pieces belong together before a gap that sets the next one apart. */
static int until_gap(const struct piece *const *line, int n)
{
	int together = 1;

	while (together < n) {
		const struct piece *before = line[together - 1], *next = line[together];
		float most = size_changes(before, next) ? CUT_GAP : CELL_GAP;

		if (next->x1 - before->x2 > most * larger(before->size, next->size))
			break;
		together++;
	}
	return together;
}

/* Reads a part line by line. in: the cell it fills, or row 0; then parts of one line get a row of their own, but for a
 * larger heading at its start. */
static void add_lines(struct layout_page *p, const struct part *part, struct line_place in)
{
	const struct piece *line[PIECES_OF_LINE_MAX];
	int n, at_piece, together;

	for (int i = 0; i < part->n; i += n) {
		struct line_place at = in;

		n = take_line(part, i, line);
		at_piece = until_gap(line, n);
		if (in.row == 0 && at_piece < n && line[0]->size > SIZE_CHANGE * line[at_piece]->size)
			add(p, line, at_piece, at);
		else
			at_piece = 0;
		if (in.row == 0 && until_gap(line + at_piece, n - at_piece) < n - at_piece)
			at.row = ++p->layout->last_row;
		for (; at_piece < n; at_piece += together, at.cell += in.row == 0) {
			together = until_gap(line + at_piece, n - at_piece);
			add(p, line + at_piece, together, at);
		}
	}
}

enum { LEFT = 1, RIGHT = 2 };

/* The pieces from i on that share its line; returns where the next line begins. */
static int line_end(const struct part *part, int i, int last)
{
	int end = i + 1;

	while (end <= last && piece_same_line(part->pieces[i], part->pieces[end]))
		end++;
	return end;
}

static int sides_of(const struct part *part, int first, int end, float x)
{
	int sides = 0;

	for (int i = first; i < end; i++)
		sides |= is_left(part->pieces[i], x) ? LEFT : RIGHT;
	return sides;
}

static bool has_digit(const struct layout_page *p, const struct part *part)
{
	for (int i = 0; i < part->n; i++)
		if (piece_has_digit(p, part->pieces[i]))
			return true;
	return false;
}

/* Whether the row is no row: a label beside a whole section, as in a page layout. */
static bool is_label(const struct layout_page *p, const struct part *left, const struct part *right)
{
	return left->n <= 2 && right->n >= LABEL_PIECES_MIN && !has_digit(p, left);
}

/* Adds the parts of a single line, each a cell. */
static void add_line_cells(struct layout_page *p, const struct part *part, float x)
{
	struct line_place at = { .column = part->column, .row = ++p->layout->last_row };
	int together;

	qsort(part->pieces, (size_t)part->n, sizeof(*part->pieces), by_x);
	for (int k = 0; k < part->n; k += together, at.cell++) {
		int left = k;

		while (left < part->n && is_left(part->pieces[left], x))
			left++;
		together = until_gap(part->pieces + k, left > k ? left - k : part->n - k);
		add(p, part->pieces + k, together, at);
	}
}

static void add_part(struct layout_page *p, const struct piece **pieces, int n, int column, int depth);

/* Adds one table row: what is left of x, then what is right of it. */
static void add_row(struct layout_page *p, const struct part *row, float x, int depth)
{
	const struct piece **sorted = calloc((size_t)row->n, sizeof(*sorted));
	struct part left = { .pieces = sorted, .column = row->column }, right = left;

	p->before = NULL;
	if (!sorted)
		return;
	for (int i = 0; i < row->n; i++)
		if (is_left(row->pieces[i], x))
			sorted[left.n++] = row->pieces[i];
	right.pieces = sorted + left.n;
	for (int i = 0; i < row->n; i++)
		if (!is_left(row->pieces[i], x))
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
static int last_left(const struct part *part, int first, int end, float x)
{
	for (int i = end - 1; i >= first; i--)
		if (is_left(part->pieces[i], x))
			return i;
	return -1;
}

/* Whether the left side of the line from at goes on with what is at the left above it: a date in several lines. */
static bool left_goes_on(const struct layout_page *p, const struct part *part, int first, int at, int end, float x)
{
	int before = last_left(part, first, at, x), next = last_left(part, at, end, x);

	return before >= 0 && next >= 0 && piece_goes_on(p, part->pieces[before], part->pieces[next]);
}

/* Where the row that starts at first ends, when the left side is the sparse one: it has the lines at the right until
 * the next one with both sides, or with a heading. */
static int row_end(const struct layout_page *p, const struct part *part, int first, int last, float x)
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
static bool has_tall_rows(const struct layout_page *p, const struct part *part, const struct cut *cut)
{
	int end, starts = 0, lines = 0;

	for (int i = cut->first; i <= cut->last; i = end, lines++) {
		end = line_end(part, i, cut->last);
		starts += (sides_of(part, i, end, cut->x) & LEFT) && !left_goes_on(p, part, cut->first, i, end, cut->x);
	}
	return 2 * starts <= lines + 1;
}

static void add_table(struct layout_page *p, const struct part *part, const struct cut *cut, int depth)
{
	bool tall = has_tall_rows(p, part, cut);
	int end;

	for (int i = cut->first; i <= cut->last; i = end) {
		struct part some = { .pieces = part->pieces + i, .column = part->column };
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
static void add_columns(struct layout_page *p, const struct part *part, const struct cut *cut, int depth)
{
	int n = cut->last - cut->first + 1, n_left = 0, n_right = 0, side = p->columns + 1;
	const struct piece **sorted = calloc((size_t)n, sizeof(*sorted));
	float width[2] = { 0, 0 };
	bool left_is_main;

	if (!sorted)
		return;
	for (int i = cut->first; i <= cut->last; i++) {
		bool left = is_left(part->pieces[i], cut->x);

		n_left += left;
		width[!left] += part->pieces[i]->x2 - part->pieces[i]->x1;
	}
	for (int i = cut->first, at = 0; i <= cut->last; i++) {
		if (is_left(part->pieces[i], cut->x))
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
	struct part part = { .pieces = pieces, .n = n, .column = column };
	struct cut cut = { .score = 0 };

	for (int i = 0; i < n; i++)
		part.tallest = larger(part.tallest, pieces[i]->y2 - pieces[i]->y1);
	if (depth < CUTS_DEPTH_MAX)
		cut = find_cut(&part);
	p->before = NULL;
	if (cut.score <= 0) {
		add_lines(p, &part, (struct line_place){ .column = column });
		return;
	}
	add_part(p, pieces, cut.first, column, depth + 1);
	if (cut.table_share >= TABLE_SHARE)
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

	for (int i = 0; rc == 0 && i < p.n_pieces; i++)
		all[i] = &p.pieces[i];
	if (rc == 0)
		add_part(&p, all, p.n_pieces, 0, 0);
	free(all);
	free(p.pieces);
	free(p.next_word);
	return rc;
}
