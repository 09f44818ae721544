/* See queue.h. Jobs going in and out, but for leases (queue_lease.c) and what people look at (queue_stats.c). */
#include "queue.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "log.h"
#include "queue_call.h"

#define ARGS_MAX (2 + 2 * QUEUE_RENEW_MAX)    /* the longest call renews leases */
#define IDEMPOTENCY_S 86400
#define BATCH_FIRST_LOOK_MS 60000
#define DAY_S 86400

static const char *const answer_names[] = {
#define A(name) [QUEUE_##name] = #name,
	QUEUE_ANSWERS(A)
#undef A
};

const char *queue_answer_name(enum queue_answer answer)
{
	return answer_names[answer];
}

static void log_error(const struct redisReply *reply)
{
	if (reply_kind(reply) == REPLY_ERROR)
		LOG(ERROR, "queue_script_failed", LOG_STR("reason", reply_str(reply)));
}

bool is_array(const struct redisReply *reply)
{
	log_error(reply);
	return reply_kind(reply) == REPLY_ARRAY;
}

enum queue_answer answer_read(const struct redisReply *reply)
{
	struct str text = reply_str(reply_kind(reply) == REPLY_ARRAY ? reply_at(reply, 0) : reply);

	log_error(reply);
	if (reply_kind(reply) != REPLY_ERROR)
		for (int i = 0; i < QUEUE_no_answer; i++)
			if (str_eq(text, str_c(answer_names[i])))
				return (enum queue_answer)i;
	return QUEUE_no_answer;
}

struct str number_text(char out[NUMBER_SIZE], int64_t number)
{
	return str_of(out, (size_t)snprintf(out, NUMBER_SIZE, "%" PRId64, number));
}

struct str job_name(char out[QUEUE_NAME_SIZE], struct str user, struct str cv)
{
	return str_of(out, (size_t)snprintf(out, QUEUE_NAME_SIZE, STR_FMT "/" STR_FMT, STR_ARG(user), STR_ARG(cv)));
}

struct str job_field(const struct redisReply *job, size_t from, const char *name)
{
	for (size_t i = from; i + 1 < reply_count(job); i += 2)
		if (str_eq(reply_str(reply_at(job, i)), str_c(name)))
			return reply_str(reply_at(job, i + 1));
	return STR("");
}

int job_number(const struct redisReply *job, size_t from, const char *name)
{
	uint64_t number;

	return str_to_u64(job_field(job, from, name), 0, INT32_MAX, &number) < 0 ? 0 : (int)number;
}

int queue_call(struct queue *q, enum queue_script script, redis_reply_fn *fn, void *ctx, int n, const struct str *args)
{
	struct str argv[ARGS_MAX + 1] = { STR(QUEUE_PREFIX) };

	if (n > ARGS_MAX)
		return -E2BIG;
	for (int i = 0; i < n; i++)
		argv[i + 1] = args[i];
	return script_call(q->redis, &q->scripts.scripts[script], fn, ctx, 1, n + 1, argv);
}

int queue_open(struct redis *redis, const struct config *cfg, struct queue **out)
{
	struct queue *q = calloc(1, sizeof(*q));

	if (!q)
		return -ENOMEM;
	if (queue_scripts_load(&q->scripts) < 0) {
		free(q);
		return -ENOMEM;
	}
	q->redis = redis;
	q->cfg = cfg;
	id_new('w', q->worker);
	*out = q;
	return 0;
}

void queue_close(struct queue *q)
{
	queue_scripts_free(&q->scripts);
	free(q);
}

const char *queue_worker_name(const struct queue *q)
{
	return q->worker;
}

struct call {
	queue_answer_fn *fn;
	queue_push_fn *push_fn;
	void *ctx;
};

static void on_answer(void *ctx, const struct redisReply *reply)
{
	struct call *call = ctx;

	if (call->fn)
		call->fn(call->ctx, answer_read(reply));
	free(call);
}

static void on_pushed(void *ctx, const struct redisReply *reply)
{
	struct call *call = ctx;
	struct queue_push_answer answer = { .answer = answer_read(reply) };

	if (answer.answer == QUEUE_same) {
		answer.made_job = reply_str(reply_at(reply, 1));
		answer.made_batch = reply_str(reply_at(reply, 2));
	}
	if (call->push_fn)
		call->push_fn(call->ctx, &answer);
	free(call);
}

static struct call *call_new(queue_answer_fn *fn, queue_push_fn *push_fn, void *ctx)
{
	struct call *call = malloc(sizeof(*call));

	if (call)
		*call = (struct call){ fn, push_fn, ctx };
	return call;
}

int queue_ask(struct queue *q, enum queue_script script, queue_answer_fn *fn, void *ctx, int n, const struct str *args)
{
	struct call *call = call_new(fn, NULL, ctx);
	int rc;

	if (!call)
		return -ENOMEM;
	rc = queue_call(q, script, on_answer, call, n, args);
	if (rc < 0)
		free(call);
	return rc;
}

int queue_push(struct queue *q, const struct queue_job *job, int64_t hold_ms, bool unlimited, queue_push_fn *fn, void *ctx)
{
	char numbers[8][NUMBER_SIZE];
	struct call *call = call_new(NULL, fn, ctx);
	int rc;

	if (!call)
		return -ENOMEM;
	const struct str args[] = {
		job->user, job->batch, job->cv, str_c(job->lane ? job->lane : QUEUE_LANE_TEXT),
		number_text(numbers[0], job->priority), number_text(numbers[1], job->attempt), number_text(numbers[2], hold_ms),
		number_text(numbers[3], unlimited ? 0 : q->cfg->worker_queue_max),
		number_text(numbers[4], unlimited ? 0 : q->cfg->worker_max_pending_per_user),
		job->idempotency_key, number_text(numbers[5], IDEMPOTENCY_S), number_text(numbers[6], BATCH_FIRST_LOOK_MS),
		STR("filename"), job->filename, STR("sha256"), job->sha256, STR("bytes"), number_text(numbers[7], job->bytes),
		STR("webhook"), job->webhook,
	};
	int n = (int)(sizeof(args) / sizeof(args[0]));

	rc = queue_call(q, SCRIPT_push, on_pushed, call, job->webhook.n ? n : n - 2, args);
	if (rc < 0)
		free(call);
	return rc;
}

int queue_start(struct queue *q, struct str user, struct str cv, queue_answer_fn *fn, void *ctx)
{
	char name[QUEUE_NAME_SIZE];

	return queue_ask(q, SCRIPT_start, fn, ctx, 1, (struct str[]){ job_name(name, user, cv) });
}

int queue_drop(struct queue *q, struct str user, struct str cv, queue_answer_fn *fn, void *ctx)
{
	char name[QUEUE_NAME_SIZE];

	return queue_ask(q, SCRIPT_drop, fn, ctx, 1, (struct str[]){ job_name(name, user, cv) });
}

static void on_found(void *ctx, const struct redisReply *reply)
{
	struct call *call = ctx;

	call->fn(call->ctx, reply_kind(reply) != REPLY_INTEGER ? QUEUE_no_answer : reply_int(reply, 0) ? QUEUE_ok : QUEUE_gone);
	free(call);
}

int queue_find(struct queue *q, struct str user, struct str cv, queue_answer_fn *fn, void *ctx)
{
	char key[sizeof(QUEUE_PREFIX "job:") + QUEUE_NAME_SIZE], name[QUEUE_NAME_SIZE];
	struct call *call = call_new(fn, NULL, ctx);
	int rc, n = snprintf(key, sizeof(key), QUEUE_PREFIX "job:" STR_FMT, STR_ARG(job_name(name, user, cv)));

	if (!call)
		return -ENOMEM;
	rc = REDIS_COMMAND(q->redis, on_found, call, STR("EXISTS"), str_of(key, (size_t)n));
	if (rc < 0)
		free(call);
	return rc;
}

int queue_ack(struct queue *q, const struct queue_lease *lease, queue_answer_fn *fn, void *ctx)
{
	return queue_ask(q, SCRIPT_ack, fn, ctx, 2, (struct str[]){ str_c(lease->job), str_c(lease->token) });
}

int queue_retry(struct queue *q, const struct queue_lease *lease, int64_t delay_ms, enum error_code code, bool counts,
		queue_answer_fn *fn, void *ctx)
{
	char delay[NUMBER_SIZE];

	return queue_ask(q, SCRIPT_retry, fn, ctx, 5, (struct str[]){ str_c(lease->job), str_c(lease->token),
		number_text(delay, delay_ms), str_c(error_name(code)), str_c(counts ? "" : "free") });
}

int queue_release(struct queue *q, const struct queue_lease *lease, const char *lane, queue_answer_fn *fn, void *ctx)
{
	return queue_ask(q, SCRIPT_release, fn, ctx, 3, (struct str[]){ str_c(lease->job), str_c(lease->token), str_c(lane) });
}

int queue_bury(struct queue *q, const struct queue_lease *lease, enum error_code code, queue_answer_fn *fn, void *ctx)
{
	char numbers[2][NUMBER_SIZE];

	return queue_ask(q, SCRIPT_bury, fn, ctx, 5, (struct str[]){ str_c(lease->job), str_c(lease->token), str_c(error_name(code)),
		number_text(numbers[0], q->cfg->worker_dead_max), number_text(numbers[1], q->cfg->worker_retention_days * DAY_S) });
}
