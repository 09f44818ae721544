/* Commands, their replies and a subscription over the connection of redis.c. See redis.h. */
#include "redis_internal.h"

#include <errno.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "clock.h"

static void on_message(redisAsyncContext *ac, void *raw, void *privdata)
{
	struct redis *r = ac->data;
	redisReply *reply = raw;

	if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 3)
		r->on_message(privdata, reply);
}

int redis_subscribe(struct redis *r, struct str channel, redis_reply_fn *fn, void *ctx)
{
	if (r->state != REDIS_READY)
		return -ENOTCONN;
	r->on_message = fn;
	return redisAsyncCommand(r->ac, on_message, ctx, "SUBSCRIBE %b", channel.p, channel.n) == REDIS_OK ? 0 : -ENOTCONN;
}

/* It was the master when this connection began. */
static bool is_demoted(const struct redisReply *reply)
{
	return reply_kind(reply) == REPLY_ERROR && str_starts(reply_str(reply), STR("READONLY "));
}

/* Replies come in the order of the commands, so the answered one is always the oldest. */
static void on_reply(redisAsyncContext *ac, void *reply, void *privdata)
{
	struct pending *p = privdata;
	struct redis *r = p->owner;

	r->oldest = p->next;
	if (!r->oldest)
		r->newest = &r->oldest;
	r->n_pending--;
	if (reply)
		r->last_answer_ms = clock_monotonic_ms();
	if (is_demoted(reply)) {
		redis_leave(r);
		reply = NULL;
	}
	if (p->fn)
		p->fn(p->ctx, reply);
	free(p);
}

int redis_command(struct redis *r, redis_reply_fn *fn, void *ctx, int argc, const struct str *argv)
{
	const char *args[REDIS_ARGS_MAX];
	size_t lengths[REDIS_ARGS_MAX];
	struct pending *p;

	if (r->state != REDIS_READY)
		return -ENOTCONN;
	if (argc > REDIS_ARGS_MAX)
		return -E2BIG;
	if (r->n_pending >= r->pending_max)
		return -EBUSY;
	p = malloc(sizeof(*p));
	if (!p)
		return -ENOMEM;
	for (int i = 0; i < argc; i++) {
		args[i] = argv[i].p ? argv[i].p : "";
		lengths[i] = argv[i].n;
	}
	*p = (struct pending){ r, fn, ctx, clock_monotonic_ms(), NULL };
	if (redisAsyncCommandArgv(r->ac, on_reply, p, argc, args, lengths) != REDIS_OK) {
		free(p);
		return -ENOTCONN;
	}
	*r->newest = p;
	r->newest = &p->next;
	r->n_pending++;
	return 0;
}
