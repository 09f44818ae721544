/* See schema.h. */
#include "schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "keys.h"
#include "log.h"

struct check {
	schema_fn *fn;
	void *ctx;
};

/* There is no older version than ours yet, so that there is nothing to upgrade. */
static int judge(const struct redisReply *reply)
{
	enum reply_kind kind = reply_kind(reply);

	if (kind == REPLY_LOST || kind == REPLY_ERROR)
		return -EAGAIN;
	if (kind == REPLY_NIL || reply_int(reply, INT64_MAX) <= CONTRACT_VERSION)
		return 0;
	LOG(ERROR, "schema_too_new", LOG_STR("found", reply_str(reply)), LOG_INT("known", CONTRACT_VERSION));
	return -EPROTONOSUPPORT;
}

static void on_reply(void *ctx, const struct redisReply *reply)
{
	struct check *check = ctx;

	check->fn(check->ctx, judge(reply));
	free(check);
}

int schema_check(struct redis *redis, schema_fn *fn, void *ctx)
{
	char version[16];
	struct check *check = malloc(sizeof(*check));
	int rc;

	if (!check)
		return -ENOMEM;
	*check = (struct check){ fn, ctx };
	snprintf(version, sizeof(version), "%d", CONTRACT_VERSION);
	/* NX and GET together: sets it in an empty Redis, and says what was there. */
	rc = REDIS_COMMAND(redis, on_reply, check, STR("SET"), STR(KEY_SCHEMA), str_c(version), STR("NX"), STR("GET"));
	if (rc < 0)
		free(check);
	return rc;
}
