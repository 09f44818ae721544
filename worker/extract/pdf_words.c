/* The characters of a PDF page to words with boxes and styles. See pdf_internal.h. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "pdf_internal.h"

#define WORDS_OF_PAGE_MAX 8000
#define TINY_POINTS 2.0         /* letters that nobody can read */
#define SPLIT_GAP 0.3           /* of the height of letters */
#define LIGHT 0xE800            /* of 0xFFFF: colours lighter than that need a dark ground */

/* The text of a page as poppler gives it: one box a character, styles for ranges of characters. */
struct page_text {
	char *text;             /* UTF-8 without direction marks */
	PopplerRectangle *boxes;
	guint n;                /* characters and boxes */
	GList *styles;
};

static bool is_direction_mark(gunichar c)
{
	return c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E);
}

static bool is_right_to_left(gunichar c)
{
	return (c >= 0x0590 && c <= 0x08FF) || (c >= 0xFB1D && c <= 0xFDFF) || (c >= 0xFE70 && c <= 0xFEFC);
}

/* Poppler wraps words in direction marks, which have no box. */
static void strip_direction_marks(char *text)
{
	char *to = text;

	for (const char *p = text; *p; p = g_utf8_next_char(p)) {
		size_t n = (size_t)(g_utf8_next_char(p) - p);

		if (is_direction_mark(g_utf8_get_char(p)))
			continue;
		memmove(to, p, n);
		to += n;
	}
	*to = '\0';
}

static bool is_alef(gunichar c)
{
	return c == 0x0622 || c == 0x0623 || c == 0x0625 || c == 0x0627 || c == 0x0649;
}

/* A glyph for lam and alef together names them in the order of reading; poppler turns them around with the word. The two
 * halves of one glyph have the same width. Boxes stand from left to right, letters the other way. Both letters take two
 * bytes. */
static void mend_lam_alef(char *word, const PopplerRectangle *boxes, guint n)
{
	for (guint i = 0; i + 1 < n; i++) {
		char *next = g_utf8_next_char(word);
		const PopplerRectangle *box = &boxes[n - 1 - i], *box_next = box - 1;

		if (is_alef(g_utf8_get_char(word)) && g_utf8_get_char(next) == 0x0644 &&
		    fabs((box->x2 - box->x1) - (box_next->x2 - box_next->x1)) < 0.001) {
			char alef[2] = { word[0], word[1] };

			memcpy(word, next, 2);
			memcpy(next, alef, 2);
		}
		word = next;
	}
}

static void page_text_free(struct page_text *t)
{
	g_free(t->text);
	g_free(t->boxes);
	poppler_page_free_text_attributes(t->styles);
	*t = (struct page_text){ 0 };
}

static void page_text_load(struct page_text *t, PopplerPage *page, PopplerRectangle *area)
{
	t->text = poppler_page_get_text_for_area(page, area);
	strip_direction_marks(t->text);
	poppler_page_get_text_layout_for_area(page, area, &t->boxes, &t->n);
	t->styles = poppler_page_get_text_attributes_for_area(page, area);
}

static bool has_right_to_left(const char *text)
{
	for (; *text; text = g_utf8_next_char(text))
		if (is_right_to_left(g_utf8_get_char(text)))
			return true;
	return false;
}

/* Poppler selects text between two corners in its reading order. On a page that runs from right to left the first
 * corner is at the right: from the left one most words are lost. */
static void page_text_init(struct page_text *t, PopplerPage *page, double width, double height)
{
	PopplerRectangle area = { 0, 0, width, height }, turned = { width, 0, 0, height };
	struct page_text other = { 0 };

	page_text_load(t, page, &area);
	if (t->n > 0 && !has_right_to_left(t->text))
		return;
	page_text_load(&other, page, &turned);
	if (other.n > t->n) {
		page_text_free(t);
		*t = other;
	} else {
		page_text_free(&other);
	}
}

static bool font_is(const PopplerTextAttributes *style, const char *part)
{
	return style->font_name && strstr(style->font_name, part);
}

/* Marks that symbol fonts draw for letters; Word's are in the private use area (MS-OE376, bullets of Symbol, Wingdings). */
static bool is_bullet(const PopplerTextAttributes *style, const char *word, size_t n)
{
	static const gunichar marks[] = { 0xF0B7, 0xF0A7, 0xF0D8, 0xF0FC, 0xF076, 0xF02D, 0xF0A8, 0xF071 };
	gunichar c = g_utf8_get_char(word);

	if ((size_t)(g_utf8_next_char(word) - word) != n)
		return false;
	for (size_t i = 0; i < G_N_ELEMENTS(marks); i++)
		if (c == marks[i])
			return true;
	return (c == 'o' && font_is(style, "Courier")) || (c == '{' && font_is(style, "MarVoSym")) ||
	       (font_is(style, "Wingdings") && c < 0x100 && strchr("\xA7\xD8\xFCvqlnw", (int)c));
}

static bool is_bold(const PopplerTextAttributes *style)
{
	return font_is(style, "Bold") || font_is(style, "bold") || font_is(style, "Black") || font_is(style, "Heavy") ||
	       font_is(style, "SemiBold") || font_is(style, "CMBX") || font_is(style, "LMRoman10-Bold");
}

static bool is_italic(const PopplerTextAttributes *style)
{
	return font_is(style, "Italic") || font_is(style, "Oblique") || font_is(style, "CMTI");
}

static bool is_off_page(const struct layout_word *w, double width, double height)
{
	return w->x2 <= 0 || w->y2 <= 0 || w->x1 >= width || w->y1 >= height;
}

static bool is_usable(const struct layout_word *w)
{
	return isfinite(w->x1) && isfinite(w->x2) && isfinite(w->y1) && isfinite(w->y2) && isfinite(w->size) && w->size > 0;
}

static bool is_ideograph(gunichar c)
{
	return (c >= 0x2E80 && c <= 0x9FFF) || (c >= 0xAC00 && c <= 0xD7AF) || (c >= 0xF900 && c <= 0xFAFF) ||
	       (c >= 0xFF00 && c <= 0xFFEF);
}

/* Poppler takes twice the size for fonts that a browser embeds for ideographs. These are as wide as high, though. */
static void mend_ideographs(struct layout_word *w)
{
	float wide = (w->x2 - w->x1) / (float)g_utf8_strlen(w->text.p, (gssize)w->text.n), middle = (w->y1 + w->y2) / 2;

	if (!is_ideograph(g_utf8_get_char(w->text.p)) || w->size < 1.5f * wide)
		return;
	w->size = wide;
	w->y1 = middle - 0.6f * wide;
	w->y2 = middle + 0.6f * wide;
}

static void add_word(struct pdf_words *words, const struct page_text *t, guint first, guint end, struct str text,
		     const PopplerTextAttributes *style, double width, double height)
{
	struct layout_word w = { .text = text, .x1 = INFINITY, .y1 = INFINITY, .x2 = -INFINITY, .y2 = -INFINITY };

	for (guint i = first; i < end; i++) {
		const PopplerRectangle *box = &t->boxes[i];

		w.x1 = fminf(w.x1, (float)fmin(box->x1, box->x2));
		w.x2 = fmaxf(w.x2, (float)fmax(box->x1, box->x2));
		w.y1 = fminf(w.y1, (float)fmin(box->y1, box->y2));
		w.y2 = fmaxf(w.y2, (float)fmax(box->y1, box->y2));
	}
	w.size = style && style->font_size > 0 ? (float)style->font_size : w.y2 - w.y1;
	if (!is_usable(&w))
		return;
	mend_ideographs(&w);
	if (w.size < TINY_POINTS || is_off_page(&w, width, height)) {
		words->warnings |= DOC_HIDDEN_TEXT;
		return;
	}
	if (words->n == WORDS_OF_PAGE_MAX) {
		words->warnings |= DOC_TRUNCATED;
		return;
	}
	w.light = style && style->color.red > LIGHT && style->color.green > LIGHT && style->color.blue > LIGHT;
	w.bold = style && is_bold(style);
	w.italic = style && is_italic(style);
	w.bullet = style && is_bullet(style, text.p, text.n);
	for (const char *p = text.p; p < text.p + text.n; p = g_utf8_next_char(p))
		w.right_to_left |= is_right_to_left(g_utf8_get_char(p));
	words->all[words->n++] = w;
}

static const GList *style_at(const GList *styles, guint i)
{
	while (styles && ((const PopplerTextAttributes *)styles->data)->end_index < (gint)i)
		styles = styles->next;
	return styles;
}

/* Poppler leaves the space out between words that stand far apart, or in another line. */
static bool is_apart(const PopplerRectangle *a, const PopplerRectangle *b)
{
	double height = fmin(a->y2 - a->y1, b->y2 - b->y1), gap = fmax(b->x1 - a->x2, a->x1 - b->x2);

	return gap > SPLIT_GAP * height || fmin(a->y2, b->y2) - fmax(a->y1, b->y1) < 0.3 * height;
}

/* Splits the text at white space and at gaps. */
static void words_of_text(struct pdf_words *words, const struct page_text *t, double width, double height)
{
	const GList *styles = t->styles;
	char *p = t->text, *start = p;
	guint first = 0, i = 0;

	for (;; i++) {
		bool end = i == t->n || !*p, space = !end && g_unichar_isspace(g_utf8_get_char(p));
		char *next = end ? p : g_utf8_next_char(p);

		if (end || space || (i > first && is_apart(&t->boxes[i - 1], &t->boxes[i]))) {
			styles = style_at(styles, first);
			mend_lam_alef(start, t->boxes + first, i - first);
			if (p > start)
				add_word(words, t, first, i, str_of(start, (size_t)(p - start)),
					 styles ? styles->data : NULL, width, height);
			start = space ? next : p;
			first = space ? i + 1 : i;
		}
		if (end)
			break;
		p = next;
	}
}

int pdf_words_init(struct pdf_words *words, PopplerPage *page)
{
	struct page_text text = { 0 };
	double width, height;

	*words = (struct pdf_words){ .all = calloc(WORDS_OF_PAGE_MAX, sizeof(*words->all)) };
	if (!words->all)
		return -ENOMEM;
	poppler_page_get_size(page, &width, &height);
	page_text_init(&text, page, width, height);
	words_of_text(words, &text, width, height);
	words->text = text.text;
	text.text = NULL;
	page_text_free(&text);
	pdf_drop_unseen(words, page);
	return 0;
}

void pdf_words_free(struct pdf_words *words)
{
	free(words->all);
	g_free(words->text);
}
