/* The smaller sections: projects, certificates, awards, publications, references. */
#ifndef EXTRACT_PARSE_LISTS_H
#define EXTRACT_PARSE_LISTS_H

#include "parse_entries.h"

void projects_parse(const struct document *doc, struct arena *a, struct span lines, struct entry_list *out);
/* Certificates and awards: a title, who gave it, when. */
void titles_parse(const struct document *doc, struct arena *a, struct span lines, struct entry_list *out);
void publications_parse(const struct document *doc, struct arena *a, struct span lines, struct entry_list *out);
void references_parse(struct arena *a, struct span lines, struct entry_list *out);

#endif
