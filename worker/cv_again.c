/* "Try again": a person's new attempt at a CV that has ended. The record says so first, then the queue. */
#include <errno.h>

#include "accept.h"
#include "cv_call.h"
#include "spool_jobs.h"
#include "vault.h"

static void on_retry_accepted(void *ctx, const struct accept_result *result)
{
	struct call *call = ctx;
	struct cv_call *cv = cv_call_of(call);
	struct buf body;

	if (result->answer == ACCEPT_OK || result->answer == ACCEPT_SAME) {
		buf_init(&body, 1024);
		buf_addf(&body, "{\"cv_id\":\"%s\",\"batch_id\":\"%s\",\"attempt\":%d}", cv->record.cv, cv->record.batch, cv->record.attempt);
		call_json(call, 202, &body);
		buf_free(&body);
		if (call->worker->pipeline)
			pipeline_kick(call->worker->pipeline);
	} else if (result->answer == ACCEPT_OVER) {
		call_problem(call, 409, "conflict", "this CV has been tried again already");
	} else if (result->answer == ACCEPT_USER_FULL) {
		call_problem(call, 429, "too_many_pending", "too many of your files wait already; please try again when some have ended");
	} else {
		call_failed(call, -ENOTCONN);
	}
	call_release(call);
}

static void on_restarted(void *ctx, int rc)
{
	struct call *call = ctx;
	const struct spool_record *rec = &cv_call_of(call)->record;
	const struct queue_job job = job_of_record(rec);

	if (rc == 0)
		rc = accept_cv(call->worker->queue, &call->worker->publisher, &job, false, on_retry_accepted, call);
	if (rc < 0) {
		call_failed(call, rc);
		call_release(call);
	}
}

static void retry(struct call *call)
{
	struct cv_call *cv = cv_call_of(call);
	struct worker *w = call->worker;
	int rc;

	if (!cv_status_terminal(cv->known.status)) {
		call_problem(call, 409, "conflict", "this CV has not ended yet");
		return;
	}
	cv->record.attempt = cv->known.attempt + 1;
	cv->record.duplicate_of[0] = '\0';
	call_hold(call);
	rc = w->vault ? vault_restart(w->vault, &cv->record, on_restarted, call) :
			spool_job_restart(w->loop, w->spool, &cv->record, on_restarted, call);
	if (rc < 0)
		on_restarted(call, rc);
}

void cvs_retry(struct call *call)
{
	cv_call_begin(call, retry);
}
