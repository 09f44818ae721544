/* Lua scripts over a connection: EVALSHA, and EVAL when Redis does not know the script yet. See redis.h. */
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "redis.h"

/* What EVALSHA was called with, kept until Redis has shown that it knows the script. */
struct script_run {
	struct redis *redis;
	struct script *script;
	redis_reply_fn *fn;
	void *ctx;
	int argc;
	struct str argv[REDIS_ARGS_MAX];
	char bytes[];
};

static void on_script_reply(void *ctx, const struct redisReply *reply)
{
	struct script_run *run = ctx;

	if (reply_kind(reply) == REPLY_ERROR && str_starts(reply_str(reply), STR("NOSCRIPT"))) {
		run->argv[0] = STR("EVAL");
		run->argv[1] = str_c(run->script->body);
		if (redis_command(run->redis, run->fn, run->ctx, run->argc, run->argv) == 0) {
			free(run);
			return;
		}
		reply = NULL;
	}
	if (run->fn)
		run->fn(run->ctx, reply);
	free(run);
}

static void script_hash(struct script *s)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	EVP_Digest(s->body, strlen(s->body), digest, &n, EVP_sha1(), NULL);
	for (unsigned i = 0; i < 20; i++)
		snprintf(s->sha + 2 * i, 3, "%02x", digest[i]);
}

int script_load(struct redis *r, struct script *s)
{
	return REDIS_COMMAND(r, NULL, NULL, STR("SCRIPT"), STR("LOAD"), str_c(s->body));
}

int script_call(struct redis *r, struct script *s, redis_reply_fn *fn, void *ctx, int n_keys, int argc, const struct str *argv)
{
	struct script_run *run;
	char count[16], *at;
	size_t bytes = 0;
	int rc;

	if (argc + 3 > REDIS_ARGS_MAX)
		return -E2BIG;
	if (!s->sha[0])
		script_hash(s);
	snprintf(count, sizeof(count), "%d", n_keys);
	for (int i = 0; i < argc; i++)
		bytes += argv[i].n;
	run = malloc(sizeof(*run) + sizeof(count) + bytes);
	if (!run)
		return -ENOMEM;
	run->redis = r;
	run->script = s;
	run->fn = fn;
	run->ctx = ctx;
	run->argc = argc + 3;
	run->argv[0] = STR("EVALSHA");
	run->argv[1] = str_c(s->sha);
	at = run->bytes;
	memcpy(at, count, sizeof(count));
	run->argv[2] = str_c(at);
	at += sizeof(count);
	for (int i = 0; i < argc; i++) {
		if (argv[i].n)
			memcpy(at, argv[i].p, argv[i].n);
		run->argv[i + 3] = str_of(at, argv[i].n);
		at += argv[i].n;
	}
	rc = redis_command(r, on_script_reply, run, run->argc, run->argv);
	if (rc < 0)
		free(run);
	return rc;
}
