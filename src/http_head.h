/*
 * The head of an HTTP/1.x request, parsed strictly (RFC 9112): what proxies could read in two ways is refused, not
 * guessed. Pure: slices point into the caller's bytes. Used by server_http.c.
 */
#ifndef CVPULSE_HTTP_HEAD_H
#define CVPULSE_HTTP_HEAD_H

#include "http.h"
#include "str.h"

#define HTTP_HEAD_MAX_BYTES 16384
#define HTTP_HEAD_MAX_FIELDS 100

struct http_field {
	struct str name, value;
};

struct http_head {
	enum http_method method;
	struct str target, path, query;         /* undecoded; query without its '?' */
	bool keep_alive, expects_continue;
	bool wants_websocket;                   /* Upgrade: websocket with Connection: upgrade */
	int64_t content_length;                 /* -1: none */
	size_t n_fields;
	struct http_field fields[HTTP_HEAD_MAX_FIELDS];
};

/* Length of the head with its empty line once p holds it all, 0 while more must come, or -status (an HTTP status that says
 * what is wrong: 400, 431). *scanned is where the last call stopped looking; 0 for a new head. */
int http_head_length(const char *p, size_t n, size_t *scanned);

/* Parses a whole head of that length. Returns 0 or an HTTP status: 400, 411 (Transfer-Encoding: only bodies of a known
 * length are taken), 414, 417, 431, 505. */
int http_head_parse(const char *p, size_t n, struct http_head *out);

/* The one field of this lower-case name; {NULL,0} when it is absent or there are several. */
struct str http_head_field(const struct http_head *head, const char *name);

#endif
