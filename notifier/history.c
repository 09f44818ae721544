/*
 * Reads of users' histories, a bounded number at a time: the starting point of a new user, and what was missed. After a Redis
 * restart every user wants one at once; they take turns here.
 */
#include <errno.h>
#include <stdlib.h>

#include "keys.h"
#include "log.h"
#include "metrics.h"
#include "notifier/notifier.h"

#define READS_MAX 128
#define PAGE 100
#define PAGE_TEXT "100"
#define RETRY_MS 200

struct read {
	struct notifier *notifier;
	struct user *user;
	uint32_t epoch;
	struct stream_id seen;          /* the user's seen_id when the read went out */
};

static void enqueue(struct notifier *n, struct user *u)
{
	if (u->queued)
		return;
	u->queued = true;
	u->queue_next = NULL;
	if (n->read_last)
		n->read_last->queue_next = u;
	else
		n->read_first = u;
	n->read_last = u;
}

void history_queue(struct notifier *n, struct user *u)
{
	enqueue(n, u);
	history_pump(n);
}

static struct user *unqueue_first(struct notifier *n)
{
	struct user *u = n->read_first;

	n->read_first = u->queue_next;
	if (!n->read_first)
		n->read_last = NULL;
	u->queued = false;
	return u;
}

void history_unqueue(struct notifier *n, struct user *u)
{
	struct user *before = NULL, *at = n->read_first;

	if (!u->queued)
		return;
	while (at != u) {
		before = at;
		at = at->queue_next;
	}
	if (before)
		before->queue_next = u->queue_next;
	else
		n->read_first = u->queue_next;
	if (n->read_last == u)
		n->read_last = before;
	u->queued = false;
}

void frame_text(struct notifier *n, struct str text, struct frame *out)
{
	memcpy(n->text + FRAME_HEADROOM, text.p, text.n);
	*out = (struct frame){ .text = n->text + FRAME_HEADROOM, .n = text.n };
}

/* An entry is [id, [field, value, …]]; ours stands in the field f. */
int history_entry(struct notifier *n, const struct redisReply *entry, struct frame *out)
{
	const struct redisReply *fields = reply_at(entry, 1);

	for (size_t i = 0; i + 1 < reply_count(fields); i += 2) {
		struct str text = reply_str(reply_at(fields, i + 1));

		if (!str_eq(reply_str(reply_at(fields, i)), STR("f")) || text.n > n->text_max)
			continue;
		frame_text(n, text, out);
		if (frame_scan(str_of(out->text, out->n), &out->info) == 0 && out->info.ours)
			return 0;
	}
	metrics_add(METRIC_history_unreadable, 1);
	return -EINVAL;
}

static void on_retry(uv_timer_t *timer)
{
	users_on_redis(timer->data);
}

void history_retry_later(struct notifier *n)
{
	if (!uv_is_active((uv_handle_t *)&n->read_retry))
		uv_timer_start(&n->read_retry, on_retry, RETRY_MS, 0);
}

/* A read that failed comes again: at once when Redis is back, else a little later (it may be loading its data). */
static void try_again(struct read *r, const struct redisReply *reply)
{
	if (reply_kind(reply) == REPLY_ERROR)
		LOG(WARNING, "history_read_failed", LOG_STR("reason", reply_str(reply)));
	enqueue(r->notifier, r->user);
	history_retry_later(r->notifier);
}

static void on_fill(struct read *r, const struct redisReply *page)
{
	struct user *u = r->user;

	for (size_t i = 0; i < reply_count(page); i++) {
		struct frame f;

		if (history_entry(r->notifier, reply_at(page, i), &f) < 0) {
			user_skip(u, reply_str(reply_at(reply_at(page, i), 0)));
			continue;
		}
		user_on_history(r->notifier, u, &f);
		frame_done(&f);
	}
	user_filled(r->notifier, u, reply_count(page) < PAGE, r->seen);
}

static struct stream_id newest_id(const struct redisReply *newest)
{
	struct stream_id id = { 0, 0 };

	if (reply_count(newest))
		stream_id_parse(reply_str(reply_at(reply_at(newest, 0), 0)), &id);
	return id;
}

static void on_answer(void *ctx, const struct redisReply *reply)
{
	struct read *r = ctx;
	struct notifier *n = r->notifier;
	struct user *u = r->user;

	u->reads--;
	n->reads_running--;
	if (r->epoch == u->epoch && user_is_subscribed(u) && !n->closing) {
		if (reply_kind(reply) != REPLY_ARRAY)
			try_again(r, reply);
		else if (u->state == USER_STARTING)
			user_started(n, u, newest_id(reply));
		else if (u->state == USER_CHECKING)
			user_checked(n, u, newest_id(reply));
		else if (u->state == USER_FILLING)
			on_fill(r, reply);
	}
	free(r);
	if (reply && !n->closing)
		history_pump(n);
}

static int read_newest(struct notifier *n, struct read *r, struct str key, struct str up_to)
{
	return REDIS_COMMAND(n->redis, on_answer, r, STR("XREVRANGE"), key, up_to, STR("-"), STR("COUNT"), STR("1"));
}

static int read_last(struct notifier *n, struct read *r, struct str key)
{
	char last[STREAM_ID_SIZE];

	stream_id_format(r->user->last_id, last);
	return read_newest(n, r, key, str_c(last));
}

static int read_after(struct notifier *n, struct read *r, struct str key)
{
	char after[STREAM_ID_SIZE + 1] = "(";

	stream_id_format(r->user->last_id, after + 1);
	return REDIS_COMMAND(n->redis, on_answer, r, STR("XRANGE"), key, str_c(after), STR("+"), STR("COUNT"), STR(PAGE_TEXT));
}

static int start_read(struct notifier *n, struct user *u)
{
	struct read *r = malloc(sizeof(*r));
	char key[KEY_SIZE];
	struct str history = key_user(key, n->key_form, user_id(u), "history");
	int rc = -ENOMEM;

	if (!r)
		return rc;
	*r = (struct read){ n, u, u->epoch, u->seen_id };
	if (u->state == USER_STARTING)
		rc = read_newest(n, r, history, STR("+"));
	else
		rc = u->state == USER_CHECKING ? read_last(n, r, history) : read_after(n, r, history);
	if (rc < 0) {
		free(r);
		return rc;
	}
	u->reads++;
	n->reads_running++;
	return 0;
}

void history_pump(struct notifier *n)
{
	while (n->read_first && n->reads_running < READS_MAX && redis_is_connected(n->redis)) {
		struct user *u = unqueue_first(n);

		if (u->state != USER_STARTING && u->state != USER_CHECKING && u->state != USER_FILLING)
			continue;
		if (start_read(n, u) < 0) {
			enqueue(n, u);
			history_retry_later(n);
			return;
		}
	}
}
