/* See user_keys.h. */
#include "user_keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "id.h"
#include "keys.h"

#define PAGE "1000"             /* keys that are looked at in one command */
#define PASSES_MAX 5            /* a job that ends meanwhile may write once more */
#define CURSOR_SIZE 24

struct removal {
	struct redis *redis;
	const struct config *cfg;
	char user[ID_MAX + 1], cursor[CURSOR_SIZE];
	int64_t removed, removed_in_pass;
	int passes;
	user_keys_fn *fn;
	void *ctx;
};

static bool ends_with(struct str text, struct str end)
{
	return text.n >= end.n && str_eq(str_skip(text, text.n - end.n), end);
}

/* The part after a colon, up to the end or a slash. */
static bool names_user(struct str key, struct str user)
{
	const char *at = key.p;
	size_t left = key.n;

	while ((at = memchr(at, ':', left))) {
		at++;
		left = key.n - (size_t)(at - key.p);
		if (left >= user.n && memcmp(at, user.p, user.n) == 0 && (left == user.n || at[user.n] == '/'))
			return true;
	}
	return false;
}

bool user_owns_key(const struct config *cfg, struct str user, struct str key)
{
	char prefix[KEY_SIZE];

	if (str_starts(key, STR("{cvq}:")))
		return names_user(key, user);
	return str_starts(key, key_user(prefix, cfg->redis_key_form, user, "")) && !ends_with(key, STR(":erased"));
}

static int next_page(struct removal *r);

static void finish(struct removal *r, int64_t removed)
{
	r->fn(r->ctx, removed);
	free(r);
}

/* Answers of UNLINK are not waited for: the next command of this connection comes after them. */
static void on_page(void *ctx, const struct redisReply *reply)
{
	struct removal *r = ctx;
	struct str cursor = reply_str(reply_at(reply, 0));
	const struct redisReply *keys = reply_at(reply, 1);
	bool again;

	if (reply_kind(reply) != REPLY_ARRAY || cursor.n == 0 || cursor.n >= CURSOR_SIZE) {
		finish(r, -ENOTCONN);
		return;
	}
	for (size_t i = 0; i < reply_count(keys); i++)
		if (user_owns_key(r->cfg, str_c(r->user), reply_str(reply_at(keys, i))) &&
		    REDIS_COMMAND(r->redis, NULL, NULL, STR("UNLINK"), reply_str(reply_at(keys, i))) == 0)
			r->removed_in_pass++;
	snprintf(r->cursor, sizeof(r->cursor), STR_FMT, STR_ARG(cursor));
	again = strcmp(r->cursor, "0") != 0;
	if (!again) {
		r->removed += r->removed_in_pass;
		again = r->removed_in_pass > 0 && ++r->passes < PASSES_MAX;
		r->removed_in_pass = 0;
	}
	if (!again)
		finish(r, r->removed);
	else if (next_page(r) < 0)
		finish(r, -ENOTCONN);
}

static int next_page(struct removal *r)
{
	char pattern[ID_MAX + 4];
	int n = snprintf(pattern, sizeof(pattern), "*%s*", r->user);

	return REDIS_COMMAND(r->redis, on_page, r, STR("SCAN"), str_c(r->cursor), STR("MATCH"), str_of(pattern, (size_t)n), STR("COUNT"), STR(PAGE));
}

int user_keys_remove(struct redis *redis, const struct config *cfg, struct str user, user_keys_fn *fn, void *ctx)
{
	struct removal *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return -ENOMEM;
	*r = (struct removal){ .redis = redis, .cfg = cfg, .cursor = "0", .fn = fn, .ctx = ctx };
	snprintf(r->user, sizeof(r->user), STR_FMT, STR_ARG(user));
	rc = next_page(r);
	if (rc < 0)
		free(r);
	return rc;
}
