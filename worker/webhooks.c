/* See webhooks.h. Here: they are taken from Redis, sent, and Redis is told how it went. */
#include "webhooks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "backoff.h"
#include "calls.h"
#include "clock.h"
#include "json_member.h"
#include "keys.h"
#include "log.h"
#include "metrics.h"
#include "webhook.h"

#define BODY_MAX_BYTES (FRAME_MAX_BYTES + 1024)
#define LEASE_SPARE_MS 10000            /* longer than an attempt may take by this much */
#define QUIET_MS 60000                  /* between two lines of the log that say the same */
#define PUT_OFF_MIN_MS 20               /* a host has its share of the slots already */
#define FRAME_AGAIN_MS 1000             /* its end is not published yet */
#define FRAME_WAIT_MS 60000             /* and never will be by him who wrote it down: whoever takes the job over does so again */

/* FREE      holds nothing
 * LOOKING   the CV's frame is asked for
 * SENDING   the request is out
 * SETTLING  Redis is told how it went */
enum delivery_state { DELIVERY_FREE, DELIVERY_LOOKING, DELIVERY_SENDING, DELIVERY_SETTLING };

struct delivery {
	struct webhooks *hooks;
	enum delivery_state state;
	char name[QUEUE_NAME_SIZE], batch[ID_MAX + 1], url[HTTP_URL_MAX + 1];
	int attempt, tries;
	int64_t age_ms, begun_ms;
	struct http_call *call;                 /* only in SENDING */
};

struct webhooks {
	struct worker *worker;
	uv_timer_t timer;
	bool closed;                            /* the timer is: only what is under way holds the memory */
	bool asked;                             /* the answer to a take will come */
	int wanted, taken;                      /* of the newest take; when it brought as many as wanted, more may be due */
	bool put_off;                           /* the newest take brought some for a host that has its share */
	bool failing;                           /* as the log has it: there may be many receivers */
	int64_t fail_said_ms, heard_said_ms;    /* 0: never */
	int under_way;                          /* deliveries, and the take */
	int n;
	struct delivery deliveries[];
};

static void delivery_set_state(struct delivery *d, enum delivery_state to)
{
	static const unsigned allowed[] = {
		[DELIVERY_FREE] = 1 << DELIVERY_LOOKING,
		[DELIVERY_LOOKING] = 1 << DELIVERY_SENDING | 1 << DELIVERY_SETTLING | 1 << DELIVERY_FREE,
		[DELIVERY_SENDING] = 1 << DELIVERY_SETTLING | 1 << DELIVERY_FREE,
		[DELIVERY_SETTLING] = 1 << DELIVERY_FREE,
	};

	if (!(allowed[d->state] & 1u << to))
		abort();
	d->state = to;
}

static bool stopped(const struct webhooks *hooks)
{
	return uv_is_closing((const uv_handle_t *)&hooks->timer);
}

static void free_if_over(struct webhooks *hooks)
{
	if (hooks->closed && hooks->under_way == 0)
		free(hooks);
}

/* While something is under way the worker does not stop. */
static void begin(struct webhooks *hooks)
{
	hooks->under_way++;
	hooks->worker->calls++;
}

static void over(struct webhooks *hooks)
{
	struct worker *w = hooks->worker;

	hooks->under_way--;
	free_if_over(hooks);
	w->calls--;
	w->call_over(w);
}

static int count_free(const struct webhooks *hooks)
{
	int count = 0;

	for (int i = 0; i < hooks->n; i++)
		count += hooks->deliveries[i].state == DELIVERY_FREE;
	return count;
}

static void on_timer(uv_timer_t *timer);

/* The slot is free again, and others may be due already. */
static void delivery_over(struct delivery *d)
{
	struct webhooks *hooks = d->hooks;

	delivery_set_state(d, DELIVERY_FREE);
	if (!stopped(hooks) && hooks->taken == hooks->wanted)
		uv_timer_start(&hooks->timer, on_timer, 0, 0);
	over(hooks);
}

/* If that was not heard, the webhook comes again. */
static void on_settled(void *ctx, enum queue_answer answer)
{
	delivery_over(ctx);
}

static void settle(struct delivery *d, enum queue_hook_how how, int64_t delay_ms, const char *reason)
{
	delivery_set_state(d, DELIVERY_SETTLING);
	if (queue_hook_end(d->hooks->worker->queue, d->name, d->attempt, how, delay_ms, reason, on_settled, d) < 0)
		delivery_over(d);
}

static struct str cv_of(const struct delivery *d)
{
	struct str cv = str_c(d->name);

	str_cut(&cv, '/');
	return cv;
}

static const char *address_of(const struct delivery *d)
{
	return *d->url ? d->url : d->hooks->worker->cfg->webhook_url;
}

/* Whether the log is to say that they fail from now on, or no more. */
static bool is_news(const struct webhooks *hooks, bool fail)
{
	int64_t said_ms = fail ? hooks->fail_said_ms : hooks->heard_said_ms;

	return hooks->failing != fail && (said_ms == 0 || clock_monotonic_ms() - said_ms >= QUIET_MS);
}

static int64_t pause_ms(const struct delivery *d, int64_t asked_ms)
{
	const struct config *cfg = d->hooks->worker->cfg;
	int64_t ms = backoff_ms(cfg->webhook_retry_base_ms, cfg->webhook_retry_max_ms, d->tries - 1, random_below(UINT64_MAX));

	if (asked_ms > cfg->webhook_retry_max_ms)
		asked_ms = cfg->webhook_retry_max_ms;
	return asked_ms > ms ? asked_ms : ms;
}

/* asked_ms: how long the receiver wants to be left alone. */
static void failed(struct delivery *d, int status, int64_t asked_ms)
{
	const struct config *cfg = d->hooks->worker->cfg;
	char text[WEBHOOK_REASON_SIZE];
	const char *reason = webhook_reason(status, text);

	if (is_news(d->hooks, true)) {
		LOG(WARNING, "webhooks_fail", LOG_TEXT("reason", reason));
		d->hooks->failing = true;
		d->hooks->fail_said_ms = clock_monotonic_ms();
	}
	if (webhook_refused_for_good(status) || (cfg->webhook_give_up_ms && d->age_ms >= cfg->webhook_give_up_ms)) {
		metrics_add(METRIC_webhooks_given_up, 1);
		LOG(ERROR, "webhook_given_up", LOG_STR("cv", cv_of(d)), LOG_TEXT("reason", reason), LOG_INT("tries", d->tries));
		settle(d, QUEUE_HOOK_DEAD, 0, reason);
		return;
	}
	metrics_add(METRIC_webhooks_failed, 1);
	settle(d, QUEUE_HOOK_LATER, pause_ms(d, asked_ms), reason);
}

static void on_answer(void *ctx, int status, struct str body)
{
	struct delivery *d = ctx;

	int64_t asked_ms = status > 0 ? http_call_retry_after_ms(d->call) : 0;

	d->call = NULL;
	if (!webhook_heard(status)) {
		failed(d, status, asked_ms);
		return;
	}
	if (is_news(d->hooks, false)) {
		LOG(INFO, "webhooks_heard_again");
		d->hooks->failing = false;
		d->hooks->heard_said_ms = clock_monotonic_ms();
	}
	metrics_add(METRIC_webhooks_delivered, 1);
	settle(d, QUEUE_HOOK_TOLD, 0, "");
}

/* {"type":"cv.completed","timestamp":"…","data":{…the frame…}}: what Standard Webhooks recommends. */
static void write_body(enum cv_status status, struct str frame, struct buf *out)
{
	struct str at = json_member(frame, "ts");

	buf_addf(out, "{\"type\":\"cv.%s\",\"timestamp\":" STR_FMT ",\"data\":", cv_status_name(status), STR_ARG(at.n ? at : STR("\"\"")));
	buf_adds(out, frame);
	buf_addz(out, "}");
}

static void send_frame(struct delivery *d, enum cv_status status, struct str frame)
{
	const struct worker *w = d->hooks->worker;
	char id[WEBHOOK_ID_SIZE];
	struct buf body, problem;
	int rc = -EMSGSIZE;

	snprintf(id, sizeof(id), STR_FMT "-%d", STR_ARG(cv_of(d)), d->attempt);
	buf_init(&body, BODY_MAX_BYTES);
	buf_init(&problem, 1024);
	write_body(status, frame, &body);
	const struct webhook hook = {
		.url = address_of(d), .secret_file = w->cfg->webhook_secret_file, .id = str_c(id), .body = buf_str(&body),
		.timestamp_s = clock_wall_ms() / 1000, .timeout_ms = w->cfg->webhook_timeout_ms, .guard = &w->webhook_guard,
	};

	delivery_set_state(d, DELIVERY_SENDING);
	if (!body.failed)
		rc = webhook_send(w->http_client, &hook, on_answer, d, &d->call, &problem);
	if (problem.n && is_news(d->hooks, true))
		LOG(ERROR, "webhook_not_signed", LOG_STR("reason", buf_str(&problem)));
	buf_free(&body);
	buf_free(&problem);
	if (rc < 0)
		failed(d, rc == -EMSGSIZE ? -EOVERFLOW : rc, 0);
}

/* The attempt that is to be told is not over as far as Redis knows: it is about to be, or a person had the CV read again, or it
 * was erased, or whoever worked on it has died. */
static void nothing_to_tell(struct delivery *d, const struct cv_state *state)
{
	if (state->attempt <= d->attempt && d->age_ms <= FRAME_WAIT_MS) {
		settle(d, QUEUE_HOOK_WAIT, FRAME_AGAIN_MS, "");
		return;
	}
	if (state->attempt <= d->attempt) {
		metrics_add(METRIC_webhooks_dropped, 1);
		LOG(WARNING, "webhook_dropped", LOG_STR("cv", cv_of(d)), LOG_TEXT("reason", "its event is not in the history"));
	}
	settle(d, QUEUE_HOOK_OVER, 0, "");
}

static void on_frame(void *ctx, const struct redisReply *reply)
{
	struct delivery *d = ctx;
	struct str frame = reply_str(reply);
	struct cv_state state = cv_state_of(frame);

	if (reply_failed(reply) || stopped(d->hooks))
		delivery_over(d); /* its lease runs out, and it comes again */
	else if (state.attempt == d->attempt && cv_status_terminal(state.status))
		send_frame(d, state.status, frame);
	else
		nothing_to_tell(d, &state);
}

static struct delivery *find_free(struct webhooks *hooks)
{
	for (int i = 0; i < hooks->n; i++)
		if (hooks->deliveries[i].state == DELIVERY_FREE)
			return &hooks->deliveries[i];
	return NULL;
}

static struct str host_of(const char *url)
{
	const char *slashes = strstr(url, "//"), *host = slashes ? slashes + 2 : url;

	return str_of(host, strcspn(host, "/?#"));
}

/* A slow receiver must not hold up the others: it has at most half of the slots. 0 when there is room for this one, else how long
 * it is put off: as long as its host lets the oldest wait. */
static int64_t put_off_ms(const struct webhooks *hooks, const struct delivery *wanted)
{
	int64_t now_ms = clock_monotonic_ms(), oldest_ms = now_ms - PUT_OFF_MIN_MS;
	struct str host = host_of(address_of(wanted));
	int count = 0;

	for (int i = 0; i < hooks->n; i++) {
		const struct delivery *d = &hooks->deliveries[i];

		if (d->state != DELIVERY_FREE && str_eq(host_of(address_of(d)), host)) {
			count++;
			oldest_ms = d->begun_ms < oldest_ms ? d->begun_ms : oldest_ms;
		}
	}
	return count < (hooks->n + 1) / 2 ? 0 : now_ms - oldest_ms;
}

static void look(struct webhooks *hooks, const struct queue_hook *hook)
{
	const struct worker *w = hooks->worker;
	struct delivery *d = find_free(hooks);
	struct str cv = hook->name, user = str_cut(&cv, '/');
	int64_t later_ms;
	char key[KEY_SIZE];

	if (!d || stopped(hooks) || !id_valid(user) || !id_valid(cv) || !id_valid(hook->batch) || hook->url.n > HTTP_URL_MAX)
		return; /* its lease runs out, and it comes again */
	*d = (struct delivery){ .hooks = hooks, .attempt = hook->attempt, .tries = hook->tries, .age_ms = hook->age_ms,
		.begun_ms = clock_monotonic_ms() };
	memcpy(d->name, hook->name.p, hook->name.n);
	memcpy(d->batch, hook->batch.p, hook->batch.n);
	snprintf(d->url, sizeof(d->url), STR_FMT, STR_ARG(hook->url));
	later_ms = put_off_ms(hooks, d);
	if (later_ms) {
		hooks->put_off = true;
		queue_hook_end(w->queue, d->name, d->attempt, QUEUE_HOOK_WAIT, later_ms, "", NULL, NULL);
		return;
	}
	key_batch(key, w->cfg->redis_key_form, user, hook->batch, ":cvs");
	if (REDIS_COMMAND(w->redis, on_frame, d, STR("HGET"), str_c(key), cv) < 0)
		return;
	delivery_set_state(d, DELIVERY_LOOKING);
	begin(hooks);
}

static void on_taken(void *ctx, const struct queue_hook *hook)
{
	struct webhooks *hooks = ctx;

	if (hook->name.n) {
		hooks->taken++;
		look(hooks, hook);
		return;
	}
	hooks->asked = false;
	if (hooks->put_off && hooks->taken == hooks->wanted && !stopped(hooks)) /* behind those, others may be due */
		uv_timer_start(&hooks->timer, on_timer, PUT_OFF_MIN_MS, 0);
	over(hooks);
}

static void on_timer(uv_timer_t *timer)
{
	struct webhooks *hooks = timer->data;
	const struct config *cfg = hooks->worker->cfg;
	int room = count_free(hooks);

	uv_timer_start(timer, on_timer, (uint64_t)cfg->webhook_poll_ms, 0);
	if (!*cfg->webhook_secret_file || hooks->asked || room == 0)
		return;
	if (queue_hook_take(hooks->worker->queue, room, cfg->webhook_timeout_ms + LEASE_SPARE_MS, on_taken, hooks) < 0)
		return;
	hooks->asked = true;
	hooks->wanted = room;
	hooks->taken = 0;
	hooks->put_off = false;
	begin(hooks);
}

int webhooks_start(struct worker *w, struct webhooks **out)
{
	int n = (int)w->cfg->webhook_at_once;
	struct webhooks *hooks = calloc(1, sizeof(*hooks) + (size_t)n * sizeof(hooks->deliveries[0]));

	if (!hooks)
		return -ENOMEM;
	hooks->worker = w;
	hooks->n = n;
	uv_timer_init(w->loop, &hooks->timer);
	hooks->timer.data = hooks;
	uv_timer_start(&hooks->timer, on_timer, (uint64_t)w->cfg->webhook_poll_ms, 0);
	*out = hooks;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct webhooks *hooks = handle->data;

	hooks->closed = true;
	free_if_over(hooks);
}

void webhooks_stop(struct webhooks *hooks)
{
	uv_close((uv_handle_t *)&hooks->timer, on_closed);
	for (int i = 0; i < hooks->n; i++) {
		struct delivery *d = &hooks->deliveries[i];

		if (d->state != DELIVERY_SENDING)
			continue;
		http_call_cancel(d->call);
		d->call = NULL;
		delivery_over(d);
	}
}
