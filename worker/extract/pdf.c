/*
 * PDF by poppler-glib, the only file that knows it: pages give characters with boxes and styles, which become words for
 * layout.c; annotations give links. Scripts, actions and attachments are never looked at.
 */
#include <math.h>
#include <stdlib.h>

#include "formats.h"
#include "pdf_internal.h"

#define PAGES_MAX 200           /* processing.md, Formats: limits */
#define LINK_WORDS_MAX 40

static enum error_code code_of(const GError *error)
{
	if (g_error_matches(error, POPPLER_ERROR, POPPLER_ERROR_ENCRYPTED))
		return ERR_encrypted;
	return ERR_corrupt;
}

/* The words that a link covers. */
static void text_of_link(const struct pdf_words *words, const PopplerRectangle *area, struct buf *text)
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

static void add_links(PopplerPage *page, const struct pdf_words *words, double height, struct document *doc, size_t first_line)
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

/* A page without words: a picture of text, if it is a large one. Without OCR the other pages still count. */
static enum error_code read_picture(PopplerPage *page, int number, const struct read_input *in, struct layout *layout)
{
	if (!pdf_is_scan(page))
		return ERR_NONE;
	if (in->ocr == READ_OCR_NOW)
		return pdf_scan_read(page, number, layout);
	layout->doc->has_scans = true;
	return ERR_NONE;
}

static enum error_code read_page(PopplerPage *page, int number, const struct read_input *in, struct layout *layout)
{
	struct document *doc = layout->doc;
	struct pdf_words words;
	size_t first_line = doc->n_lines, n;
	double width, height;
	int rc = pdf_words_init(&words, page);

	poppler_page_get_size(page, &width, &height);
	doc->warnings |= words.warnings;
	if (rc == 0)
		rc = layout_page(layout, words.all, words.n, number, (float)width);
	if (rc == 0)
		add_links(page, &words, height, doc, first_line);
	n = words.n;
	pdf_words_free(&words);
	if (rc < 0)
		return ERR_memory_limit;
	return n > 0 ? ERR_NONE : read_picture(page, number, in, layout);
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
			code = read_page(page, i + 1, in, &layout);
			g_object_unref(page);
		} else {
			doc->warnings |= DOC_DAMAGED;
		}
		if (in->progress)
			in->progress(in->ctx, (i + 1) * 100 / n, "Reading the pages");
	}
	if (code == ERR_NONE && doc->has_scans && (doc->n_lines == 0 || in->ocr == READ_OCR_LATER))
		return ERR_ocr_unavailable;
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

/* A page with one white word: reading and painting it makes glib, poppler and fontconfig set up what they set up once. Its
 * missing cross-reference table is rebuilt. */
static const char warm_pdf[] =
	"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj "
	"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Resources<</Font<</F 4 0 R>>>>/Contents 5 0 R>>endobj "
	"4 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj "
	"5 0 obj<</Length 34>>stream\n1 g BT /F 12 Tf 9 9 Td (warm) Tj ET\nendstream endobj\n"
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
