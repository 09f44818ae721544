/* See open_uploads.h. */
#include "open_uploads.h"

#include <errno.h>
#include <stdio.h>

#include "keys.h"

static struct str number(int64_t value, char out[24])
{
	return str_of(out, (size_t)snprintf(out, 24, "%lld", (long long)value));
}

int open_uploads_add(struct redis *r, const struct config *cfg, struct str user, struct str id, int64_t now_ms, redis_reply_fn *fn, void *ctx)
{
	char key[KEY_SIZE], now[24], until[24], life[24];
	struct str k = key_user(key, cfg->redis_key_form, user, "uploads");

	number(now_ms, now);
	if (REDIS_COMMAND(r, NULL, NULL, STR("ZREMRANGEBYSCORE"), k, STR("-inf"), str_c(now)) < 0 ||
	    REDIS_COMMAND(r, NULL, NULL, STR("ZADD"), k, number(now_ms + cfg->worker_upload_expire_ms, until), id) < 0 ||
	    REDIS_COMMAND(r, NULL, NULL, STR("PEXPIRE"), k, number(cfg->worker_upload_expire_ms, life)) < 0)
		return -ENOTCONN;
	return REDIS_COMMAND(r, fn, ctx, STR("ZCARD"), k);
}

void open_uploads_remove(struct redis *r, const struct config *cfg, struct str user, struct str id)
{
	char key[KEY_SIZE];

	REDIS_COMMAND(r, NULL, NULL, STR("ZREM"), key_user(key, cfg->redis_key_form, user, "uploads"), id);
}
