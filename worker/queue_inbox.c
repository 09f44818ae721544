/* The inbox of the queue (queue.h): entries of a stream that other programs write. */
#include <errno.h>
#include <stdlib.h>

#include "queue_call.h"

struct take_call {
	queue_inbox_fn *fn;
	void *ctx;
};

static void on_taken(void *ctx, const struct redisReply *reply)
{
	struct take_call *call = ctx;
	const struct queue_inbox_entry none = { STR(""), NULL };

	for (size_t i = 0; i < reply_count(reply); i++) {
		const struct redisReply *entry = reply_at(reply, i);
		const struct queue_inbox_entry taken = { reply_str(reply_at(entry, 0)), reply_at(entry, 1) };

		if (taken.id.n)
			call->fn(call->ctx, &taken, true);
	}
	call->fn(call->ctx, &none, is_array(reply));
	free(call);
}

int queue_inbox_take(struct queue *q, int most, int64_t idle_ms, queue_inbox_fn *fn, void *ctx)
{
	char numbers[4][NUMBER_SIZE];
	struct take_call *call = malloc(sizeof(*call));
	int rc;

	if (!call)
		return -ENOMEM;
	*call = (struct take_call){ fn, ctx };
	rc = QUEUE_CALL(q, SCRIPT_inbox_take, on_taken, call, number_text(numbers[0], most), number_text(numbers[1], idle_ms),
			number_text(numbers[2], q->cfg->inbox_deliveries_max), number_text(numbers[3], q->cfg->inbox_dead_max));
	if (rc < 0)
		free(call);
	return rc;
}

struct str queue_inbox_field(const struct queue_inbox_entry *entry, const char *name)
{
	return job_field(entry->fields, 0, name);
}

int queue_inbox_end(struct queue *q, struct str id, const char *reason, queue_answer_fn *fn, void *ctx)
{
	char dead_max[NUMBER_SIZE];

	return queue_ask(q, SCRIPT_inbox_end, fn, ctx, 3, (struct str[]){ id, str_c(reason), number_text(dead_max, q->cfg->inbox_dead_max) });
}

int queue_inbox_put_off(struct queue *q, struct str id)
{
	return REDIS_COMMAND(q->redis, NULL, NULL, STR("XCLAIM"), STR(QUEUE_PREFIX "inbox"), STR("workers"), STR("worker"), STR("0"), id,
			     STR("IDLE"), STR("0"), STR("RETRYCOUNT"), STR("0"), STR("JUSTID"));
}
