/* See quota.h. The key is user:<id>:bytes:<day since 1970>. */
#include "quota.h"

#include <stdio.h>

#include "keys.h"

#define DAY_S 86400
#define KEPT_S "172800"                 /* a day, and what clocks may differ */

static struct str quota_key(char out[KEY_SIZE], const struct config *cfg, struct str user, int64_t now_ms)
{
	char suffix[40];

	snprintf(suffix, sizeof(suffix), "bytes:%lld", (long long)(now_ms / 1000 / DAY_S));
	return key_user(out, cfg->redis_key_form, user, suffix);
}

int quota_used(struct redis *r, const struct config *cfg, struct str user, int64_t now_ms, redis_reply_fn *fn, void *ctx)
{
	char key[KEY_SIZE];

	return REDIS_COMMAND(r, fn, ctx, STR("GET"), quota_key(key, cfg, user, now_ms));
}

int quota_charge(struct redis *r, const struct config *cfg, struct str user, int64_t now_ms, int64_t bytes, redis_reply_fn *fn, void *ctx)
{
	char text[KEY_SIZE], number[24];
	struct str key = quota_key(text, cfg, user, now_ms);
	int rc;

	snprintf(number, sizeof(number), "%lld", (long long)bytes);
	rc = REDIS_COMMAND(r, fn, ctx, STR("INCRBY"), key, str_c(number));
	if (rc == 0)
		REDIS_COMMAND(r, NULL, NULL, STR("EXPIRE"), key, STR(KEPT_S));
	return rc;
}

struct problem quota_problem(int64_t now_ms)
{
	return (struct problem){
		.status = 429, .code = "daily_quota", .retry_after_s = DAY_S - now_ms / 1000 % DAY_S,
		.sentence = "you have sent as much as one person may send on one day; please go on tomorrow",
	};
}
