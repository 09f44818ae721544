/* What calls about one CV begin with: its record and its newest frame. A CV is the user's if its spool record says so; what is
 * known of its state is its newest frame in Redis. */
#ifndef WORKER_CV_CALL_H
#define WORKER_CV_CALL_H

#include "calls.h"

/* The state of a call that began with cv_call_begin. */
struct cv_call {
	struct spool_record record;
	struct cv_state known;
	struct buf frame;                       /* empty: Redis knows nothing of it */
	enum queue_answer dropped;              /* what the queue said when the CV was to leave it */
	bool has_result;                        /* where the frame does not say */
	void (*found)(struct call *call), (*then)(struct call *call);
};

/* Goes on with `then` once the record of the CV that the address names is known, if it is the user's (an operator's, whoever's
 * it is: the user is signed in then); answers otherwise. The call is held until `then` returns. */
void cv_call_record(struct call *call, void (*then)(struct call *call));
/* The same, once its newest frame is known too. */
void cv_call_begin(struct call *call, void (*then)(struct call *call));

static inline struct cv_call *cv_call_of(struct call *call) { return call->state; }

#endif
