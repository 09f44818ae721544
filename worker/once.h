/* Idempotency-Key: the answer to a request is remembered for worker.idempotency_s, and a repeated one gets the same. A key in
 * Redis for each, user:<id>:once:<what>:<key>. */
#ifndef WORKER_ONCE_H
#define WORKER_ONCE_H

#include "api.h"

/* Takes the request's key into call->once. 0; -EINVAL: answered, it is none. Without the header call->once is "". */
int once_read(struct call *call);
/* reply_str of the answer is what is remembered, or empty. what: a name for the kind of request. -errno: not sent. */
int once_find(struct call *call, const char *what, redis_reply_fn *fn, void *ctx);
/* Remembers `value` if nothing is; reply_str is what was there before (REPLY_NIL: nothing). seconds: 0 for the whole time. */
int once_claim(struct call *call, const char *what, struct str value, int64_t seconds, redis_reply_fn *fn, void *ctx);
/* No answer is waited for: a lost one lets a repeated request be done again. */
void once_keep(struct call *call, const char *what, struct str value);
void once_forget(struct redis *r, const struct config *cfg, struct str user, const char *what, const char *key);

#endif
