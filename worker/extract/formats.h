/*
 * The readers of the formats, one function each: bytes or an opened package in, lines out. Called by read.c only, which
 * has found out the type and checks afterwards that there is text.
 */
#ifndef EXTRACT_FORMATS_H
#define EXTRACT_FORMATS_H

#include "document.h"
#include "errors.h"
#include "read.h"
#include "package.h"

enum error_code pdf_read(struct str file, const struct read_input *in, struct document *doc);
enum error_code docx_read(struct package *p, struct document *doc);
enum error_code odt_read(struct package *p, struct document *doc);
enum error_code html_read(struct str file, struct document *doc);
enum error_code rtf_read(struct str file, struct document *doc);
/* doc->format says which. */
enum error_code picture_read(struct str file, const struct read_input *in, struct document *doc);
enum error_code text_read(struct str file, struct document *doc);

/* Whether a package claims to hold a text document, whole or damaged. */
bool docx_is(struct package *p);

/* What pdf.c must load before the sandbox closes: fonts, poppler's data. */
void pdf_warm(void);

#endif
