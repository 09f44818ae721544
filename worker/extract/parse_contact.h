/* E-mail address, telephone, web addresses, profiles and address of the person. */
#ifndef EXTRACT_PARSE_CONTACT_H
#define EXTRACT_PARSE_CONTACT_H

#include "parse_lines.h"

/* The first e-mail address in the text; empty when there is none. */
struct str email_find(struct str text);
/* Fills email, phone, url, profiles and place from lines and links. */
void contact_parse(const struct document *doc, const struct line_list *lines, struct resume *r);
/* Whether the text holds contact data (an e-mail address, a number, a web address): then it is no name and no title. */
bool contact_has(struct str text);
/* The kind of label that the text begins with ("Tel.: …"), and what follows it; -1: none. A colon, a gap or another
 * cell must part the two. */
int label_take(struct str text, struct str *value);

#endif
