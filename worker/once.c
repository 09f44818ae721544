/* See once.h. */
#include "once.h"

#include <errno.h>
#include <stdio.h>

static struct str key_of(const struct config *cfg, struct str user, const char *what, const char *key, char out[KEY_SIZE])
{
	char suffix[ID_MAX + 32];

	snprintf(suffix, sizeof(suffix), "once:%s:%s", what, key);
	return key_user(out, cfg->redis_key_form, user, suffix);
}

static struct str once_key(struct call *call, const char *what, const char *key, char out[KEY_SIZE])
{
	return key_of(call->worker->cfg, str_c(call->who.user), what, key, out);
}

int once_read(struct call *call)
{
	int n = request_header(call->request, "idempotency-key", call->once, sizeof(call->once));

	if (n == -ENOENT)
		call->once[0] = '\0';
	else if (n < 0 || !id_valid(str_c(call->once))) {
		call_problem(call, 400, "bad_idempotency_key", "an Idempotency-Key has 1 to 128 characters of A-Z a-z 0-9 . _ @ | + ~ = -");
		return -EINVAL;
	}
	return 0;
}

int once_find(struct call *call, const char *what, redis_reply_fn *fn, void *ctx)
{
	char key[KEY_SIZE];

	return REDIS_COMMAND(call->worker->redis, fn, ctx, STR("GET"), once_key(call, what, call->once, key));
}

static struct str life(const struct call *call, int64_t seconds, char out[24])
{
	int64_t ms = seconds ? seconds * 1000 : call->worker->cfg->worker_idempotency_ms;

	return str_of(out, (size_t)snprintf(out, 24, "%lld", (long long)ms));
}

int once_claim(struct call *call, const char *what, struct str value, int64_t seconds, redis_reply_fn *fn, void *ctx)
{
	char key[KEY_SIZE], ms[24];

	return REDIS_COMMAND(call->worker->redis, fn, ctx, STR("SET"), once_key(call, what, call->once, key), value, STR("NX"), STR("GET"), STR("PX"),
			     life(call, seconds, ms));
}

void once_keep(struct call *call, const char *what, struct str value)
{
	char key[KEY_SIZE], ms[24];

	REDIS_COMMAND(call->worker->redis, NULL, NULL, STR("SET"), once_key(call, what, call->once, key), value, STR("PX"), life(call, 0, ms));
}

void once_forget(struct redis *r, const struct config *cfg, struct str user, const char *what, const char *key)
{
	char name[KEY_SIZE];

	REDIS_COMMAND(r, NULL, NULL, STR("DEL"), key_of(cfg, user, what, key, name));
}
