/* See cv_call.h; and reading frames (calls.h). */
#include "cv_call.h"

#include <errno.h>
#include <stdlib.h>

#include "json_member.h"
#include "vault.h"

struct cv_state cv_state_of(struct str frame)
{
	struct str status = json_member(frame, "status");
	struct cv_state state = { .status = CV_queued, .attempt = 1 };
	uint64_t attempt;
	int known = -ENOENT;

	if (status.n > 2)
		known = cv_status_by_name(str_of(status.p + 1, status.n - 2));
	if (known >= 0)
		state.status = (enum cv_status)known;
	if (str_to_u64(json_member(frame, "attempt"), 1, INT32_MAX, &attempt) == 0)
		state.attempt = (int)attempt;
	return state;
}

/* "name":value as it stands in the object, if it does. */
void copy_member(struct buf *out, struct str object, const char *name)
{
	struct str value = json_member(object, name);

	if (value.p)
		buf_addf(out, ",\"%s\":" STR_FMT, name, STR_ARG(value));
}

static void on_free(struct call *call)
{
	struct cv_call *cv = call->state;

	buf_free(&cv->frame);
	free(cv);
}

/* Without a frame, Redis lost it or its time was over: then the disk knows better whether the CV has ended. */
static struct cv_state known_state(struct call *call)
{
	struct cv_call *cv = call->state;
	struct cv_state state = cv_state_of(buf_str(&cv->frame));

	if (cv->frame.n == 0) {
		state.attempt = cv->record.attempt;
		if (cv->has_result)
			state.status = CV_completed;
	}
	return state;
}

static void go_on(struct call *call)
{
	struct cv_call *cv = call->state;

	cv->known = known_state(call);
	cv->then(call);
	call_release(call);
}

static void on_result_known(void *ctx, int rc)
{
	struct call *call = ctx;
	struct cv_call *cv = call->state;

	if (rc == 0 || rc == -ENOENT) {
		cv->has_result = rc == 0;
		go_on(call);
		return;
	}
	call_failed(call, rc);
	call_release(call);
}

static void ask_for_result(struct call *call)
{
	struct cv_call *cv = call->state;
	struct worker *w = call->worker;
	int rc = 0;

	if (w->vault)
		rc = vault_has_result(w->vault, str_c(cv->record.cv), on_result_known, call);
	else
		on_result_known(call, spool_has_result(w->spool, str_c(cv->record.cv)) ? 0 : -ENOENT);
	if (rc < 0)
		on_result_known(call, rc);
}

static void on_frame(void *ctx, const struct redisReply *reply)
{
	struct call *call = ctx;
	struct cv_call *cv = call->state;

	if (reply_failed(reply)) {
		call_failed(call, -ENOTCONN);
		call_release(call);
		return;
	}
	buf_adds(&cv->frame, reply_str(reply));
	if (cv->frame.n)
		go_on(call);
	else
		ask_for_result(call);
}

static void read_frame(struct call *call)
{
	struct cv_call *cv = call->state;
	char key[KEY_SIZE];
	int rc;

	call_hold(call);
	rc = REDIS_COMMAND(call->worker->redis, on_frame, call, STR("HGET"),
			   call_batch_key(call, key, str_c(cv->record.batch), ":cvs"), str_c(call->id));
	if (rc < 0) {
		call_failed(call, rc);
		call_release(call);
	}
}

static void on_record(void *ctx, int rc, const struct spool_record *rec)
{
	struct call *call = ctx;
	struct cv_call *cv = call->state;

	if (rc == 0)
		cv->record = *rec;
	if (rc == 0 && call->route->kind == ROUTE_ADMIN)
		memcpy(call->who.user, rec->user, sizeof(call->who.user));
	else if (rc == 0 && strcmp(rec->user, call->who.user) != 0)
		rc = -ENOENT;
	if (rc < 0)
		call_failed(call, rc);
	else
		cv->found(call);
	call_release(call);
}

static void read_record(struct call *call)
{
	struct worker *w = call->worker;
	struct spool_record rec;
	int rc = 0;

	call_hold(call);
	if (w->vault)
		rc = vault_read_record(w->vault, str_c(call->id), on_record, call);
	else
		on_record(call, spool_record_read(w->spool, str_c(call->id), &rec), &rec);
	if (rc < 0)
		on_record(call, rc, NULL);
}

static void begin(struct call *call, void (*found)(struct call *call), void (*then)(struct call *call))
{
	struct cv_call *cv = calloc(1, sizeof(*cv));

	if (!cv) {
		call_failed(call, -ENOMEM);
		return;
	}
	buf_init(&cv->frame, FRAME_MAX_BYTES);
	cv->found = found;
	cv->then = then;
	call->state = cv;
	call->on_free = on_free;
	read_record(call);
}

void cv_call_record(struct call *call, void (*then)(struct call *call))
{
	begin(call, then, NULL);
}

void cv_call_begin(struct call *call, void (*then)(struct call *call))
{
	begin(call, read_frame, then);
}
