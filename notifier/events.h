/* What an SSE response and a poll keep besides their connection. */
#ifndef CVPULSE_EVENTS_H
#define CVPULSE_EVENTS_H

#include "notifier/conn.h"

#define EVENTS_LIMIT_MAX 1000
#define EVENTS_MAX_BYTES ((size_t)64 << 20)     /* of a poll's answer */

struct events {
	char origin[256];               /* of a page that may read the answer; "" otherwise */
	int64_t wait_ms;
	size_t limit, count;
	struct buf list, snapshot;      /* what a poll has gathered */
	struct stream_id last;          /* of the last event in list */
	bool resync, begun;
};

/* Answers a connection that has not begun, or a poll, by its close code. */
void events_refuse(struct conn *c, int code);
/* The request has ended: nothing of c may use it any more. */
void events_request_end(struct conn *c);

#endif
