/*
 * Words in boxes of their own, as templates draw lists of skills: the boxes are no text, but the gap between them is the
 * same again and again, and wider than a space. Part of layout_internal.h.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "layout_internal.h"

/* Measured on the samples. */
#define TAG_GAP_MIN 0.6f        /* letter sizes */
#define TAG_GAP_MAX 1.7f
#define TAG_GAP_SPREAD 0.5f     /* points: how much alike the gaps are */
#define TAGS_MIN 3
#define JUSTIFIED_WORDS_MIN 6   /* so many pieces of one word are a stretched line */

static float larger(float a, float b) { return a > b ? a : b; }

static bool is_tag_gap(const struct layout_page *p, const struct piece *a, const struct piece *b)
{
	float size = larger(a->size, b->size), gap = b->x1 - a->x2;
	struct str word = p->words[a->last].text;

	if (gap < TAG_GAP_MIN * size || gap > TAG_GAP_MAX * size || word.n == 0 || strchr(".:;,!?", word.p[word.n - 1]))
		return false;
	return piece_has_letter(p, a) && piece_has_letter(p, b);
}

static bool is_stretched(const struct piece *const *line, int n)
{
	for (int i = 0; i < n; i++)
		if (line[i]->n_words > 1)
			return false;
	return n >= JUSTIFIED_WORDS_MIN;
}

static int by_value(const void *a, const void *b)
{
	float v = *(const float *)a, w = *(const float *)b;

	return v < w ? -1 : v > w;
}

/* The middle of the narrow range that holds most of the gaps. */
static float most_frequent(float *gaps, int n)
{
	int best = 0, from = 0;
	float middle = 0;

	qsort(gaps, (size_t)n, sizeof(*gaps), by_value);
	for (int i = 0; i < n; i++) {
		while (gaps[i] - gaps[from] > TAG_GAP_SPREAD)
			from++;
		if (i - from + 1 <= best)
			continue;
		best = i - from + 1;
		middle = (gaps[from] + gaps[i]) / 2;
	}
	return best >= TAGS_MIN ? middle : 0;
}

int layout_find_tags(struct layout_page *p)
{
	const struct piece *line[LAYOUT_LINE_PIECES];
	float *gaps = calloc((size_t)p->n_pieces + 1, sizeof(*gaps));
	int n = 0;

	if (!gaps)
		return -ENOMEM;
	for (int i = 0, on_line; i < p->n_pieces; i += on_line) {
		on_line = pieces_take_line(p->pieces + i, p->n_pieces - i, line);
		for (int k = 1; k < on_line && !is_stretched(line, on_line); k++)
			if (is_tag_gap(p, line[k - 1], line[k]))
				gaps[n++] = line[k]->x1 - line[k - 1]->x2;
	}
	p->tag_gap = most_frequent(gaps, n);
	free(gaps);
	return 0;
}

bool layout_parts_tags(const struct layout_page *p, const struct piece *a, const struct piece *b)
{
	return p->tag_gap > 0 && is_tag_gap(p, a, b) && fabsf(b->x1 - a->x2 - p->tag_gap) <= TAG_GAP_SPREAD / 2 + 0.01f;
}
