/* See redis_watch.h. Sentinel speaks as Redis does, so each of these is a struct redis that has subscribed. */
#include "redis_watch.h"

#include <errno.h>
#include <stdlib.h>

#include "redis_internal.h"

struct one {
	struct redis_watch *watch;
	struct redis_sentinel who;
	struct redis *redis;
};

struct redis_watch {
	redis_switched_fn *fn;
	void *ctx;
	char master[sizeof(((struct redis_address *)0)->master)];
	struct one sentinels[REDIS_SENTINELS_MAX];
};

/* "name old-host old-port new-host new-port" */
static void on_message(void *ctx, const struct redisReply *reply)
{
	struct one *one = ctx;
	struct redis_watch *w = one->watch;
	struct str rest = reply_str(reply_at(reply, 2)), words[5];
	uint64_t port;

	for (int i = 0; i < 5; i++)
		words[i] = str_cut(&rest, ' ');
	if (str_eq(words[0], str_c(w->master)) && words[3].n && str_to_u64(words[4], 1, 65535, &port) == 0)
		w->fn(w->ctx, &one->who, words[3], (int)port);
}

static void on_connected(void *ctx)
{
	struct one *one = ctx;

	redis_subscribe(one->redis, STR("+switch-master"), on_message, one);
}

int redis_watch_open(uv_loop_t *loop, const struct config *cfg, const struct redis_address *address, redis_switched_fn *fn, void *ctx,
		     struct redis_watch **out)
{
	struct redis_watch *w = calloc(1, sizeof(*w));
	int rc = w ? 0 : -ENOMEM;

	if (rc < 0)
		return rc;
	w->fn = fn;
	w->ctx = ctx;
	memcpy(w->master, address->master, sizeof(w->master));
	for (int i = 0; i < address->n_sentinels && rc == 0; i++) {
		struct one *one = &w->sentinels[i];
		const struct redis_listener listener = { .connected = on_connected, .ctx = one };

		one->watch = w;
		one->who = address->sentinels[i];
		rc = redis_open_sentinel(loop, cfg, address, i, &listener, &one->redis);
	}
	if (rc < 0)
		redis_watch_close(w);
	else
		*out = w;
	return rc;
}

void redis_watch_close(struct redis_watch *w)
{
	for (int i = 0; i < REDIS_SENTINELS_MAX && w->sentinels[i].redis; i++)
		redis_close(w->sentinels[i].redis);
	free(w);
}
