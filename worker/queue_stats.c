/* What people and the sweep look at (queue.h): the numbers, and the batches that are due. */
#include <errno.h>
#include <stdlib.h>

#include "queue_call.h"

#define IDLE_BATCHES_MAX 50
#define LIST_MAX 1000

struct stats_call {
	queue_stats_fn *fn;
	void *ctx;
};

static void on_stats(void *ctx, const struct redisReply *reply)
{
	struct stats_call *call = ctx;
	struct queue_stats s = {
		.queued = reply_int(reply_at(reply, 0), 0), .running = reply_int(reply_at(reply, 1), 0),
		.retrying = reply_int(reply_at(reply, 2), 0), .dead = reply_int(reply_at(reply, 3), 0),
		.average_wait_ms = reply_int(reply_at(reply, 4), 0), .oldest_wait_ms = reply_int(reply_at(reply, 5), 0),
		.stalled = reply_int(reply_at(reply, 6), 0), .files_per_hour = reply_int(reply_at(reply, 7), 0),
		.paused = reply_int(reply_at(reply, 8), 0), .draining = reply_int(reply_at(reply, 9), 0),
		.webhooks_waiting = reply_int(reply_at(reply, 10), 0), .webhooks_dead = reply_int(reply_at(reply, 11), 0),
	};

	call->fn(call->ctx, is_array(reply) ? &s : NULL);
	free(call);
}

int queue_stats(struct queue *q, queue_stats_fn *fn, void *ctx)
{
	struct stats_call *call = malloc(sizeof(*call));
	int rc;

	if (!call)
		return -ENOMEM;
	*call = (struct stats_call){ fn, ctx };
	rc = queue_call(q, SCRIPT_stats, on_stats, call, 0, NULL);
	if (rc < 0)
		free(call);
	return rc;
}

struct list_call {
	queue_list_fn *fn;
	void *ctx;
};

static void on_list(void *ctx, const struct redisReply *reply)
{
	struct list_call *call = ctx;

	for (size_t i = 1; i < reply_count(reply); i++) {
		const struct redisReply *job = reply_at(reply, i);
		struct queue_row row = {
			.user = job_field(job, 2, "user"), .batch = job_field(job, 2, "batch"), .cv = job_field(job, 2, "cv"),
			.error = job_field(job, 2, "error"), .attempt = job_number(job, 2, "attempt"),
			.tries = job_number(job, 2, "tries"), .priority = job_number(job, 2, "priority"),
			.at_ms = reply_int(reply_at(job, 1), 0),
		};

		call->fn(call->ctx, &row, 0);
	}
	call->fn(call->ctx, NULL, reply_int(reply_at(reply, 0), -1));
	free(call);
}

int queue_list(struct queue *q, enum queue_list_kind kind, int64_t offset, int limit, queue_list_fn *fn, void *ctx)
{
	static const char *const sets[] = {
		[QUEUE_LIST_WAITING] = "waiting", [QUEUE_LIST_RUNNING] = "leases", [QUEUE_LIST_RETRYING] = "delayed",
		[QUEUE_LIST_DEAD] = "dead",
	};
	char numbers[2][NUMBER_SIZE];
	struct list_call *call = malloc(sizeof(*call));
	int rc;

	if (!call)
		return -ENOMEM;
	*call = (struct list_call){ fn, ctx };
	rc = QUEUE_CALL(q, SCRIPT_list, on_list, call, str_c(sets[kind]), number_text(numbers[0], offset),
			number_text(numbers[1], limit < LIST_MAX ? limit : LIST_MAX));
	if (rc < 0)
		free(call);
	return rc;
}

struct batch_call {
	queue_batch_fn *fn;
	void *ctx;
};

static void on_batches(void *ctx, const struct redisReply *reply)
{
	struct batch_call *call = ctx;

	for (size_t i = 0; i < reply_count(reply); i++) {
		struct str batch = reply_str(reply_at(reply, i)), user = str_cut(&batch, '/');

		call->fn(call->ctx, user, batch);
	}
	call->fn(call->ctx, STR(""), STR(""));
	free(call);
}

int queue_idle_batches(struct queue *q, int64_t again_ms, queue_batch_fn *fn, void *ctx)
{
	char numbers[2][NUMBER_SIZE];
	struct batch_call *call = malloc(sizeof(*call));
	int rc;

	if (!call)
		return -ENOMEM;
	*call = (struct batch_call){ fn, ctx };
	rc = QUEUE_CALL(q, SCRIPT_idle, on_batches, call, number_text(numbers[0], again_ms),
			number_text(numbers[1], IDLE_BATCHES_MAX));
	if (rc < 0)
		free(call);
	return rc;
}

int queue_batch_forget(struct queue *q, struct str user, struct str batch)
{
	char name[QUEUE_NAME_SIZE];

	return REDIS_COMMAND(q->redis, NULL, NULL, STR("ZREM"), STR(QUEUE_PREFIX "batches"), job_name(name, user, batch));
}

int queue_batch_look_at(struct queue *q, struct str user, struct str batch, int64_t wall_ms)
{
	char name[QUEUE_NAME_SIZE], at[NUMBER_SIZE];

	return REDIS_COMMAND(q->redis, NULL, NULL, STR("ZADD"), STR(QUEUE_PREFIX "batches"), STR("XX"), number_text(at, wall_ms),
			     job_name(name, user, batch));
}

int queue_batch_watch(struct queue *q, struct str user, struct str batch, int64_t wall_ms)
{
	char name[QUEUE_NAME_SIZE], at[NUMBER_SIZE];

	return REDIS_COMMAND(q->redis, NULL, NULL, STR("ZADD"), STR(QUEUE_PREFIX "batches"), STR("NX"), number_text(at, wall_ms),
			     job_name(name, user, batch));
}

int queue_batch_upload(struct queue *q, struct str user, struct str batch, int64_t wall_ms)
{
	char name[QUEUE_NAME_SIZE], until[NUMBER_SIZE];

	return REDIS_COMMAND(q->redis, NULL, NULL, STR("ZADD"), STR(QUEUE_PREFIX "uploads"),
			     number_text(until, wall_ms + QUEUE_UPLOAD_MS), job_name(name, user, batch));
}

struct pause_call {
	queue_answer_fn *fn;
	void *ctx;
};

static void on_paused(void *ctx, const struct redisReply *reply)
{
	struct pause_call *call = ctx;
	bool known = reply_kind(reply) != REPLY_LOST && reply_kind(reply) != REPLY_ERROR;

	call->fn(call->ctx, known ? QUEUE_ok : QUEUE_no_answer);
	free(call);
}

int queue_pause(struct queue *q, bool paused, queue_answer_fn *fn, void *ctx)
{
	const struct str set[] = { STR("SET"), STR(QUEUE_PREFIX "paused"), STR("1") };
	const struct str clear[] = { STR("DEL"), STR(QUEUE_PREFIX "paused") };
	struct pause_call *call = malloc(sizeof(*call));
	int rc;

	if (!call)
		return -ENOMEM;
	*call = (struct pause_call){ fn, ctx };
	rc = redis_command(q->redis, on_paused, call, paused ? 3 : 2, paused ? set : clear);
	if (rc < 0)
		free(call);
	return rc;
}
