/* Which of a user's CVs has a file's content: a hash in Redis, SHA-256 to CV. It only gives hints: whoever follows one checks
 * that the CV is still there and has a result. */
#ifndef WORKER_HASH_INDEX_H
#define WORKER_HASH_INDEX_H

#include "config.h"
#include "redis.h"

/* reply_str of the answer is the CV, or empty. -errno: not sent. */
int hash_index_find(struct redis *r, const struct config *cfg, struct str user, const char *sha256, redis_reply_fn *fn, void *ctx);
/* The newest CV with this content. No answer is waited for: a lost one costs a second reading of the same file. */
void hash_index_put(struct redis *r, const struct config *cfg, struct str user, const char *sha256, struct str cv);
void hash_index_remove(struct redis *r, const struct config *cfg, struct str user, const char *sha256);

#endif
