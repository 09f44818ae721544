/* Places: "14 rue des Tilleuls, 69003 Lyon, France", "Portland, OR". Knows one piece of text at a time. */
#ifndef EXTRACT_PARSE_PLACE_H
#define EXTRACT_PARSE_PLACE_H

#include "parse_model.h"

/* Takes the text apart. Returns how sure it is a place: 0 not at all, 1 it has the shape (a postal code and a town),
 * 2 a known country or state stands at its end. */
int place_parse(struct str text, struct place *out);
/* The longest tail of the text, from a comma on, that is surely a place ("…, Toronto, ON"). Returns where the tail
 * begins, or text.n when there is none. */
size_t place_tail(struct str text);

#endif
