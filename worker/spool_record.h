/* The text form of a spool record; for the spool's own files and tests. */
#ifndef WORKER_SPOOL_RECORD_H
#define WORKER_SPOOL_RECORD_H

#include "spool.h"

#define SPOOL_RECORD_MAX_BYTES 16384    /* as text: two addresses of HTTP_URL_MAX, each byte escaped, and the rest */

void spool_record_format(const struct spool_record *rec, struct buf *out);
int spool_record_parse(struct str text, struct spool_record *out);      /* -EBADMSG when it is none */

#endif
