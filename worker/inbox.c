/* See inbox.h. */
#include "inbox.h"

#include <errno.h>
#include <stdlib.h>

#include "handover.h"
#include "http_client.h"
#include "log.h"
#include "metrics.h"

#define AT_ONCE_MAX 32          /* entries under way */
#define PREFIX "inbox:"         /* of the idempotency key of an entry that brings none */

struct inbox {
	struct worker *worker;
	uv_timer_t timer;
	bool closed;                            /* the timer is: only what is under way holds the memory */
	bool asked;                             /* the answer to a take will come */
	int under_way;                          /* entries, and the take */
};

struct entry {
	struct inbox *inbox;
	char id[STREAM_ID_SIZE];
};

static void free_if_over(struct inbox *in)
{
	if (in->closed && in->under_way == 0)
		free(in);
}

/* While something is under way the worker does not stop. */
static void begin(struct inbox *in)
{
	in->under_way++;
	in->worker->calls++;
}

static void over(struct inbox *in)
{
	struct worker *w = in->worker;

	in->under_way--;
	free_if_over(in);
	w->calls--;
	w->call_over(w);
}

static void entry_over(struct entry *e)
{
	over(e->inbox);
	free(e);
}

/* If that was not heard, the entry comes again, and its idempotency key knows it. */
static void on_ended(void *ctx, enum queue_answer answer)
{
	entry_over(ctx);
}

static void end(struct entry *e, const char *reason)
{
	metrics_add(*reason ? METRIC_inbox_refused : METRIC_inbox_taken, 1);
	if (*reason)
		LOG(WARNING, "inbox_refused", LOG_TEXT("entry", e->id), LOG_TEXT("reason", reason));
	if (queue_inbox_end(e->inbox->worker->queue, str_c(e->id), reason, on_ended, e) < 0)
		entry_over(e);
}

static void put_off(struct entry *e)
{
	metrics_add(METRIC_inbox_put_off, 1);
	queue_inbox_put_off(e->inbox->worker->queue, str_c(e->id));
	entry_over(e);
}

static void on_taken(void *ctx, const struct handover_result *result)
{
	struct entry *e = ctx;

	switch (result->answer) {
	case ACCEPT_OK:
	case ACCEPT_SAME:
	case ACCEPT_OVER:
		end(e, "");
		break;
	case ACCEPT_FULL:
	case ACCEPT_USER_FULL:
	case ACCEPT_DRAINING:
	case ACCEPT_UNAVAILABLE:
		put_off(e);
		break;
	}
}

static int priority_of(struct str text)
{
	uint64_t number;

	if (!text.n)
		return QUEUE_PRIORITY_DEFAULT;
	return str_to_u64(text, 0, QUEUE_PRIORITY_MAX, &number) < 0 ? -1 : (int)number;
}

/* It is kept for the event that it then makes; what would not even fit into the spool's record is not. */
static bool is_unreadable(const struct worker *w, struct str url)
{
	char text[HTTP_URL_MAX + 1];

	memcpy(text, url.p, url.n);
	text[url.n] = '\0';
	return http_url_judge(&w->guard, text) == NET_URL_MALFORMED;
}

static void hand_over(struct entry *e, const struct queue_inbox_entry *from)
{
	char own_key[sizeof(PREFIX) + STREAM_ID_SIZE] = PREFIX;
	struct handover h = {
		.user = queue_inbox_field(from, "user"), .url = queue_inbox_field(from, "url"), .batch = queue_inbox_field(from, "batch"),
		.filename = queue_inbox_field(from, "filename"), .idempotency_key = queue_inbox_field(from, "idempotency_key"),
		.webhook = queue_inbox_field(from, "webhook"), .priority = priority_of(queue_inbox_field(from, "priority")),
	};
	const char *problem = handover_problem(e->inbox->worker, &h);

	if (!problem && is_unreadable(e->inbox->worker, h.url))
		problem = "url is no address";
	if (problem) {
		end(e, problem);
		return;
	}
	memcpy(own_key + sizeof(PREFIX) - 1, e->id, sizeof(e->id));
	if (!h.idempotency_key.n)
		h.idempotency_key = str_c(own_key);
	if (handover_take(e->inbox->worker, &h, on_taken, e) < 0)
		put_off(e);
}

/* Without memory the entry is left behind, and comes again. */
static void take_up(struct inbox *in, const struct queue_inbox_entry *from)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (!e || from->id.n >= sizeof(e->id)) {
		free(e);
		return;
	}
	e->inbox = in;
	memcpy(e->id, from->id.p, from->id.n);
	begin(in);
	hand_over(e, from);
}

static void on_entry(void *ctx, const struct queue_inbox_entry *entry, bool known)
{
	struct inbox *in = ctx;

	if (entry->id.n) {
		take_up(in, entry);
		return;
	}
	in->asked = false;
	over(in);
}

static void on_timer(uv_timer_t *timer)
{
	struct inbox *in = timer->data;
	const struct config *cfg = in->worker->cfg;

	uv_timer_start(timer, on_timer, (uint64_t)cfg->inbox_poll_ms, 0);
	if (in->asked || in->under_way >= AT_ONCE_MAX)
		return;
	if (queue_inbox_take(in->worker->queue, AT_ONCE_MAX - in->under_way, cfg->worker_lease_ms, on_entry, in) < 0)
		return;
	in->asked = true;
	begin(in);
}

int inbox_start(struct worker *w, struct inbox **out)
{
	struct inbox *in = calloc(1, sizeof(*in));

	if (!in)
		return -ENOMEM;
	in->worker = w;
	uv_timer_init(w->loop, &in->timer);
	in->timer.data = in;
	uv_timer_start(&in->timer, on_timer, (uint64_t)w->cfg->inbox_poll_ms, 0);
	*out = in;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct inbox *in = handle->data;

	in->closed = true;
	free_if_over(in);
}

void inbox_stop(struct inbox *in)
{
	uv_close((uv_handle_t *)&in->timer, on_closed);
}
