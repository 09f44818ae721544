/* Writes what the parser found as JSON Resume 1.0.0, and the short result of the completed event. */
#ifndef EXTRACT_PARSE_OUTPUT_H
#define EXTRACT_PARSE_OUTPUT_H

#include "document.h"
#include "parse_model.h"

void output_resume(const struct document *doc, const struct resume *r, struct buf *out);
void output_summary(const struct document *doc, const struct resume *r, struct buf *out);

#endif
