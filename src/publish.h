/*
 * Publishing through publish.lua: one round trip makes an event, keeps it, and moves the batch. Used by the worker and by
 * `cvpulse publish`. Every call may be repeated when its answer was lost: the script drops what it knows already.
 */
#ifndef CVPULSE_PUBLISH_H
#define CVPULSE_PUBLISH_H

#include <stdint.h>

#include "config.h"
#include "cv_states.h"
#include "errors.h"
#include "redis.h"
#include "str.h"

struct publisher {
	struct redis *redis;
	const struct config *cfg;               /* key_form, history_length, history_ttl, retention_days */
};

/* What the script answered, by name; and two that it cannot say itself. */
#define PUBLISH_VERDICTS(V) V(ok) V(stale) V(duplicate) V(erased) V(unknown) V(active) V(wait)
enum publish_verdict {
#define V(name) PUBLISH_##name,
	PUBLISH_VERDICTS(V)
#undef V
	PUBLISH_REFUSED,                        /* the call, or what stands in the user's keys, is wrong: do not try again */
	PUBLISH_NO_ANSWER,                      /* Redis is away, or cannot write now: not known to have happened; try again */
};
const char *publish_verdict_name(enum publish_verdict verdict);

struct publish_answer {
	enum publish_verdict verdict;
	struct str id;                          /* ok: the frame's id; refused: what is wrong. Good during the call only */
	int64_t number;                         /* ok: the progress shown; wait: ms */
};
typedef void publish_fn(void *ctx, const struct publish_answer *answer);

/* One event of a CV. All text is borrowed for the call. */
struct cv_frame {
	struct str user, batch, cv;
	enum cv_status status;
	enum cv_stage stage;
	int attempt, progress;
	struct str filename;                    /* left out when empty, as all that follows */
	struct str message;
	enum error_code error;                  /* of `failed`, `retrying` and `cancelled` */
	struct str result_url;
	int64_t eta_ms;                         /* 0: nothing honest is known */
	struct str early_json;                  /* what is known before the end, a JSON object */
	struct str result_json;                 /* the short result, a JSON object */
	struct str duplicate_of;
};

/* 0: fn (may be NULL) is called exactly once, later. -errno: not sent, fn is not called (-ENOTCONN, -EBUSY, -ENOMEM,
 * -EMSGSIZE). */
int publish_cv(const struct publisher *p, const struct cv_frame *frame, publish_fn *fn, void *ctx);

/* The same with the members of the frame that the script does not make itself as JSON text ("a":1,"b":2, may be empty),
 * and the status as text. For `cvpulse publish`. */
int publish_cv_text(const struct publisher *p, struct str user, struct str batch, struct str cv, struct str status,
		    int64_t attempt, int64_t progress, struct str rest, publish_fn *fn, void *ctx);

enum batch_change {
	BATCH_OPEN,     /* number: CVs that will come, 0 when not known */
	BATCH_CLOSE,
	BATCH_CANCEL,   /* its CVs are then cancelled one by one by the caller */
	BATCH_IDLE,     /* closes it if nothing moved in it for `number` ms; answers: ok, active, wait, duplicate, unknown */
};
int publish_batch(const struct publisher *p, struct str user, struct str batch, enum batch_change change, int64_t number,
		  publish_fn *fn, void *ctx);

#endif
