/* Words to pieces, and pieces to the text of lines. See layout_internal.h. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "layout_internal.h"
#include "lines.h"

/* In letter sizes. Measured on the samples: spaces are 0.2 to 0.4; stretched ones may break a piece, which does no harm. */
#define GAP_OF_WORDS 0.55f
#define GAP_AFTER_MARK 3.0f
#define GAP_OF_LETTERS 0.08f    /* less is no space: a change of font inside a word */
#define OVERLAP_BACK 0.5f       /* letters may lean back over the one before */
#define BASE_WITHIN 0.3f        /* letters of one line stand that close */
#define DESCENT 0.2f            /* of the height, below the line that letters stand on */
#define DENSE_GAP 0.35f         /* line heights: the white between lines of one paragraph */
#define LINE_BYTES_MAX 65536
#define SPACED_LETTERS_MIN 4    /* a word set as "L E T T E R S" */

static float smaller(float a, float b) { return a < b ? a : b; }
static float larger(float a, float b) { return a > b ? a : b; }

static float base_of(const struct layout_word *w)
{
	return w->y2 - DESCENT * (w->y2 - w->y1);
}

bool piece_same_line(const struct piece *a, const struct piece *b)
{
	return fabsf(a->base - b->base) <= BASE_WITHIN * smaller(a->size, b->size);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool piece_has_digit(const struct layout_page *p, const struct piece *piece)
{
	for (int i = piece->first; i >= 0; i = p->next_word[i])
		for (size_t k = 0; k < p->words[i].text.n; k++)
			if (is_digit(p->words[i].text.p[k]))
				return true;
	return false;
}

int piece_by_x(const void *a, const void *b)
{
	const struct piece *v = *(const struct piece *const *)a, *w = *(const struct piece *const *)b;

	return v->x1 < w->x1 ? -1 : v->x1 > w->x1;
}

int pieces_take_line(const struct piece *pieces, int n, const struct piece *line[LAYOUT_LINE_PIECES])
{
	int taken = 0;

	while (taken < n && taken < LAYOUT_LINE_PIECES && piece_same_line(&pieces[0], &pieces[taken])) {
		line[taken] = &pieces[taken];
		taken++;
	}
	qsort(line, (size_t)taken, sizeof(*line), piece_by_x);
	return taken;
}

static bool ends_with(struct str text, struct str end)
{
	return text.n >= end.n && str_eq(str_skip(text, text.n - end.n), end);
}

bool piece_goes_on(const struct layout_page *p, const struct piece *piece, const struct piece *next)
{
	struct str text = p->words[piece->last].text, after = p->words[next->first].text;

	if (text.n == 0 || after.n == 0)
		return false;
	if (ends_with(text, STR("-")) || ends_with(text, STR("\u2013")) || ends_with(text, STR("\u2014")))
		return true;
	return !is_digit(text.p[text.n - 1]) && is_digit(after.p[0]) &&
	       next->y1 - piece->y2 < DENSE_GAP * (piece->y2 - piece->y1);
}

/* Whether the word goes on where the piece ends. */
static bool continues(const struct piece *piece, const struct layout_word *w)
{
	float overlap = smaller(piece->y2, w->y2) - larger(piece->y1, w->y1);
	float gap = w->x1 - piece->x2, size = larger(piece->size, w->size);
	float most = piece->mark_only ? GAP_AFTER_MARK : GAP_OF_WORDS;

	if (overlap < 0.5f * smaller(piece->y2 - piece->y1, w->y2 - w->y1))
		return false;
	return gap <= most * size && gap >= -OVERLAP_BACK * size;
}

static struct piece *find_piece(struct layout_page *p, const struct layout_word *w)
{
	struct piece *best = NULL;
	float best_distance = INFINITY;

	for (int i = 0; i < p->n_pieces; i++) {
		float distance = fabsf(p->pieces[i].base - base_of(w));

		if (distance < best_distance && continues(&p->pieces[i], w)) {
			best = &p->pieces[i];
			best_distance = distance;
		}
	}
	return best;
}

static void extend(struct layout_page *p, struct piece *piece, int word)
{
	const struct layout_word *w = &p->words[word];

	p->next_word[piece->last] = word;
	piece->last = word;
	if (piece->mark_only) {
		piece->base = base_of(w);
		piece->size = w->size;
	}
	piece->mark_only = false;
	piece->n_words++;
	piece->x2 = larger(piece->x2, w->x2);
	piece->y1 = smaller(piece->y1, w->y1);
	piece->y2 = larger(piece->y2, w->y2);
	if (w->size > piece->size) {
		piece->size = w->size;
		piece->base = base_of(w);
	}
}

static int by_x(const void *a, const void *b)
{
	const struct layout_word *v = a, *w = b;

	return v->x1 < w->x1 ? -1 : v->x1 > w->x1;
}

static int by_y(const void *a, const void *b)
{
	const struct piece *v = a, *w = b;

	if (v->base != w->base)
		return v->base < w->base ? -1 : 1;
	return v->x1 < w->x1 ? -1 : v->x1 > w->x1;
}

static bool is_mark(const struct layout_word *w)
{
	char with_word[16];

	if (w->bullet || w->text.n + 2 > sizeof(with_word))
		return w->bullet;
	memcpy(with_word, w->text.p, w->text.n);
	memcpy(with_word + w->text.n, " x", 2);
	return list_mark(str_of(with_word, w->text.n + 2)) == w->text.n + 1;
}

static bool has_letter(const struct layout_word *w)
{
	for (size_t i = 0; i < w->text.n; i++)
		if ((unsigned char)w->text.p[i] >= 0x80 || ((w->text.p[i] | 32) >= 'a' && (w->text.p[i] | 32) <= 'z'))
			return true;
	return false;
}

bool piece_has_letter(const struct layout_page *p, const struct piece *piece)
{
	for (int i = piece->first; i >= 0; i = p->next_word[i])
		if (has_letter(&p->words[i]) && !is_mark(&p->words[i]))
			return true;
	return false;
}

/* Which way most of the page's letters run. */
static bool runs_right_to_left(const struct layout_word *words, size_t n)
{
	size_t bytes[2] = { 0, 0 };

	for (size_t i = 0; i < n; i++)
		bytes[words[i].right_to_left] += has_letter(&words[i]) ? words[i].text.n : 0;
	return bytes[true] > bytes[false];
}

int pieces_make(struct layout_page *p, struct layout_word *words, size_t n)
{
	p->words = words;
	p->next_word = calloc(n + 1, sizeof(*p->next_word));
	p->pieces = calloc(n + 1, sizeof(*p->pieces));
	if (!p->next_word || !p->pieces)
		return -ENOMEM;
	p->right_to_left = runs_right_to_left(words, n);
	for (size_t i = 0; i < n && p->right_to_left; i++) {
		float x1 = words[i].x1;

		words[i].x1 = p->width - words[i].x2;
		words[i].x2 = p->width - x1;
	}
	qsort(words, n, sizeof(*words), by_x);
	for (int i = 0; i < (int)n; i++) {
		const struct layout_word *w = &words[i];
		struct piece *piece = find_piece(p, w);

		p->next_word[i] = -1;
		if (piece)
			extend(p, piece, i);
		else
			p->pieces[p->n_pieces++] = (struct piece){
				.x1 = w->x1, .y1 = w->y1, .x2 = w->x2, .y2 = w->y2, .base = base_of(w), .size = w->size,
				.first = i, .last = i, .n_words = 1, .mark_only = is_mark(w),
			};
	}
	qsort(p->pieces, (size_t)p->n_pieces, sizeof(*p->pieces), by_y);
	return 0;
}

/* The words of one line in the order of reading. */
struct line_words {
	const struct layout_word *words[2000];
	int n;
};

static void gather(const struct layout_page *p, const struct piece *piece, struct line_words *line)
{
	for (int i = piece->first; i >= 0 && line->n < 2000; i = p->next_word[i])
		line->words[line->n++] = &p->words[i];
}

/* Whether words first to end, of a line from right to left, stand in their own order: names and telephone numbers
 * ("+962 7 9555 0134") do, other numbers follow the line (UAX #9, rule N1). */
static bool runs_left_to_right(const struct line_words *line, int first, int end)
{
	for (int i = first; i < end; i++)
		if (has_letter(line->words[i]))
			return true;
	return end > first && line->words[end - 1]->text.p[0] == '+';
}

static bool is_dash(const struct layout_word *w)
{
	return str_eq(w->text, STR("-")) || str_eq(w->text, STR("\u2013")) || str_eq(w->text, STR("\u2014")) ||
	       str_eq(w->text, STR("|")) || str_eq(w->text, STR("\u00B7"));
}

static void turn_runs(struct line_words *line)
{
	for (int i = 0, end; i < line->n; i = end + 1) {
		for (end = i; end < line->n && !line->words[end]->right_to_left && !is_dash(line->words[end]); end++)
			;
		if (!runs_left_to_right(line, i, end))
			continue;
		for (int a = i, b = end - 1; a < b; a++, b--) {
			const struct layout_word *kept = line->words[a];

			line->words[a] = line->words[b];
			line->words[b] = kept;
		}
	}
}

static float gap_between(const struct layout_word *a, const struct layout_word *b)
{
	return larger(a->x1, b->x1) - smaller(a->x2, b->x2);
}

static bool is_letter_alone(const struct layout_word *w)
{
	return !w->bullet && w->text.n > 0 && (w->text.n == 1 || (unsigned char)w->text.p[0] >= 0xC3) &&
	       w->text.n <= 2 && !(w->text.p[0] >= '0' && w->text.p[0] <= '9');
}

/* The narrowest gap in a line of letters set apart; 0 when it is not one. */
static float letter_spacing(const struct line_words *line)
{
	float narrowest = INFINITY;

	for (int i = 0; i < line->n; i++) {
		if (!is_letter_alone(line->words[i]))
			return 0;
		if (i)
			narrowest = smaller(narrowest, gap_between(line->words[i - 1], line->words[i]));
	}
	return line->n >= SPACED_LETTERS_MIN ? larger(narrowest, 0.01f) : 0;
}

static void join(const struct line_words *line, bool right_to_left, struct buf *text)
{
	float spacing = letter_spacing(line);

	for (int i = 0; i < line->n; i++) {
		const struct layout_word *w = line->words[i];
		float gap = i ? gap_between(line->words[i - 1], w) : 0;

		if (i && gap > (spacing > 0 ? 1.8f * spacing : GAP_OF_LETTERS * w->size))
			buf_addz(text, " ");
		/* In a line from right to left the plus of a number is drawn behind it. */
		if (right_to_left && w->text.n > 1 && w->text.p[w->text.n - 1] == '+' && !has_letter(w)) {
			buf_addz(text, "+");
			buf_add(text, w->text.p, w->text.n - 1);
		} else {
			buf_adds(text, w->text);
		}
	}
}

/* What most letters of the line look like. */
static void style(const struct line_words *line, struct doc_line *to)
{
	size_t all = 0, bold = 0, italic = 0, best = 0;

	for (int i = 0; i < line->n; i++) {
		const struct layout_word *w = line->words[i];

		all += w->text.n;
		bold += w->bold ? w->text.n : 0;
		italic += w->italic ? w->text.n : 0;
		if (w->text.n > best) {
			best = w->text.n;
			to->font_size = w->size;
		}
	}
	to->bold = bold * 10 >= all * 9;
	to->italic = italic * 10 >= all * 9;
}

static void box(const struct layout_page *p, const struct piece *const *pieces, int n, struct doc_line *to)
{
	float x1 = pieces[0]->x1, x2 = pieces[n - 1]->x2;

	to->y = pieces[0]->y1;
	to->height = pieces[0]->y2 - pieces[0]->y1;
	to->width = x2 - x1;
	to->x = p->right_to_left ? p->width - x2 : x1;
}

void pieces_add_line(struct layout_page *p, const struct piece *const *pieces, int n, struct line_place at)
{
	struct line_words line = { .n = 0 };
	struct doc_line *added;
	struct buf text;
	bool bullet = false;
	size_t mark;

	for (int i = 0; i < n; i++)
		gather(p, pieces[i], &line);
	if (p->right_to_left)
		turn_runs(&line);
	if (line.n > 1 && is_mark(line.words[0])) {
		bullet = true;
		memmove(line.words, line.words + 1, (size_t)--line.n * sizeof(line.words[0]));
	}
	buf_init(&text, LINE_BYTES_MAX);
	join(&line, p->right_to_left, &text);
	mark = list_mark(buf_str(&text));
	added = document_add_line(p->layout->doc, text.p + mark, text.n - mark);
	buf_free(&text);
	if (!added)
		return;
	style(&line, added);
	box(p, pieces, n, added);
	added->bullet = bullet || mark > 0;
	added->page = p->number;
	added->block = p->layout->block;
	added->column = at.column;
	added->row = at.row;
	added->cell = at.cell;
}
