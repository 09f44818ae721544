/* The raw text of one member of a JSON object that is known to be valid: passes it on without decoding it. */
#ifndef CVPULSE_JSON_MEMBER_H
#define CVPULSE_JSON_MEMBER_H

#include "str.h"

/* The value as it stands, good as long as `object`. Names with escapes are not found. {NULL,0}: no such member, or the text
 * is no object (malformed text is safe, but the answer means nothing then). */
struct str json_member(struct str object, const char *name);

#endif
