/* Reads text/event-stream (WHATWG HTML, 9.2.6) in pieces of any size. */
#ifndef CLI_SSE_H
#define CLI_SSE_H

#include "str.h"

struct sse {
	bool (*on_event)(void *ctx, struct str id, struct str data);
	void *ctx;
	struct buf line, data, id;
	bool after_cr;                  /* a \n that comes next belongs to the \r before it */
	bool ended;                     /* on_event wants no more, or a line is too long */
};

void sse_init(struct sse *s, bool (*on_event)(void *ctx, struct str id, struct str data), void *ctx);
void sse_free(struct sse *s);
bool sse_feed(struct sse *s, struct str bytes);         /* false: ended */

#endif
