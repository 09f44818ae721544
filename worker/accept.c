/* See accept.h. */
#include "accept.h"

#include <errno.h>
#include <stdlib.h>

struct acceptance {
	struct queue *queue;
	const struct publisher *publisher;
	accept_fn *fn;
	void *ctx;
	int attempt;
	enum accept_answer answer;              /* what is told once the steps under way are done */
	struct str user, batch, cv, filename;   /* in bytes */
	char bytes[];
};

/* The one end of an acceptance. */
static void finish(struct acceptance *a, enum accept_answer answer)
{
	const struct accept_result result = { .answer = answer };

	a->fn(a->ctx, &result);
	free(a);
}

static void on_dropped(void *ctx, enum queue_answer answer)
{
	struct acceptance *a = ctx;

	finish(a, a->answer);
}

/* Takes the held job back. If that cannot be said either, it begins by itself later and finds its file gone. */
static void take_back(struct acceptance *a, enum accept_answer answer)
{
	a->answer = answer;
	if (queue_drop(a->queue, a->user, a->cv, on_dropped, a) < 0)
		finish(a, answer);
}

static void on_started(void *ctx, enum queue_answer answer)
{
	/* Not started is no failure: the CV is known and its job is there, only held for a while yet. */
	finish(ctx, ACCEPT_OK);
}

static void on_published(void *ctx, const struct publish_answer *answer)
{
	struct acceptance *a = ctx;

	switch (answer->verdict) {
	case PUBLISH_ok:
	case PUBLISH_stale:             /* accepted again by recovery: it is further on already */
		if (queue_start(a->queue, a->user, a->cv, on_started, a) < 0)
			finish(a, ACCEPT_OK);
		break;
	case PUBLISH_duplicate:
		take_back(a, ACCEPT_OVER);
		break;
	default:
		take_back(a, ACCEPT_UNAVAILABLE);
		break;
	}
}

static void publish_first(struct acceptance *a)
{
	const struct cv_frame frame = {
		.user = a->user, .batch = a->batch, .cv = a->cv, .filename = a->filename, .attempt = a->attempt,
		.status = CV_queued, .stage = STAGE_received, .message = str_c(cv_stage_sentence(STAGE_received)),
	};

	if (publish_cv(a->publisher, &frame, on_published, a) < 0)
		take_back(a, ACCEPT_UNAVAILABLE);
}

static void tell_same(struct acceptance *a, const struct queue_push_answer *answer)
{
	const struct accept_result result = { ACCEPT_SAME, answer->made_job, answer->made_batch };

	a->fn(a->ctx, &result);
	free(a);
}

static void on_pushed(void *ctx, const struct queue_push_answer *answer)
{
	struct acceptance *a = ctx;

	switch (answer->answer) {
	case QUEUE_ok:
		publish_first(a);
		break;
	case QUEUE_exists:
		finish(a, ACCEPT_OK);
		break;
	case QUEUE_same:
		tell_same(a, answer);
		break;
	case QUEUE_full:
		finish(a, ACCEPT_FULL);
		break;
	case QUEUE_user_full:
		finish(a, ACCEPT_USER_FULL);
		break;
	case QUEUE_draining:
		finish(a, ACCEPT_DRAINING);
		break;
	default:
		take_back(a, ACCEPT_UNAVAILABLE);
		break;
	}
}

static struct str keep(char **at, struct str text)
{
	char *start = *at;

	if (text.n)
		memcpy(start, text.p, text.n);
	*at += text.n;
	return str_of(start, text.n);
}

struct queue_job job_of_record(const struct spool_record *rec)
{
	return (struct queue_job){
		.user = str_c(rec->user), .batch = str_c(rec->batch), .cv = str_c(rec->cv), .filename = str_c(rec->filename),
		.sha256 = str_c(rec->sha256), .bytes = rec->bytes, .priority = rec->priority, .attempt = rec->attempt,
		.lane = *rec->url ? QUEUE_LANE_FETCH : QUEUE_LANE_TEXT, .webhook = str_c(rec->webhook),
	};
}

int accept_cv(struct queue *q, const struct publisher *p, const struct queue_job *job, bool unlimited, accept_fn *fn, void *ctx)
{
	struct acceptance *a = malloc(sizeof(*a) + job->user.n + job->batch.n + job->cv.n + job->filename.n);
	char *at;
	int rc;

	if (!a)
		return -ENOMEM;
	*a = (struct acceptance){ .queue = q, .publisher = p, .fn = fn, .ctx = ctx, .attempt = job->attempt };
	at = a->bytes;
	a->user = keep(&at, job->user);
	a->batch = keep(&at, job->batch);
	a->cv = keep(&at, job->cv);
	a->filename = keep(&at, job->filename);
	rc = queue_push(q, job, ACCEPT_HOLD_MS, unlimited, on_pushed, a);
	if (rc < 0)
		free(a);
	return rc;
}
