/*
 * PDF by poppler-glib, the only file that knows it: pages give characters with boxes and styles, which become words for
 * layout.c; annotations give links. Scripts, actions and attachments are never looked at.
 */
#include <poppler.h>

#include "formats.h"

#define PAGES_MAX 200

static enum error_code code_of(const GError *error)
{
	if (g_error_matches(error, POPPLER_ERROR, POPPLER_ERROR_ENCRYPTED))
		return ERR_encrypted;
	return ERR_corrupt;
}

static void read_page(PopplerPage *page, int number, struct document *doc)
{
	char *text = poppler_page_get_text(page);
	struct str rest = str_c(text);

	while (rest.n) {
		struct str part = str_cut(&rest, '\n');
		struct doc_line *line = document_add_line(doc, part.p, part.n);

		if (line)
			line->page = number;
	}
	g_free(text);
}

static enum error_code read_pages(PopplerDocument *pdf, const struct read_input *in, struct document *doc)
{
	int n = poppler_document_get_n_pages(pdf);

	if (n > PAGES_MAX)
		return ERR_too_many_pages;
	if (n <= 0)
		return ERR_corrupt;
	doc->pages = n;
	for (int i = 0; i < n; i++) {
		PopplerPage *page = poppler_document_get_page(pdf, i);

		if (page) {
			read_page(page, i + 1, doc);
			g_object_unref(page);
		}
		if (in->progress)
			in->progress(in->ctx, (i + 1) * 100 / n, "Reading the pages");
	}
	return ERR_NONE;
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

void pdf_warm(void)
{
	struct read_input in = { .fd = -1, .filename = "" };
	struct document doc;

	document_init(&doc);
	pdf_read(str_c(warm_pdf), &in, &doc);
	document_free(&doc);
}
