/* Who is calling: a call's credentials judged, after a look for new keys (auth.jwks_url) when its token names an unknown one.
 * Called by router.c. */
#ifndef WORKER_SIGN_IN_H
#define WORKER_SIGN_IN_H

#include "api.h"

/* Calls `then` with call->who filled in, now or later, or answers. */
void sign_in(struct call *call, void (*then)(struct call *call));
/* The client has gone. */
void sign_in_forget(struct call *call);

#endif
