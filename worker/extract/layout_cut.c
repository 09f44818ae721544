/* Finds the white gap that cuts a part of a page best. See layout_internal.h. */
#include <limits.h>
#include <stdlib.h>

#include "layout_internal.h"

#define CANDIDATES_MAX 400
#define CUT_PIECES_MIN 2        /* on each side of a gap that cuts */
#define CUT_GAP_LONG 0.5f       /* letter sizes: the width of a gap beside many pieces; LAYOUT_GAP beside few */
#define CUT_PIECES_LONG 5
#define LINE_PITCH 1.4f         /* letter sizes: from line to line of dense text */

static float smaller(float a, float b) { return a < b ? a : b; }
static float larger(float a, float b) { return a > b ? a : b; }

static bool is_beside(const struct piece *a, const struct piece *b)
{
	return smaller(a->y2, b->y2) - larger(a->y1, b->y1) > 0.3f * smaller(a->y2 - a->y1, b->y2 - b->y1);
}

/* Of the pieces on one side that stand beside others: how many share the line with one of them. */
static float share_on_lines(const struct layout_part *part, const struct layout_cut *cut, bool left)
{
	int beside = 0, on_line = 0;

	for (int i = cut->first; i <= cut->last; i++) {
		const struct piece *piece = part->pieces[i];
		bool near = false, same = false;
		int j = i;

		if (piece_is_left(piece, cut->x) != left)
			continue;
		while (j > cut->first && piece->base - part->pieces[j - 1]->base < part->tallest)
			j--;
		for (; j <= cut->last && part->pieces[j]->base - piece->base < part->tallest; j++) {
			if (piece_is_left(part->pieces[j], cut->x) == left)
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
	int side = !piece_is_left(piece, x);

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

	return (table_share < LAYOUT_TABLE_SHARE ? (1.2f - table_share) * density : 0.2f) * height * smaller(gap / size, 3);
}

static void consider(const struct layout_part *part, float x, int first, int last, const struct sides *s, struct layout_cut *best)
{
	struct layout_cut cut = { .x = x, .first = first, .last = last };
	float gap = s->right_start - s->left_end, size = s->sizes / (float)(last - first + 1), height;
	int fewer = s->n[0] < s->n[1] ? s->n[0] : s->n[1];

	if (fewer < CUT_PIECES_MIN || gap < (fewer < CUT_PIECES_LONG ? LAYOUT_GAP : CUT_GAP_LONG) * size)
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
static void try_gap(const struct layout_part *part, float x, struct layout_cut *best)
{
	struct sides s = { .n = { 0, 0 } };
	int first = 0;

	for (int i = 0; i <= part->n; i++) {
		const struct piece *piece = i < part->n ? part->pieces[i] : NULL;

		if (piece && (piece_is_left(piece, x) || piece->x1 >= x)) {
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
struct layout_cut layout_find_cut(const struct layout_part *part)
{
	struct layout_cut best = { .score = 0 };
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

