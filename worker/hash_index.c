/* See hash_index.h. The key is user:<id>:hashes. */
#include "hash_index.h"

#include <stdio.h>

#include "keys.h"

int hash_index_find(struct redis *r, const struct config *cfg, struct str user, const char *sha256, redis_reply_fn *fn, void *ctx)
{
	char key[KEY_SIZE];

	return REDIS_COMMAND(r, fn, ctx, STR("HGET"), key_user(key, cfg->redis_key_form, user, "hashes"), str_c(sha256));
}

void hash_index_put(struct redis *r, const struct config *cfg, struct str user, const char *sha256, struct str cv)
{
	char text[KEY_SIZE], seconds[24];
	struct str key = key_user(text, cfg->redis_key_form, user, "hashes");

	snprintf(seconds, sizeof(seconds), "%lld", (long long)cfg->worker_retention_days * 86400);
	REDIS_COMMAND(r, NULL, NULL, STR("HSET"), key, str_c(sha256), cv);
	REDIS_COMMAND(r, NULL, NULL, STR("EXPIRE"), key, str_c(seconds));
}

void hash_index_remove(struct redis *r, const struct config *cfg, struct str user, const char *sha256)
{
	char key[KEY_SIZE];

	REDIS_COMMAND(r, NULL, NULL, STR("HDEL"), key_user(key, cfg->redis_key_form, user, "hashes"), str_c(sha256));
}
