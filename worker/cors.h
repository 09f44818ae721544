/* Pages of other origins (auth.allowed_origins) as callers of the API: what their browsers ask first, and what they may read. */
#ifndef WORKER_CORS_H
#define WORKER_CORS_H

#include "api.h"

#define CORS_HEADERS_MAX 4

/* Of an answer; how many they are. The values are constants or the request's own text. */
size_t cors_answer_headers(const struct call *call, struct http_header out[CORS_HEADERS_MAX]);
/* Answers a browser's question before a request (OPTIONS with Access-Control-Request-Method). false: it is none. */
bool cors_preflight(struct call *call);

#endif
