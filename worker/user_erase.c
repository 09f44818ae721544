/*
 * DELETE /users/{id}: a person is forgotten. In this order, so that nothing that still runs can bring anything back:
 *   1. the tombstone: frames of CVs that Redis does not know any more are dropped (publish.lua)
 *   2. the jobs leave the queue, entries of the inbox as well; workers that have one of them stop
 *   3. files, records and results leave the spool and the vault; what a thread still writes for them goes too (spool.h)
 *   4. every key of the user leaves Redis
 * Each step may be done twice: whoever gets no answer asks again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "calls.h"
#include "keys.h"
#include "log.h"
#include "spool_jobs.h"
#include "user_keys.h"
#include "vault.h"

#define TOMBSTONE_EXTRA_S 60

struct erasing {
	int64_t jobs, entries, files;
};

static void failed(struct call *call, int rc)
{
	call_failed(call, rc);
	call_release(call);
}

static void on_keys_removed(void *ctx, int64_t removed)
{
	struct call *call = ctx;
	const struct erasing *e = call->state;
	struct buf body;

	if (removed < 0) {
		failed(call, (int)removed);
		return;
	}
	LOG(INFO, "user_erased", LOG_USER(str_c(call->id)), LOG_INT("files", e->files), LOG_INT("jobs", e->jobs), LOG_INT("keys", removed));
	buf_init(&body, 1024);
	buf_addf(&body, "{\"user_id\":\"%s\",\"files\":%lld,\"jobs\":%lld,\"inbox_entries\":%lld,\"keys\":%lld}", call->id,
		 (long long)e->files, (long long)e->jobs, (long long)e->entries, (long long)removed);
	call_json(call, 200, &body);
	buf_free(&body);
	call_release(call);
}

static void on_vault_left(void *ctx, int rc)
{
	struct call *call = ctx;
	struct erasing *e = call->state;
	struct worker *w = call->worker;

	if (rc >= 0) {
		e->files += rc;
		rc = user_keys_remove(w->redis, w->cfg, str_c(call->id), on_keys_removed, call);
	}
	if (rc < 0)
		failed(call, rc);
}

static void on_spool_left(void *ctx, int rc)
{
	struct call *call = ctx;
	struct erasing *e = call->state;
	struct worker *w = call->worker;

	if (rc < 0 || !w->vault) {
		on_vault_left(call, rc);
		return;
	}
	e->files = rc;
	rc = vault_erase_user(w->vault, str_c(call->id), on_vault_left, call);
	if (rc < 0)
		failed(call, rc);
}

static void on_queue_left(void *ctx, int64_t jobs, int64_t entries)
{
	struct call *call = ctx;
	struct erasing *e = call->state;
	struct worker *w = call->worker;
	int rc = jobs < 0 ? (int)jobs : 0;

	e->jobs = jobs;
	e->entries = entries;
	if (rc == 0)
		rc = spool_job_remove_user(w->loop, w->spool, str_c(call->id), on_spool_left, call);
	if (rc < 0)
		failed(call, rc);
}

static void on_tombstone(void *ctx, const struct redisReply *reply)
{
	struct call *call = ctx;
	int rc = reply_kind(reply) == REPLY_STATUS ? 0 : -ENOTCONN;

	if (rc == 0)
		rc = queue_erase_user(call->worker->queue, str_c(call->id), on_queue_left, call);
	if (rc < 0)
		failed(call, rc);
}

static void on_free(struct call *call)
{
	free(call->state);
}

static int begin(struct call *call)
{
	const struct config *cfg = call->worker->cfg;
	char key[KEY_SIZE], seconds[24];

	call->state = calloc(1, sizeof(struct erasing));
	if (!call->state)
		return -ENOMEM;
	call->on_free = on_free;
	snprintf(seconds, sizeof(seconds), "%lld", (long long)(cfg->worker_lease_ms / 1000 + TOMBSTONE_EXTRA_S));
	return REDIS_COMMAND(call->worker->redis, on_tombstone, call, STR("SET"),
			     key_user(key, cfg->redis_key_form, str_c(call->id), "erased"), STR("1"), STR("EX"), str_c(seconds));
}

void users_erase(struct call *call)
{
	int rc;

	if (!call->who.any_user) {
		call_problem(call, 403, "forbidden", "this needs a token with the scope \"service\"");
		return;
	}
	call_hold(call);
	rc = begin(call);
	if (rc < 0)
		failed(call, rc);
}
