/* See cv_call.h; and reading frames (calls.h). */
#include "cv_call.h"

#include <errno.h>
#include <stdlib.h>

#include "json_member.h"

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
		if (spool_has_result(call->worker->spool, str_c(cv->record.cv)))
			state.status = CV_completed;
	}
	return state;
}

static void on_frame(void *ctx, const struct redisReply *reply)
{
	struct call *call = ctx;
	struct cv_call *cv = call->state;

	if (reply_failed(reply)) {
		call_failed(call, -ENOTCONN);
	} else {
		buf_adds(&cv->frame, reply_str(reply));
		cv->known = known_state(call);
		cv->then(call);
	}
	call_release(call);
}

bool cv_call_record(struct call *call, struct spool_record *out)
{
	int rc = spool_record_read(call->worker->spool, str_c(call->id), out);

	if (rc == 0 && call->route->kind == ROUTE_ADMIN)
		memcpy(call->who.user, out->user, sizeof(call->who.user));
	else if (rc == 0 && strcmp(out->user, call->who.user) != 0)
		rc = -ENOENT;
	if (rc < 0)
		call_failed(call, rc);
	return rc == 0;
}

void cv_call_begin(struct call *call, void (*then)(struct call *call))
{
	struct cv_call *cv = calloc(1, sizeof(*cv));
	char key[KEY_SIZE];
	int rc;

	if (!cv) {
		call_failed(call, -ENOMEM);
		return;
	}
	buf_init(&cv->frame, FRAME_MAX_BYTES);
	cv->then = then;
	call->state = cv;
	call->on_free = on_free;
	if (!cv_call_record(call, &cv->record))
		return;
	call_hold(call);
	rc = REDIS_COMMAND(call->worker->redis, on_frame, call, STR("HGET"),
			   call_batch_key(call, key, str_c(cv->record.batch), ":cvs"), str_c(call->id));
	if (rc < 0) {
		call_failed(call, rc);
		call_release(call);
	}
}
