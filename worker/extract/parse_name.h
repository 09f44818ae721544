/* The person's name, and the title that stands beside it. */
#ifndef EXTRACT_PARSE_NAME_H
#define EXTRACT_PARSE_NAME_H

#include "parse_lines.h"

/* Makes one line of a name that is set in two large ones. */
void name_join(struct arena *a, struct line_list *lines);
/* The first e-mail address that is not a referee's; empty when there is none. */
struct str name_email(const struct line_list *lines);
/* Finds the name among the lines (sections need not be known yet). email: the first address of the document, or empty.
 * Sets r->name, r->name_confidence and, when it is in the same line, r->label. Returns the line, or SIZE_MAX. */
size_t name_find(const struct line_list *lines, struct str email, struct resume *r);
/* Sets r->label from the lines after the name; needs sections. */
void label_find(const struct line_list *lines, size_t name_line, struct resume *r);

#endif
