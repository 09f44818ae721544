/*
 * PDF by poppler-glib, the only file that knows it: pages give characters with boxes and styles, which become words for
 * layout.c; annotations give links. Scripts, actions and attachments are never looked at.
 */
#include <math.h>
#include <poppler.h>
#include <stdlib.h>

#include "formats.h"
#include "layout.h"

#define PAGES_MAX 200           /* processing.md, Formats: limits */
#define WORDS_OF_PAGE_MAX 8000
#define TINY_POINTS 2.0         /* letters that nobody can read */
#define LINK_WORDS_MAX 40
#define SPLIT_GAP 0.3           /* of the height of letters */

/* The text of a page as poppler gives it: one box a character, styles for ranges of characters. */
struct page_text {
	char *text;             /* UTF-8 without direction marks */
	PopplerRectangle *boxes;
	guint n;                /* characters and boxes */
	GList *styles;
};

static enum error_code code_of(const GError *error)
{
	if (g_error_matches(error, POPPLER_ERROR, POPPLER_ERROR_ENCRYPTED))
		return ERR_encrypted;
	return ERR_corrupt;
}

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

/* The words of a page. */
struct words {
	struct layout_word *all;
	size_t n;
	unsigned warnings;
};

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

static void add_word(struct words *words, const struct page_text *t, guint first, guint end, struct str text,
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
static void words_of_text(struct words *words, const struct page_text *t, double width, double height)
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

/* The words that a link covers. */
static void text_of_link(const struct words *words, const PopplerRectangle *area, struct buf *text)
{
	int n = 0;

	for (size_t i = 0; i < words->n && n < LINK_WORDS_MAX; i++) {
		const struct layout_word *w = &words->all[i];
		double x = (w->x1 + w->x2) / 2, y = (w->y1 + w->y2) / 2;

		if (x < area->x1 || x > area->x2 || y < area->y1 || y > area->y2)
			continue;
		if (n++)
			buf_addz(text, " ");
		buf_adds(text, w->text);
	}
	buf_add(text, "", 1);
}

/* The line of the page that lies most under the area; -1 when none does. */
static int line_of_link(const struct document *doc, size_t first, const PopplerRectangle *area)
{
	double most = 0;
	int line = -1;

	for (size_t i = first; i < doc->n_lines; i++) {
		const struct doc_line *l = &doc->lines[i];
		double wide = fmin(l->x + l->width, area->x2) - fmax(l->x, area->x1);
		double high = fmin(l->y + l->height, area->y2) - fmax(l->y, area->y1);

		if (wide > 0 && high > 0 && wide * high > most) {
			most = wide * high;
			line = (int)i;
		}
	}
	return line;
}

static void add_links(PopplerPage *page, const struct words *words, double height, struct document *doc, size_t first_line)
{
	GList *mappings = poppler_page_get_link_mapping(page);

	for (const GList *m = mappings; m; m = m->next) {
		const PopplerLinkMapping *link = m->data;
		/* Areas of links count from the bottom of the page. */
		PopplerRectangle area = { link->area.x1, height - link->area.y2, link->area.x2, height - link->area.y1 };
		struct buf text;

		if (link->action->type != POPPLER_ACTION_URI || !link->action->uri.uri)
			continue;
		buf_init(&text, 4096);
		text_of_link(words, &area, &text);
		document_add_link(doc, link->action->uri.uri, text.failed ? "" : text.p, line_of_link(doc, first_line, &area));
		buf_free(&text);
	}
	poppler_page_free_link_mapping(mappings);
}

static enum error_code read_page(PopplerPage *page, int number, struct layout *layout)
{
	struct document *doc = layout->doc;
	struct page_text text = { 0 };
	struct words words = { .all = calloc(WORDS_OF_PAGE_MAX, sizeof(*words.all)) };
	enum error_code code = ERR_memory_limit;
	size_t first_line = doc->n_lines;
	double width, height;

	if (!words.all)
		return code;
	poppler_page_get_size(page, &width, &height);
	page_text_init(&text, page, width, height);
	words_of_text(&words, &text, width, height);
	doc->warnings |= words.warnings;
	if (layout_page(layout, words.all, words.n, number, (float)width) == 0)
		code = ERR_NONE;
	add_links(page, &words, height, doc, first_line);
	page_text_free(&text);
	free(words.all);
	return code;
}

static enum error_code read_pages(PopplerDocument *pdf, const struct read_input *in, struct document *doc)
{
	struct layout layout = { .doc = doc };
	enum error_code code = ERR_NONE;
	int n = poppler_document_get_n_pages(pdf);

	if (n > PAGES_MAX)
		return ERR_too_many_pages;
	if (n <= 0) /* none, or a count that poppler does not believe */
		return ERR_no_text;
	doc->pages = n;
	for (int i = 0; i < n && code == ERR_NONE; i++) {
		PopplerPage *page = poppler_document_get_page(pdf, i);

		if (page) {
			code = read_page(page, i + 1, &layout);
			g_object_unref(page);
		} else {
			doc->warnings |= DOC_DAMAGED;
		}
		if (in->progress)
			in->progress(in->ctx, (i + 1) * 100 / n, "Reading the pages");
	}
	return code;
}

enum error_code pdf_read(struct str file, const struct read_input *in, struct document *doc)
{
	GError *error = NULL;
	GBytes *bytes = g_bytes_new_static(file.p, file.n);
	PopplerDocument *pdf = poppler_document_new_from_bytes(bytes, NULL, &error);
	enum error_code code = pdf ? read_pages(pdf, in, doc) : code_of(error);

	g_clear_error(&error);
	g_clear_object(&pdf);
	g_bytes_unref(bytes);
	return code;
}

/* A page with one word: reading it makes glib and poppler set up what they set up once. Its missing cross-reference table
 * is rebuilt. */
static const char warm_pdf[] =
	"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj "
	"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Resources<</Font<</F 4 0 R>>>>/Contents 5 0 R>>endobj "
	"4 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj "
	"5 0 obj<</Length 33>>stream\nBT /F 12 Tf 9 9 Td (warm) Tj ET   \nendstream endobj\n"
	"trailer<</Root 1 0 R>>\n%%EOF\n";

/* Poppler tells every fault of a file through glib's log; what counts is told by return values. */
static void ignore_log(const char *domain, GLogLevelFlags level, const char *message, void *ctx)
{
}

void pdf_warm(void)
{
	static PopplerDocument *kept; /* poppler drops its tables with the last document */
	struct read_input in = { .fd = -1, .filename = "" };
	GBytes *bytes = g_bytes_new_static(warm_pdf, sizeof(warm_pdf) - 1);
	struct document doc;

	g_log_set_default_handler(ignore_log, NULL);
	document_init(&doc);
	if (!kept)
		kept = poppler_document_new_from_bytes(bytes, NULL, NULL);
	if (kept)
		read_pages(kept, &in, &doc);
	document_free(&doc);
	g_bytes_unref(bytes);
}
