/* Whether an upload may begin, asked before its first byte: the user's quota of the day, and worker.pre_create_url. */
#ifndef WORKER_ADMIT_H
#define WORKER_ADMIT_H

#include "api.h"

/* What is known of the upload; text may be NULL. */
struct upload_offer {
	const char *batch, *filename, *filetype;
	int64_t bytes;
};

/* Calls `then`, now or later, or answers; meanwhile the call is held and its body waits. A client that has gone meanwhile is
 * no longer there when `then` is called: call->request is NULL. */
void admit(struct call *call, const struct upload_offer *offer, void (*then)(struct call *call));

#endif
