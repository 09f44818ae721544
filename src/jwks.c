/* See jwks.h. */
#include "jwks.h"

#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "log.h"

#define JWKS_MAX_BYTES (256 * 1024)
#define JWKS_RETRY_MS 10000             /* after a failed fetch at start or in the background */

struct waiter {
	void (*fn)(void *ctx, bool fetched);
	void *ctx;
	bool due;
};

struct jwks {
	struct http_client *client;
	const struct config *cfg;
	struct jwt_keys *keys;
	uv_timer_t timer;
	struct http_call *call;         /* not NULL: a fetch is under way */
	int64_t last_fetch_ms;          /* when the last one began; 0: never */
	struct waiter waiters[JWKS_WAITERS_MAX];
	int n_waiters;
};

/* A call may add waiters or forget others, so each round looks again; whoever comes meanwhile is not due. */
static void wake(struct jwks *j, bool fetched)
{
	int i = 0;

	for (int k = 0; k < j->n_waiters; k++)
		j->waiters[k].due = true;
	while (i < j->n_waiters) {
		struct waiter w = j->waiters[i];

		if (!w.due) {
			i++;
			continue;
		}
		j->waiters[i] = j->waiters[--j->n_waiters];
		w.fn(w.ctx, fetched);
		i = 0;
	}
}

static void on_timer(uv_timer_t *timer);

static void on_document(void *ctx, int status, struct str body)
{
	struct jwks *j = ctx;
	int n = status == 200 ? jwt_keys_set_jwks(j->keys, body) : -EINVAL;

	j->call = NULL;
	if (n >= 0)
		LOG(INFO, "jwks_loaded", LOG_INT("keys", n));
	else
		LOG(WARNING, "jwks_failed", LOG_INT("status", status), LOG_TEXT("kept", "the keys of before"));
	uv_timer_start(&j->timer, on_timer, (uint64_t)(n > 0 ? j->cfg->auth_jwks_refresh_ms : JWKS_RETRY_MS), 0);
	wake(j, true);
}

static int fetch(struct jwks *j)
{
	struct http_options options = { .url = j->cfg->auth_jwks_url, .timeout_ms = j->cfg->auth_jwks_timeout_ms, .max_answer_bytes = JWKS_MAX_BYTES };

	j->last_fetch_ms = clock_monotonic_ms();
	return http_client_start(j->client, &options, on_document, j, &j->call);
}

static void on_timer(uv_timer_t *timer)
{
	struct jwks *j = timer->data;

	if (!j->call && fetch(j) < 0)
		uv_timer_start(&j->timer, on_timer, JWKS_RETRY_MS, 0);
}

int jwks_start(uv_loop_t *loop, struct http_client *client, const struct config *cfg, struct jwt_keys *keys, struct jwks **out)
{
	struct jwks *j = calloc(1, sizeof(*j));

	if (!j)
		return -ENOMEM;
	j->client = client;
	j->cfg = cfg;
	j->keys = keys;
	j->timer.data = j;
	uv_timer_init(loop, &j->timer);
	uv_timer_start(&j->timer, on_timer, 0, 0);
	*out = j;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void jwks_stop(struct jwks *j)
{
	if (j->call)
		http_call_cancel(j->call);
	uv_close((uv_handle_t *)&j->timer, on_closed);
}

void jwks_refresh(struct jwks *j, void (*fn)(void *ctx, bool fetched), void *ctx)
{
	bool too_soon = j->last_fetch_ms && clock_monotonic_ms() - j->last_fetch_ms < j->cfg->auth_jwks_min_interval_ms;

	if (j->n_waiters == JWKS_WAITERS_MAX || (!j->call && (too_soon || fetch(j) < 0))) {
		fn(ctx, false);
		return;
	}
	j->waiters[j->n_waiters++] = (struct waiter){ fn, ctx, false };
}

void jwks_forget(struct jwks *j, void *ctx)
{
	for (int i = 0; i < j->n_waiters; i++)
		if (j->waiters[i].ctx == ctx)
			j->waiters[i--] = j->waiters[--j->n_waiters];
}
