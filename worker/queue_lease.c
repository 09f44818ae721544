/* Leases of the queue (queue.h): giving jobs out, keeping them, taking them over. */
#include <errno.h>
#include <stdlib.h>

#include "queue_call.h"

struct lease_call {
	queue_lease_fn *fn;
	void *ctx;
	char token[ID_NEW_SIZE];
};

static int64_t pushed_ms(const struct redisReply *job)
{
	uint64_t ms;

	return str_to_u64(job_field(job, 1, "pushed_ms"), 0, INT64_MAX / 1000, &ms) < 0 ? 0 : (int64_t)ms;
}

static bool leased_read(const struct redisReply *reply, const char *token, struct queue_leased *out)
{
	struct str name = reply_str(reply_at(reply, 0));

	if (name.n == 0 || name.n >= sizeof(out->lease.job))
		return false;
	*out = (struct queue_leased){
		.user = job_field(reply, 1, "user"), .batch = job_field(reply, 1, "batch"), .cv = job_field(reply, 1, "cv"),
		.filename = job_field(reply, 1, "filename"),
		.attempt = job_number(reply, 1, "attempt"), .tries = job_number(reply, 1, "tries"),
		.pushed_ms = pushed_ms(reply),
	};
	memcpy(out->lease.job, name.p, name.n);
	memcpy(out->lease.token, token, ID_NEW_SIZE);
	return true;
}

static void on_leased(void *ctx, const struct redisReply *reply)
{
	struct lease_call *call = ctx;
	struct queue_leased job;
	bool is_job = leased_read(reply, call->token, &job);

	call->fn(call->ctx, is_job ? &job : NULL, is_array(reply));
	free(call);
}

static void on_reaped(void *ctx, const struct redisReply *reply)
{
	struct lease_call *call = ctx;
	struct queue_leased job;

	for (size_t i = 0; i < reply_count(reply); i++)
		if (leased_read(reply_at(reply, i), call->token, &job))
			call->fn(call->ctx, &job, true);
	call->fn(call->ctx, NULL, is_array(reply));
	free(call);
}

static struct lease_call *call_new(queue_lease_fn *fn, void *ctx)
{
	struct lease_call *call = malloc(sizeof(*call));

	if (call) {
		call->fn = fn;
		call->ctx = ctx;
		id_new('t', call->token);
	}
	return call;
}

int queue_lease(struct queue *q, const char *lane, queue_lease_fn *fn, void *ctx)
{
	char lease_ms[NUMBER_SIZE];
	struct lease_call *call = call_new(fn, ctx);
	int rc;

	if (!call)
		return -ENOMEM;
	rc = QUEUE_CALL(q, SCRIPT_lease, on_leased, call, str_c(lane), str_c(q->worker), str_c(call->token),
			number_text(lease_ms, q->cfg->worker_lease_ms));
	if (rc < 0)
		free(call);
	return rc;
}

int queue_reap(struct queue *q, struct str dead_worker, queue_lease_fn *fn, void *ctx)
{
	char numbers[2][NUMBER_SIZE];
	struct lease_call *call = call_new(fn, ctx);
	int rc;

	if (!call)
		return -ENOMEM;
	rc = QUEUE_CALL(q, SCRIPT_reap, on_reaped, call, str_c(q->worker), str_c(call->token),
			number_text(numbers[0], q->cfg->worker_lease_ms), number_text(numbers[1], QUEUE_REAP_MAX), dead_worker);
	if (rc < 0)
		free(call);
	return rc;
}

struct renew_call {
	queue_renew_fn *fn;
	void *ctx;
	int n;
	struct queue_lease leases[QUEUE_RENEW_MAX];
};

static void on_renewed(void *ctx, const struct redisReply *reply)
{
	struct renew_call *call = ctx;

	for (int i = 0; i < call->n; i++)
		call->fn(call->ctx, &call->leases[i], answer_read(reply_at(reply, (size_t)i)));
	free(call);
}

int queue_renew(struct queue *q, const struct queue_lease *const *leases, const bool *stalled, int n, queue_renew_fn *fn, void *ctx)
{
	char lease_ms[NUMBER_SIZE], marks[QUEUE_RENEW_MAX];
	struct str args[2 + 2 * QUEUE_RENEW_MAX];
	struct renew_call *call;
	int rc;

	if (n > QUEUE_RENEW_MAX)
		return -E2BIG;
	call = malloc(sizeof(*call));
	if (!call)
		return -ENOMEM;
	call->fn = fn;
	call->ctx = ctx;
	call->n = n;
	args[0] = number_text(lease_ms, q->cfg->worker_lease_ms);
	args[1] = str_of(marks, (size_t)n);
	for (int i = 0; i < n; i++) {
		call->leases[i] = *leases[i];
		marks[i] = stalled[i] ? 's' : '-';
		args[2 + 2 * i] = str_c(leases[i]->job);
		args[3 + 2 * i] = str_c(leases[i]->token);
	}
	rc = queue_call(q, SCRIPT_renew, on_renewed, call, 2 + 2 * n, args);
	if (rc < 0)
		free(call);
	return rc;
}
