/* Jobs and voluntary work: which part of an entry's head is the employer, the job title, the place. */
#ifndef EXTRACT_PARSE_WORK_H
#define EXTRACT_PARSE_WORK_H

#include "parse_entries.h"

void work_parse(const struct document *doc, struct arena *a, struct span lines, struct entry_list *out);

#endif
