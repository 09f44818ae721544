/*
 * multipart/form-data (RFC 7578, RFC 2046 section 5.1) as a push parser: bytes go in as they come, parts come out as
 * events. Memory is constant: one header block of MULTIPART_HEADER_MAX bytes. It knows no socket and no file.
 */
#ifndef WORKER_MULTIPART_H
#define WORKER_MULTIPART_H

#include <stdbool.h>

#include "str.h"

#define MULTIPART_HEADER_MAX 8192               /* all header lines of one part */
#define MULTIPART_BOUNDARY_MAX 70               /* RFC 2046 */

struct multipart_part {
	struct str name;                        /* form-data field name */
	struct str filename;                    /* as sent, decoded; p is NULL when there is none */
};

/* Each returns 0 to go on; a negative value stops the parser and is what multipart_feed returns. */
struct multipart_events {
	int (*part_begin)(void *ctx, const struct multipart_part *part); /* the slices are good during the call */
	int (*part_data)(void *ctx, struct str data);
	int (*part_end)(void *ctx);
};

struct multipart {
	enum { MULTIPART_PREAMBLE, MULTIPART_DELIMITER, MULTIPART_HEADERS, MULTIPART_DATA, MULTIPART_DONE, MULTIPART_BROKEN } state;
	char delimiter[4 + MULTIPART_BOUNDARY_MAX];     /* CR LF - - boundary */
	size_t delimiter_n, matched;            /* of the delimiter, or of what may follow it */
	char last;                              /* the byte before, while a delimiter's end is read */
	char header[MULTIPART_HEADER_MAX];
	size_t header_n;
	const struct multipart_events *events;
	void *ctx;
};

/* Takes the boundary from the Content-Type header. -EMEDIUMTYPE: not multipart/form-data; -EINVAL: no or a bad boundary. */
int multipart_init(struct multipart *m, struct str content_type, const struct multipart_events *events, void *ctx);
/* -EBADMSG: malformed; -E2BIG: a part's headers are too long. After an error only the same error comes back. */
int multipart_feed(struct multipart *m, struct str bytes);
/* The body has ended: 0, or -EBADMSG when its closing delimiter is missing. */
int multipart_finish(const struct multipart *m);

#endif
