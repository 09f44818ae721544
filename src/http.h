/* HTTP vocabulary that both daemons share: methods, problem details (RFC 9457), stable problem codes. No socket here. */
#ifndef CVPULSE_HTTP_H
#define CVPULSE_HTTP_H

#include "str.h"

enum http_method { HTTP_OTHER, HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS };

const char *http_method_name(enum http_method method);  /* "GET"; "" for HTTP_OTHER */
enum http_method http_method_by_name(struct str name);  /* HTTP_OTHER when unknown; names are case-sensitive (RFC 9110, 9.1) */
const char *http_reason(int status);                    /* "Not Found" */

/* Adds an application/problem+json body: {"type":"about:blank","title":…,"status":…,"code":…,"detail":…}. code is stable,
 * detail is a sentence that says what to do (may be empty). */
void problem_write(struct buf *out, int status, const char *code, struct str detail);

#define API_BASE "/api/v1/cv-processing"

#endif
