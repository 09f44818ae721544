/*
 * See resume.h. Each step is one read of Redis; its answer leads to the next one, which waits until the client has taken
 * what was sent. Live frames are not kept meanwhile: they are in history, so the reading goes on until it has met the live
 * stream (user_newest). When Redis or the subscription goes away, the step is taken again once both are back.
 */
#include <stdlib.h>

#include "clock.h"
#include "keys.h"
#include "metrics.h"
#include "notifier/notifier.h"
#include "notifier/resume_internal.h"

#define PAGE 100
#define PAGE_TEXT "100"
#define SNAPSHOT_SPAN_MS (24 * 3600 * 1000LL)
#define SNAPSHOT_BATCHES "1000"

static void take_step(struct resume *r);

static void resync(struct resume *r, const char *reason)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "{\"type\":\"resync\",\"reason\":\"%s\"}", reason);

	metrics_add(METRIC_resyncs, 1);
	r->announce = r->keep_position = false;
	r->snapshot = true;
	r->step = STEP_LAST;
	conn_send_text(r->conn, str_of(text, (size_t)n));
}

static void finish(struct resume *r)
{
	struct conn *c = r->conn;
	char id[STREAM_ID_SIZE], text[128];
	int n;

	c->position = r->at;
	if (r->announce) {
		stream_id_format(r->at, id);
		n = snprintf(text, sizeof(text), "{\"type\":\"resumed\",\"replayed\":%llu,\"last_id\":\"%s\"}",
			     (unsigned long long)r->replayed, id);
		conn_send_text(c, str_of(text, (size_t)n));
	}
	if (!r->conn)
		return;
	conn_set_state(c, CONN_LIVE);
	resume_end(c);
	c->transport->caught_up(c);
}

static void send_entries(struct resume *r, const struct redisReply *page, size_t first)
{
	for (size_t i = first; i < reply_count(page) && r->conn; i++) {
		const struct redisReply *entry = reply_at(page, i);
		struct frame f;

		stream_id_parse(reply_str(reply_at(entry, 0)), &r->at);
		if (history_entry(r->conn->notifier, entry, &f) < 0)
			continue;
		r->replayed++;
		metrics_add(METRIC_events_replayed, 1);
		conn_send_replay(r->conn, &f);
		frame_done(&f);
	}
}

/* The end of history has been read. Has the live stream gone further since the read went out? An id that was seen before it
 * and that history lacks (a foreign publisher's) must not be waited for. */
static void meet_live(struct resume *r)
{
	struct user *u = r->conn->user;
	struct stream_id reached = stream_id_compare(r->seen, r->at) > 0 ? r->seen : r->at;

	if (r->epoch == u->epoch && u->placed && user_is_subscribed(u) && stream_id_compare(user_newest(u), reached) <= 0)
		finish(r);
}

static void on_page(struct resume *r, const struct redisReply *page)
{
	send_entries(r, page, 0);
	if (r->conn && reply_count(page) < PAGE)
		meet_live(r);
}

static bool entry_is(struct notifier *n, const struct redisReply *entry, struct stream_id id)
{
	struct stream_id found;
	struct frame f;

	/* 0-0 is good while the oldest entry is the first one there ever was. */
	if (stream_id_is_zero(id))
		return history_entry(n, entry, &f) == 0 && stream_id_is_zero(f.info.prev);
	return stream_id_parse(reply_str(reply_at(entry, 0)), &found) == 0 && stream_id_compare(found, id) == 0;
}

static void on_check(struct resume *r, const struct redisReply *page)
{
	bool from_start = stream_id_is_zero(r->at);

	if (!(from_start && reply_count(page) == 0) && !entry_is(r->conn->notifier, reply_at(page, 0), r->at)) {
		r->step = STEP_REASON;
		return;
	}
	r->step = STEP_PAGE;
	r->at_epoch = r->epoch;
	if (!r->goes_on) {
		r->announce = true;
		r->step = r->snapshot ? STEP_LAST : STEP_PAGE;
		r->keep_position = r->snapshot;
	}
	if (r->step == STEP_LAST)
		return;
	send_entries(r, page, from_start ? 0 : 1);
	if (r->conn && reply_count(page) < PAGE)
		meet_live(r);
}

static void on_reason(struct resume *r, const struct redisReply *oldest)
{
	struct stream_id first;

	if (stream_id_parse(reply_str(reply_at(reply_at(oldest, 0), 0)), &first) == 0 && stream_id_compare(r->at, first) < 0)
		resync(r, "trimmed");
	else
		resync(r, "unknown");
}

static void destroy(struct resume *r)
{
	snapshot_free(&r->state);
	buf_free(&r->batches);
	free(r);
}

static void wait_again(struct conn *c)
{
	if (c->state == CONN_RESUMING)
		conn_set_state(c, CONN_WAITING);
	history_retry_later(c->notifier);
}

/* A resync outside of an answer; false: sending it has ended the connection. */
static bool resync_now(struct resume *r, const char *reason)
{
	r->busy = true; /* so that the end of the connection leaves r to us */
	resync(r, reason);
	r->busy = false;
	if (r->conn)
		return true;
	destroy(r);
	return false;
}

static void use_answer(struct resume *r, const struct redisReply *reply)
{
	switch (r->step) {
	case STEP_CHECK:
		on_check(r, reply);
		break;
	case STEP_REASON:
		on_reason(r, reply);
		break;
	case STEP_LAST:
		resume_on_last(r, reply);
		break;
	case STEP_BATCHES:
		resume_on_batches(r, reply);
		break;
	case STEP_BATCH:
		resume_on_batch(r, reply);
		break;
	case STEP_CVS:
		resume_on_cvs(r, reply);
		break;
	case STEP_PAGE:
		on_page(r, reply);
		break;
	}
}

static void on_answer(void *ctx, const struct redisReply *reply)
{
	struct resume *r = ctx;
	struct conn *c = r->conn;

	if (c && reply && reply_kind(reply) != REPLY_ERROR)
		use_answer(r, reply);
	else if (c)
		wait_again(c);
	r->busy = false;
	if (!r->conn)
		destroy(r);
	else if (c->state == CONN_RESUMING && conn_is_drained(c))
		take_step(r);
}

static int send_read(struct resume *r)
{
	struct notifier *n = r->conn->notifier;
	struct str user = user_id(r->conn->user);
	char key_text[KEY_SIZE], at[STREAM_ID_SIZE + 1] = "(", since[24];
	struct str key = key_user(key_text, n->key_form, user, "history");

	stream_id_format(r->at, at + 1);
	switch (r->step) {
	case STEP_CHECK:
		return REDIS_COMMAND(n->redis, on_answer, r, STR("XRANGE"), key, stream_id_is_zero(r->at) ? STR("-") : str_c(at + 1),
				     STR("+"), STR("COUNT"), STR(PAGE_TEXT));
	case STEP_REASON:
		return REDIS_COMMAND(n->redis, on_answer, r, STR("XRANGE"), key, STR("-"), STR("+"), STR("COUNT"), STR("1"));
	case STEP_LAST:
		return REDIS_COMMAND(n->redis, on_answer, r, STR("XREVRANGE"), key, STR("+"), STR("-"), STR("COUNT"), STR("1"));
	case STEP_BATCHES:
		snprintf(since, sizeof(since), "%lld", (long long)clock_wall_ms() - SNAPSHOT_SPAN_MS);
		key = key_user(key_text, n->key_form, user, "batches");
		return REDIS_COMMAND(n->redis, on_answer, r, STR("ZREVRANGEBYSCORE"), key, STR("+inf"), str_c(since), STR("LIMIT"),
				     STR("0"), STR(SNAPSHOT_BATCHES));
	case STEP_BATCH:
		key = key_batch(key_text, n->key_form, user, resume_current_batch(r), "");
		return REDIS_COMMAND(n->redis, on_answer, r, STR("HGET"), key, STR("frame"));
	case STEP_CVS:
		key = key_batch(key_text, n->key_form, user, resume_current_batch(r), ":cvs");
		return REDIS_COMMAND(n->redis, on_answer, r, STR("HSCAN"), key, str_c(r->cursor), STR("COUNT"), STR("256"));
	case STEP_PAGE:
		return REDIS_COMMAND(n->redis, on_answer, r, STR("XRANGE"), key, str_c(at), STR("+"), STR("COUNT"), STR(PAGE_TEXT));
	}
	return -1;
}

static void take_step(struct resume *r)
{
	struct conn *c = r->conn;

	if (r->busy)
		return;
	/* Without a subscription the end of history could not be told from a gap. */
	if (!user_is_subscribed(c->user) || !redis_is_connected(c->notifier->redis)) {
		wait_again(c);
		return;
	}
	if (r->malformed) {
		r->malformed = false;
		if (!resync_now(r, "malformed"))
			return;
	}
	/* Where the live stream begins is still being read: only then can it be met (resume_go_on comes). */
	if (r->step == STEP_PAGE && !c->user->placed)
		return;
	/* A master that took over meanwhile may lack what was sent, and what a snapshot stands at. */
	if (r->step == STEP_PAGE && r->at_epoch != c->user->epoch) {
		r->step = STEP_CHECK;
		r->goes_on = true;
	}
	r->epoch = c->user->epoch;
	r->seen = user_newest(c->user);
	if (send_read(r) < 0)
		wait_again(c);
	else
		r->busy = true;
}

void resume_go_on(struct conn *c)
{
	if (!c->user || !user_is_subscribed(c->user) || !redis_is_connected(c->notifier->redis))
		return;
	if (c->state == CONN_WAITING)
		conn_set_state(c, CONN_RESUMING);
	if (c->state == CONN_RESUMING && conn_is_drained(c))
		take_step(c->resume);
}

/* Not resume_go_on: when Redis is away, it must wait where users_on_redis looks. */
void resume_on_drained(struct conn *c)
{
	take_step(c->resume);
}

static struct resume *resume_new(struct conn *c)
{
	struct resume *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->conn = c;
	r->step = STEP_LAST;
	buf_init(&r->batches, 1 << 20);
	snapshot_init(&r->state, (struct stream_id){ 0, 0 });
	c->resume = r;
	return r;
}

int resume_begin(struct conn *c, const char *after_id, bool snapshot)
{
	struct resume *r = resume_new(c);

	if (!r)
		return -1;
	r->snapshot = snapshot;
	if (after_id && stream_id_parse(str_c(after_id), &r->at) == 0)
		r->step = STEP_CHECK;
	else
		r->malformed = after_id != NULL;
	return 0;
}

void resume_resync(struct conn *c, const char *reason)
{
	struct resume *r = resume_new(c);

	if (!r) {
		conn_close(c, CLOSE_overloaded);
		return;
	}
	conn_set_state(c, CONN_WAITING);
	if (resync_now(r, reason))
		resume_go_on(c);
}

void resume_end(struct conn *c)
{
	struct resume *r = c->resume;

	if (!r)
		return;
	c->resume = NULL;
	r->conn = NULL;
	if (!r->busy)
		destroy(r);
}
