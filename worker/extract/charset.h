/* Bytes in some encoding to UTF-8: byte order mark, then a named charset, then valid UTF-8, then a guess by uchardet. */
#ifndef EXTRACT_CHARSET_H
#define EXTRACT_CHARSET_H

#include "str.h"

/* Opens every converter of charset.def: glibc loads them from files, which the sandbox hides later. */
void charset_warm(void);

/* Appends in as valid UTF-8 to out. label: what the file itself says ("" or unknown names: look at the bytes). What
 * cannot be read becomes U+FFFD. 0, or -ENOMEM when out is full. */
int charset_to_utf8(struct str in, struct str label, struct buf *out);
/* The same without a look at the bytes, for pieces too short to tell: the label is right. Unknown ones are windows-1252. */
int charset_from(struct str in, struct str label, struct buf *out);

#endif
