/* A user leaves the queue (queue.h): jobs first, some at a time, then entries of the inbox and its dead letters. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "queue_call.h"

#define JOBS_AT_ONCE 500

struct erase_call {
	struct queue *queue;
	char user[ID_MAX + 1];
	int64_t jobs, entries;
	queue_erase_fn *fn;
	void *ctx;
};

static void finish(struct erase_call *call, int64_t jobs)
{
	call->fn(call->ctx, jobs, call->entries);
	free(call);
}

static int next_jobs(struct erase_call *call);

static void on_entries(void *ctx, const struct redisReply *reply)
{
	struct erase_call *call = ctx;

	call->entries = reply_int(reply, 0);
	finish(call, reply_kind(reply) == REPLY_INTEGER ? call->jobs : -ENOTCONN);
}

static void on_jobs(void *ctx, const struct redisReply *reply)
{
	struct erase_call *call = ctx;
	int64_t count = reply_kind(reply) == REPLY_INTEGER ? reply_int(reply, 0) : -ENOTCONN;
	int rc = count < 0 ? -ENOTCONN : 0;

	if (rc == 0) {
		call->jobs += count;
		rc = count < JOBS_AT_ONCE ? QUEUE_CALL(call->queue, SCRIPT_inbox_erase, on_entries, call, str_c(call->user)) : next_jobs(call);
	}
	if (rc < 0)
		finish(call, rc);
}

static int next_jobs(struct erase_call *call)
{
	char number[NUMBER_SIZE];

	return QUEUE_CALL(call->queue, SCRIPT_erase, on_jobs, call, str_c(call->user), number_text(number, JOBS_AT_ONCE));
}

int queue_erase_user(struct queue *q, struct str user, queue_erase_fn *fn, void *ctx)
{
	struct erase_call *call = calloc(1, sizeof(*call));
	int rc;

	if (!call)
		return -ENOMEM;
	*call = (struct erase_call){ .queue = q, .fn = fn, .ctx = ctx };
	snprintf(call->user, sizeof(call->user), STR_FMT, STR_ARG(user));
	rc = next_jobs(call);
	if (rc < 0)
		free(call);
	return rc;
}
