/* Away with a CV: it is cancelled if it has not ended, leaves the queue, then the spool, then its user's history. An operator's
 * "drop" stops before the spool. */
#include <errno.h>

#include "cv_call.h"
#include "cv_forget.h"
#include "spool_jobs.h"
#include "vault.h"

static void on_stripped(void *ctx, const struct redisReply *reply)
{
	struct call *call = ctx;

	if (reply_kind(reply) == REPLY_INTEGER)
		call_empty(call, 204);
	else
		call_failed(call, -ENOTCONN);
	call_release(call);
}

/* Redis forgets it last: a record without a frame would be taken up again by recovery. A CV that ran until now keeps its
 * `cancelled` frame, so that what its worker still says is known to be late. */
static void on_removed(void *ctx, int rc)
{
	struct call *call = ctx;
	const struct cv_call *cv = cv_call_of(call);
	struct worker *w = call->worker;

	if (rc == 0)
		rc = cv_forget(w->redis, w->cfg, w->queue, &cv->record, cv->dropped != QUEUE_running, on_stripped, call);
	if (rc < 0) {
		call_failed(call, rc);
		call_release(call);
	}
}

/* With a vault, the spool holds what an upload in pieces left, if anything. */
static void on_spool_removed(void *ctx, int rc)
{
	struct call *call = ctx;
	const struct spool_record *rec = &cv_call_of(call)->record;
	struct worker *w = call->worker;

	if (rc == 0 && w->vault) {
		rc = vault_erase(w->vault, str_c(rec->user), str_c(rec->cv), on_removed, call);
		if (rc == 0)
			return;
	}
	on_removed(call, rc);
}

static void on_dropped(void *ctx, enum queue_answer answer)
{
	struct call *call = ctx;
	struct cv_call *cv = cv_call_of(call);
	struct worker *w = call->worker;
	int rc = answer == QUEUE_no_answer ? -ENOTCONN : 0;

	cv->dropped = answer;
	if (rc == 0 && call->route->kind == ROUTE_ADMIN) {
		call_empty(call, 204);
		call_release(call);
		return;
	}
	if (rc == 0)
		rc = spool_job_remove(w->loop, w->spool, str_c(cv->record.cv), on_spool_removed, call);
	if (rc < 0)
		on_removed(call, rc);
}

static void on_cancelled(void *ctx, const struct publish_answer *answer)
{
	struct call *call = ctx;
	const struct spool_record *rec = &cv_call_of(call)->record;
	int rc = answer->verdict == PUBLISH_NO_ANSWER ? -ENOTCONN : 0;

	if (rc == 0)
		rc = queue_drop(call->worker->queue, str_c(rec->user), str_c(rec->cv), on_dropped, call);
	if (rc < 0) {
		call_failed(call, rc);
		call_release(call);
	}
}

static void leave(struct call *call)
{
	struct cv_call *cv = cv_call_of(call);
	int rc;

	call_hold(call);
	if (cv_status_terminal(cv->known.status))
		rc = queue_drop(call->worker->queue, str_c(cv->record.user), str_c(cv->record.cv), on_dropped, call);
	else
		rc = publish_cancelled(call, str_c(cv->record.batch), str_c(cv->record.cv), buf_str(&cv->frame), on_cancelled, call);
	if (rc < 0) {
		call_failed(call, rc);
		call_release(call);
	}
}

void cvs_delete(struct call *call)
{
	cv_call_begin(call, leave);
}

void cvs_drop(struct call *call)
{
	cv_call_begin(call, leave);
}
