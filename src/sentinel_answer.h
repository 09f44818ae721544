/* What a Sentinel answers to "SENTINEL get-master-addr-by-name", after its answer to AUTH if that was sent. For redis_find.c. */
#ifndef CVPULSE_SENTINEL_ANSWER_H
#define CVPULSE_SENTINEL_ANSWER_H

#include "str.h"

#define SENTINEL_HOST_MAX 255

/* text is all that has come so far; *host and *problem are parts of it, or literals. 0: host, without NUL, and port. -EAGAIN: more
 * must come. -EPROTO: it is of no use, *problem says why. */
int sentinel_answer_read(struct str text, struct str *host, int *port, struct str *problem);

#endif
