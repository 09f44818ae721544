/* The snapshot of a connection that resumes: the newest frame of each batch of the last day, and of each of its CVs. */
#include "notifier/notifier.h"
#include "notifier/resume_internal.h"

static void send_large(struct resume *r, struct buf *text)
{
	struct frame f = { .text = text->p + FRAME_HEADROOM, .n = text->n - FRAME_HEADROOM };

	frame_scan(str_of(f.text, f.n), &f.info);
	f.info.ours = false;
	conn_send_replay(r->conn, &f);
	frame_done(&f);
}

static void send_snapshot(struct resume *r, bool more)
{
	static const char headroom[FRAME_HEADROOM];
	struct buf text;

	buf_init(&text, 3 * SNAPSHOT_MAX_BYTES);
	buf_add(&text, headroom, sizeof(headroom));
	snapshot_write(&r->state, more, &text);
	if (text.failed)
		conn_close(r->conn, CLOSE_overloaded);
	else
		send_large(r, &text);
	buf_free(&text);
}

void resume_on_last(struct resume *r, const struct redisReply *newest)
{
	struct stream_id last = { 0, 0 };

	if (reply_count(newest))
		stream_id_parse(reply_str(reply_at(reply_at(newest, 0), 0)), &last);
	snapshot_free(&r->state);
	snapshot_init(&r->state, last);
	if (!r->keep_position) {
		r->at = last;
		r->at_epoch = r->epoch;
	}
	r->step = STEP_BATCHES;
}

struct str resume_current_batch(const struct resume *r)
{
	return r->batch < r->batches.n ? str_c(r->batches.p + r->batch) : str_of(NULL, 0);
}

/* The batch that follows, or the end of the snapshot. */
static void next_batch(struct resume *r)
{
	r->step = STEP_BATCH;
	if (resume_current_batch(r).n && r->state.total_cvs < SNAPSHOT_MAX_CVS)
		return;
	buf_clear(&r->batches);
	send_snapshot(r, false);
	if (r->conn)
		r->step = STEP_PAGE;
}

void resume_on_batches(struct resume *r, const struct redisReply *ids)
{
	buf_clear(&r->batches);
	r->batch = 0;
	for (size_t i = 0; i < reply_count(ids); i++) {
		struct str id = reply_str(reply_at(ids, i));

		if (!id_valid(id))
			continue;
		buf_adds(&r->batches, id);
		buf_add(&r->batches, "", 1);
	}
	next_batch(r);
}

void resume_on_batch(struct resume *r, const struct redisReply *frame)
{
	snapshot_add_batch(&r->state, reply_str(frame));
	memcpy(r->cursor, "0", 2);
	r->step = STEP_CVS;
}

/* HSCAN answers [cursor, [cv, frame, cv, frame, …]]. */
void resume_on_cvs(struct resume *r, const struct redisReply *reply)
{
	const struct redisReply *cvs = reply_at(reply, 1);
	struct str cursor = reply_str(reply_at(reply, 0));
	bool whole = r->conn->transport == &transport_poll; /* a poll has one answer */

	for (size_t i = 1; i < reply_count(cvs) && r->conn; i += 2) {
		if (!whole && r->state.frame_cvs == SNAPSHOT_FRAME_CVS)
			send_snapshot(r, true);
		if (r->conn)
			snapshot_add_cv(&r->state, reply_str(reply_at(cvs, i)));
	}
	if (!r->conn)
		return;
	if (cursor.n && cursor.n < sizeof(r->cursor) && !str_eq(cursor, STR("0")) && r->state.total_cvs < SNAPSHOT_MAX_CVS) {
		memcpy(r->cursor, cursor.p, cursor.n);
		r->cursor[cursor.n] = '\0';
		return;
	}
	r->batch += resume_current_batch(r).n + 1;
	next_batch(r);
}
