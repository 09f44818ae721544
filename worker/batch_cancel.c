/* Cancelling a batch: it is closed, then each of its CVs that has not ended gets its `cancelled` event and leaves the queue; a
 * running one is stopped by its worker. CVs are walked a page at a time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "calls.h"
#include "json_member.h"
#include "webhook_note.h"

#define REST_MAX_BYTES 8192

int publish_cancelled(struct call *call, struct str batch, struct str cv, struct str frame, publish_fn *fn, void *ctx)
{
	const struct webhook_cv told = { str_c(call->who.user), batch, cv, cv_state_of(frame).attempt };
	struct str stage = json_member(frame, "stage");
	struct buf rest;
	int rc;

	buf_init(&rest, REST_MAX_BYTES);
	buf_addf(&rest, "\"stage\":" STR_FMT, STR_ARG(stage.p ? stage : STR("\"received\"")));
	copy_member(&rest, frame, "filename");
	buf_addf(&rest, ",\"error\":{\"code\":\"cancelled\",\"message\":\"%s\",\"retryable\":false}", error_sentence(ERR_cancelled));
	webhook_note(call->worker->queue, call->worker->cfg, &told);
	rc = rest.failed ? -EMSGSIZE :
		publish_cv_text(&call->worker->publisher, told.user, batch, cv, STR("cancelled"), told.attempt, 0, buf_str(&rest), fn, ctx);
	buf_free(&rest);
	return rc;
}

struct cancelling {
	int waiting;            /* CVs of this page */
	bool failed;            /* something was not answered: the person may ask again */
	char cursor[24];        /* of the next page; "0": this is the last */
};

struct cancelled_cv {
	struct call *call;
	char id[ID_MAX + 1];
};

static void next_page(struct call *call);

static void page_step(struct call *call)
{
	struct cancelling *c = call->state;

	if (c->waiting)
		return;
	if (c->failed)
		call_failed(call, -ENOTCONN);
	else if (strcmp(c->cursor, "0") == 0)
		batch_answer(call, 200, str_c(call->id));
	else
		next_page(call);
}

static void cv_done(struct cancelled_cv *cv, bool failed)
{
	struct call *call = cv->call;
	struct cancelling *c = call->state;

	c->failed = c->failed || failed;
	c->waiting--;
	free(cv);
	page_step(call);
	call_release(call);
}

static void on_dropped(void *ctx, enum queue_answer answer)
{
	cv_done(ctx, answer == QUEUE_no_answer);
}

static void on_cancelled(void *ctx, const struct publish_answer *answer)
{
	struct cancelled_cv *cv = ctx;
	struct call *call = cv->call;

	if (answer->verdict == PUBLISH_NO_ANSWER || queue_drop(call->worker->queue, str_c(call->who.user), str_c(cv->id), on_dropped, cv) < 0)
		cv_done(cv, true);
}

static void cancel_cv(struct call *call, struct str id, struct str frame)
{
	struct cancelling *c = call->state;
	struct cancelled_cv *cv = id_valid(id) ? calloc(1, sizeof(*cv)) : NULL;

	if (!cv) {
		c->failed = true;
		return;
	}
	cv->call = call;
	memcpy(cv->id, id.p, id.n);
	if (publish_cancelled(call, str_c(call->id), id, frame, on_cancelled, cv) < 0) {
		c->failed = true;
		free(cv);
		return;
	}
	c->waiting++;
	call_hold(call);
}

static void on_page(void *ctx, const struct redisReply *reply)
{
	struct call *call = ctx;
	struct cancelling *c = call->state;
	const struct redisReply *page = reply_at(reply, 1);

	c->failed = c->failed || reply_kind(reply) != REPLY_ARRAY;
	snprintf(c->cursor, sizeof(c->cursor), STR_FMT, STR_ARG(reply_str(reply_at(reply, 0))));
	for (size_t i = 0; i + 1 < reply_count(page); i += 2) {
		struct str frame = reply_str(reply_at(page, i + 1));

		if (!cv_status_terminal(cv_state_of(frame).status))
			cancel_cv(call, reply_str(reply_at(page, i)), frame);
	}
	page_step(call);
	call_release(call);
}

static void next_page(struct call *call)
{
	struct cancelling *c = call->state;
	char key[KEY_SIZE];
	int rc;

	call_hold(call);
	rc = REDIS_COMMAND(call->worker->redis, on_page, call, STR("HSCAN"), call_batch_key(call, key, str_c(call->id), ":cvs"),
			   str_c(c->cursor), STR("COUNT"), STR("100"));
	if (rc < 0) {
		call_failed(call, rc);
		call_release(call);
	}
}

/* `duplicate`: it is over, or was cancelled before and some of its CVs may not have heard. */
static void on_closed(void *ctx, const struct publish_answer *answer)
{
	struct call *call = ctx;

	if (answer->verdict == PUBLISH_unknown)
		call_failed(call, -ENOENT);
	else if (answer->verdict == PUBLISH_ok || answer->verdict == PUBLISH_duplicate)
		next_page(call);
	else
		call_failed(call, -ENOTCONN);
	call_release(call);
}

static void on_free(struct call *call)
{
	free(call->state);
}

void batches_cancel(struct call *call)
{
	struct cancelling *c = calloc(1, sizeof(*c));
	int rc;

	if (!c) {
		call_failed(call, -ENOMEM);
		return;
	}
	c->cursor[0] = '0';
	call->state = c;
	call->on_free = on_free;
	call_hold(call);
	rc = publish_batch(&call->worker->publisher, str_c(call->who.user), str_c(call->id), BATCH_CANCEL, 0, on_closed, call);
	if (rc < 0) {
		call_failed(call, rc);
		call_release(call);
	}
}
