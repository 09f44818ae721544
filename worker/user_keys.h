/* Removing whatever Redis holds under a user's name, however it came there: all keys are looked through, so that no list of
 * them can be out of date. */
#ifndef WORKER_USER_KEYS_H
#define WORKER_USER_KEYS_H

#include "config.h"
#include "redis.h"

/* Whether a key belongs to the user: user:<id>:… but for the tombstone, {cvq}:…:<id> and {cvq}:…:<id>/… */
bool user_owns_key(const struct config *cfg, struct str user, struct str key);

/* Looks through all keys again and again until none of the user's was left. removed: how many went, or -ENOTCONN. 0: fn is
 * called once, later. */
typedef void user_keys_fn(void *ctx, int64_t removed);
int user_keys_remove(struct redis *r, const struct config *cfg, struct str user, user_keys_fn *fn, void *ctx);

#endif
