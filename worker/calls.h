/* The handlers of the API (one file for each kind of thing), and what they share about frames. */
#ifndef WORKER_CALLS_H
#define WORKER_CALLS_H

#include "api.h"
#include "cv_states.h"

#define FRAME_MAX_BYTES 65536

/* cvs.c, cv_again.c, cv_erase.c */
void cvs_get(struct call *call);
void cvs_file(struct call *call);
void cvs_retry(struct call *call);
void cvs_delete(struct call *call);
void cvs_drop(struct call *call);       /* leaves the queue only; for operators */

/* user_erase.c */
void users_erase(struct call *call);

/* batches.c, batch_list.c, batch_cancel.c */
void batches_open(struct call *call);
void batches_list(struct call *call);
void batches_get(struct call *call);
void batches_close(struct call *call);
void batches_cancel(struct call *call);

/* jobs.c */
void jobs_create(struct call *call);

/* health.c, stats.c */
void health_live(struct call *call);
void health_ready(struct call *call);
void health_redis(struct call *call);
void health_storage(struct call *call);
void health_comprehensive(struct call *call);
void stats_show(struct call *call);
void stats_metrics(struct call *call);

/* queue_page.c */
void queue_page_show(struct call *call);
void queue_page_pause(struct call *call);
void queue_page_resume(struct call *call);

/* What a CV's newest frame says; an empty frame: queued, first attempt. */
struct cv_state {
	enum cv_status status;
	int attempt;
};
struct cv_state cv_state_of(struct str frame);
/* Adds ,"name":value as the object has it, if it does. */
void copy_member(struct buf *out, struct str object, const char *name);
/* Publishes `cancelled` for a CV of the signed-in user whose newest frame is given. As publish_cv. */
int publish_cancelled(struct call *call, struct str batch, struct str cv, struct str frame, publish_fn *fn, void *ctx);
/* Answers with the batch's newest frame; holds the call meanwhile. */
void batch_answer(struct call *call, int status, struct str batch);

#endif
