/* Studies: institution, kind of degree, subject, grade. */
#ifndef EXTRACT_PARSE_EDUCATION_H
#define EXTRACT_PARSE_EDUCATION_H

#include "parse_entries.h"

void education_parse(const struct document *doc, struct arena *a, struct span lines, struct entry_list *out);

#endif
