/* Ends of CVs that webhooks have yet to tell (queue.h). */
#include <errno.h>
#include <stdlib.h>

#include "queue_call.h"

void queue_hooks_ready(struct queue *q)
{
	script_load(q->redis, &q->scripts.scripts[SCRIPT_hook_add]);
}

int queue_hook_add(struct queue *q, struct str user, struct str batch, struct str cv, int attempt, queue_answer_fn *fn, void *ctx)
{
	char numbers[2][NUMBER_SIZE];

	return queue_ask(q, SCRIPT_hook_add, fn, ctx, 6, (struct str[]){ user, cv, batch, number_text(numbers[0], attempt),
		number_text(numbers[1], q->cfg->webhook_pending_max), *q->cfg->webhook_url ? STR("1") : STR("0") });
}

int queue_hook_drop(struct queue *q, struct str user, struct str cv, queue_answer_fn *fn, void *ctx)
{
	return queue_ask(q, SCRIPT_hook_drop, fn, ctx, 2, (struct str[]){ user, cv });
}

struct take_call {
	queue_hook_fn *fn;
	void *ctx;
};

static void on_taken(void *ctx, const struct redisReply *reply)
{
	struct take_call *call = ctx;
	const struct queue_hook none = { .name = STR("") };

	for (size_t i = 0; is_array(reply) && i < reply_count(reply); i++) {
		const struct redisReply *row = reply_at(reply, i);
		const struct queue_hook hook = {
			.name = reply_str(reply_at(row, 0)), .batch = reply_str(reply_at(row, 1)),
			.attempt = (int)reply_int(reply_at(row, 2), 1), .tries = (int)reply_int(reply_at(row, 3), 1),
			.age_ms = reply_int(reply_at(row, 4), 0), .url = reply_str(reply_at(row, 5)),
		};

		if (hook.name.n)
			call->fn(call->ctx, &hook);
	}
	call->fn(call->ctx, &none);
	free(call);
}

int queue_hook_take(struct queue *q, int most, int64_t lease_ms, queue_hook_fn *fn, void *ctx)
{
	char numbers[2][NUMBER_SIZE];
	struct take_call *call = malloc(sizeof(*call));
	int rc;

	if (!call)
		return -ENOMEM;
	*call = (struct take_call){ fn, ctx };
	rc = QUEUE_CALL(q, SCRIPT_hook_take, on_taken, call, number_text(numbers[0], most), number_text(numbers[1], lease_ms));
	if (rc < 0)
		free(call);
	return rc;
}

int queue_hook_end(struct queue *q, const char *name, int attempt, enum queue_hook_how how, int64_t delay_ms, const char *reason,
		   queue_answer_fn *fn, void *ctx)
{
	static const char *const names[] = {
		[QUEUE_HOOK_TOLD] = "told", [QUEUE_HOOK_OVER] = "over", [QUEUE_HOOK_LATER] = "later", [QUEUE_HOOK_WAIT] = "wait",
		[QUEUE_HOOK_DEAD] = "dead",
	};
	char numbers[3][NUMBER_SIZE];

	return queue_ask(q, SCRIPT_hook_end, fn, ctx, 6, (struct str[]){ str_c(name), number_text(numbers[0], attempt), str_c(names[how]),
		number_text(numbers[1], delay_ms), str_c(reason), number_text(numbers[2], q->cfg->webhook_dead_max) });
}
