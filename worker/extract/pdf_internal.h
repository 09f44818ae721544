/* What the files of the PDF reader share. */
#ifndef EXTRACT_PDF_INTERNAL_H
#define EXTRACT_PDF_INTERNAL_H

#include <cairo.h>
#include <poppler.h>

#include "errors.h"
#include "layout.h"

/* The words of a page; their text lives in text. */
struct pdf_words {
	struct layout_word *all;
	size_t n;
	char *text;
	unsigned warnings;      /* of enum doc_warning */
};

/* The words that a reader sees. 0 or -ENOMEM; free in both cases. */
int pdf_words_init(struct pdf_words *words, PopplerPage *page);
void pdf_words_free(struct pdf_words *words);

/* The page on white paper; NULL without memory. */
cairo_surface_t *pdf_paint(PopplerPage *page, double scale, int width, int height);

/* Whether a page without words shows a picture that is large enough for a page of text. */
bool pdf_is_scan(PopplerPage *page);
enum error_code pdf_scan_read(PopplerPage *page, int number, struct layout *layout);

/* Takes out the words whose letters are light and do not differ from what is painted around them. */
void pdf_drop_unseen(struct pdf_words *words, PopplerPage *page);

#endif
