/* Header values of multipart/form-data: parameters in their quoted, plain and RFC 8187 (was 5987) forms. */
#ifndef WORKER_MULTIPART_HEADER_H
#define WORKER_MULTIPART_HEADER_H

#include "multipart.h"

/* "multipart/form-data; boundary=…" → the boundary in out; -EMEDIUMTYPE or -EINVAL. */
int multipart_boundary(struct str content_type, char out[MULTIPART_BOUNDARY_MAX + 1]);

/* Reads a part's header block (lines that end in CR LF, in place: decoded values overwrite it). -EBADMSG without a usable
 * Content-Disposition. */
int multipart_part_parse(char *header, size_t n, struct multipart_part *out);

#endif
