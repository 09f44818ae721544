/* Telephone numbers. */
#ifndef EXTRACT_PARSE_PHONE_H
#define EXTRACT_PARSE_PHONE_H

#include <stdbool.h>

#include "str.h"

/* The first telephone number in the text, as written; empty when there is none. labelled: the text is known to hold
 * one, so that short and bare numbers count. */
struct str phone_find(struct str text, bool labelled);
/* The number in E.164 form. A number without + or 00 needs the country (ISO 3166) it is dialled in; countries whose
 * rules are not in the table give nothing. Returns the length, 0 when it cannot be said. */
size_t phone_e164(struct str number, const char *country, char out[20]);

#endif
