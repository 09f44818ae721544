/* See job.h. Here: the states of a job, and how it ends. */
#include "job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "job_state.h"
#include "log.h"
#include "metrics.h"
#include "pace.h"
#include "webhook_note.h"

#define AGAIN_BASE_MS 100
#define AGAIN_MAX_MS 5000
#define RESULT_URL_FORMAT "/api/v1/cv-processing/cvs/%s"

enum settle { SETTLE_NOTHING, SETTLE_ack, SETTLE_retry, SETTLE_defer, SETTLE_release, SETTLE_move, SETTLE_read, SETTLE_bury };
#define CV_NONE CV_STATUS_COUNT

static const struct {
	const char *name;
	enum cv_status event;
	enum settle settle;
	enum metric metric;
} ends[JOB_END_COUNT] = {
#define JOB_END(name, event, settle, metric) [JOB_END_##name] = { #name, CV_##event, SETTLE_##settle, metric },
#include "job_ends.def"
#undef JOB_END
};

static void announce(struct job *job);
static void settle(struct job *job);

void job_set_state(struct job *job, enum job_state to)
{
	static const unsigned allowed[] = {
		[JOB_LEASED] = 1 << JOB_GETTING | 1 << JOB_FETCHING | 1 << JOB_SCANNING | 1 << JOB_READING | 1 << JOB_ANNOUNCING |
			       1 << JOB_SETTLING | 1 << JOB_GONE,
		[JOB_GETTING] = 1 << JOB_FETCHING | 1 << JOB_SCANNING | 1 << JOB_READING | 1 << JOB_ANNOUNCING | 1 << JOB_SETTLING | 1 << JOB_GONE,
		[JOB_FETCHING] = 1 << JOB_ANNOUNCING | 1 << JOB_SETTLING | 1 << JOB_GONE,
		[JOB_SCANNING] = 1 << JOB_READING | 1 << JOB_ANNOUNCING | 1 << JOB_SETTLING | 1 << JOB_GONE,
		[JOB_PROCESSING] = 1 << JOB_STORING | 1 << JOB_ANNOUNCING | 1 << JOB_SETTLING | 1 << JOB_GONE,
		[JOB_READING] = 1 << JOB_PROCESSING | 1 << JOB_STORING | 1 << JOB_ANNOUNCING | 1 << JOB_SETTLING | 1 << JOB_GONE,
		[JOB_STORING] = 1 << JOB_ANNOUNCING | 1 << JOB_SETTLING | 1 << JOB_GONE,
		[JOB_ANNOUNCING] = 1 << JOB_SETTLING | 1 << JOB_GONE,
		[JOB_SETTLING] = 1 << JOB_GONE,
		[JOB_GONE] = 0,
	};

	if (!(allowed[job->state] & 1u << to))
		abort();
	job->state = to;
}

static void copy(char *out, size_t size, struct str text)
{
	snprintf(out, size, STR_FMT, STR_ARG(text));
}

struct job *job_new(const struct job_owner *owner, const struct queue_leased *leased)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->owner = owner;
	job->lease = leased->lease;
	copy(job->user, sizeof(job->user), leased->user);
	copy(job->batch, sizeof(job->batch), leased->batch);
	copy(job->cv, sizeof(job->cv), leased->cv);
	copy(job->filename, sizeof(job->filename), leased->filename);
	job->attempt = leased->attempt;
	job->file_fd = -1;
	job->tries = leased->tries;
	job->leased_us = job->moved_us = clock_monotonic_us();
	job->step = STEP_COUNT;
	if (leased->pushed_ms > 0 && clock_wall_ms() > leased->pushed_ms)
		job->spent_us[STEP_queue] = (clock_wall_ms() - leased->pushed_ms) * 1000;
	if (job->tries == 1)
		metrics_observe_us(HISTOGRAM_step_queue, job->spent_us[STEP_queue]);
	uv_timer_init(owner->parts->loop, &job->timer);
	job->timer.data = job;
	job->calls = 1; /* the timer's */
	LOG(INFO, "job_leased", LOG_TEXT("cv", job->cv), LOG_USER(str_c(job->user)), LOG_INT("attempt", job->attempt),
	    LOG_INT("tries", job->tries));
	return job;
}

void job_call_done(struct job *job)
{
	if (--job->calls > 0)
		return;
	if (job->state != JOB_GONE)
		abort();
	job->owner->gone(job->owner->ctx, job);
	buf_free(&job->resume);
	buf_free(&job->summary);
	buf_free(&job->text);
	if (job->file_fd >= 0)
		close(job->file_fd);
	free(job);
}

static void on_timer_closed(uv_handle_t *handle)
{
	job_call_done(handle->data);
}

static void go(struct job *job)
{
	job_set_state(job, JOB_GONE);
	uv_close((uv_handle_t *)&job->timer, on_timer_closed);
}

static void on_again(uv_timer_t *timer)
{
	struct job *job = timer->data;

	if (job->state == JOB_ANNOUNCING)
		announce(job);
	else if (job->state == JOB_SETTLING)
		settle(job);
}

/* Redis did not answer. It is tried again as long as this worker lives: a terminal event must not be lost, and meanwhile
 * there would be nothing else to do. If the worker dies, the lease runs out and another one begins anew. */
static void again_later(struct job *job)
{
	int64_t wait_ms = AGAIN_BASE_MS;

	for (int i = 0; i < job->unanswered && wait_ms < AGAIN_MAX_MS; i++)
		wait_ms *= 2;
	job->unanswered++;
	uv_timer_start(&job->timer, on_again, 1 + random_below((uint64_t)wait_ms), 0);
}

static void on_settled(void *ctx, enum queue_answer answer)
{
	struct job *job = ctx;

	if (job->state == JOB_SETTLING) {
		if (answer == QUEUE_no_answer)
			again_later(job);
		else
			go(job);
	}
	job_call_done(job);
}

/* Doubles with each try; half of it is random, so that what failed together does not come back together. */
static int64_t retry_delay_ms(const struct job *job)
{
	const struct config *cfg = job->owner->parts->cfg;
	int64_t delay = cfg->worker_retry_base_ms;

	for (int i = 1; i < job->tries && delay < cfg->worker_retry_max_ms; i++)
		delay *= 2;
	if (delay > cfg->worker_retry_max_ms)
		delay = cfg->worker_retry_max_ms;
	return delay / 2 + (int64_t)random_below((uint64_t)(delay / 2 + 1));
}

/* Tries that do not count do not make it longer: it grows with the time that the job has been waiting. */
static int64_t defer_delay_ms(const struct job *job)
{
	const struct config *cfg = job->owner->parts->cfg;
	int64_t age_ms = (job->spent_us[STEP_queue] + clock_monotonic_us() - job->leased_us) / 1000, delay = age_ms / 4;

	if (delay > cfg->worker_retry_max_ms)
		delay = cfg->worker_retry_max_ms;
	if (delay < cfg->worker_retry_base_ms)
		delay = cfg->worker_retry_base_ms;
	return delay / 2 + (int64_t)random_below((uint64_t)(delay / 2 + 1));
}

static int tell_queue(struct job *job)
{
	struct queue *q = job->owner->parts->queue;

	switch (ends[job->end].settle) {
	case SETTLE_ack:
		return queue_ack(q, &job->lease, on_settled, job);
	case SETTLE_retry:
		return queue_retry(q, &job->lease, retry_delay_ms(job), job->code, true, on_settled, job);
	case SETTLE_defer:
		return queue_retry(q, &job->lease, defer_delay_ms(job), job->code, false, on_settled, job);
	case SETTLE_release:
		return queue_release(q, &job->lease, "", on_settled, job);
	case SETTLE_move:
		return queue_release(q, &job->lease, QUEUE_LANE_OCR, on_settled, job);
	case SETTLE_read:
		return queue_release(q, &job->lease, QUEUE_LANE_TEXT, on_settled, job);
	case SETTLE_bury:
		return queue_bury(q, &job->lease, job->code, on_settled, job);
	case SETTLE_NOTHING:
		break;
	}
	abort(); /* `lost` never comes here */
}

static void settle(struct job *job)
{
	job->calls++;
	if (tell_queue(job) < 0) {
		job->calls--;
		again_later(job);
	}
}

static void begin_settling(struct job *job)
{
	job_set_state(job, JOB_SETTLING);
	job->unanswered = 0;
	settle(job);
}

void job_fill_frame(const struct job *job, struct cv_frame *frame)
{
	*frame = (struct cv_frame){
		.user = str_c(job->user), .batch = str_c(job->batch), .cv = str_c(job->cv), .filename = str_c(job->filename),
		.attempt = job->attempt, .stage = job->stage, .progress = job->progress,
	};
}

static void log_end(struct job *job)
{
	int64_t took_us = clock_monotonic_us() - job->leased_us;
	bool finished = ends[job->end].event != CV_NONE && cv_status_terminal(ends[job->end].event);

	metrics_add(ends[job->end].metric, 1);
	metrics_observe_us(HISTOGRAM_job_time, took_us);
	if (job->end == JOB_END_completed)
		pace_note(job->owner->pace, took_us);
	LOG(INFO, finished ? "cv_finished" : "job_given_back", LOG_TEXT("cv", job->cv), LOG_USER(str_c(job->user)),
	    LOG_TEXT("end", ends[job->end].name), LOG_TEXT("code", error_name(job->code)), LOG_INT("attempt", job->attempt),
	    LOG_INT("took_ms", took_us / 1000));
}

static void announced(struct job *job, const struct publish_answer *answer)
{
	if (answer->verdict == PUBLISH_REFUSED)
		LOG(ERROR, "publish_refused", LOG_TEXT("cv", job->cv), LOG_STR("reason", answer->id));
	/* Not ours to end any more, but for a dead letter that somebody announced and did not come to bury. */
	else if (answer->verdict != PUBLISH_ok && job->end != JOB_END_buried)
		job->end = JOB_END_over;
	log_end(job);
	begin_settling(job);
}

static void on_announced(void *ctx, const struct publish_answer *answer)
{
	struct job *job = ctx;

	if (job->state == JOB_ANNOUNCING) {
		if (answer->verdict == PUBLISH_NO_ANSWER)
			again_later(job);
		else
			announced(job, answer);
	}
	job_call_done(job);
}

static void announce(struct job *job)
{
	char url[sizeof(RESULT_URL_FORMAT) + ID_MAX];
	struct cv_frame frame;

	job_fill_frame(job, &frame);
	frame.status = ends[job->end].event;
	frame.error = job->code;
	frame.message = str_c(error_sentence(job->code));
	/* What a person cancelled was noted by whoever published that, and may have been erased since. */
	if (cv_status_terminal(frame.status) && job->end != JOB_END_cancelled)
		webhook_note(job->owner->parts->queue, job->owner->parts->cfg, &(struct webhook_cv){ frame.user, frame.batch, frame.cv, frame.attempt });
	if (job->end == JOB_END_completed) {
		frame.progress = 100;
		frame.result_url = str_of(url, (size_t)snprintf(url, sizeof(url), RESULT_URL_FORMAT, job->cv));
		frame.result_json = buf_str(&job->summary);
		frame.eta_ms = 0;
	}
	job->calls++;
	if (publish_cv(job->owner->parts->publisher, &frame, on_announced, job) < 0) {
		job->calls--;
		again_later(job);
	}
}

static void give_up(struct job *job)
{
	if (job->state != JOB_SETTLING) { /* else its end is known and logged */
		job->end = JOB_END_lost;
		log_end(job);
	}
	go(job);
}

void job_end(struct job *job, enum job_end why, enum error_code code)
{
	if (job->state == JOB_GONE || (job_is_ending(job) && why != JOB_END_lost))
		return;
	job_stop_work(job);
	job_enter_step(job, STEP_COUNT);
	if (why == JOB_END_lost) {
		give_up(job);
		return;
	}
	job->end = why;
	job->code = code;
	if (ends[why].event == CV_NONE) {
		log_end(job);
		begin_settling(job);
	} else {
		job_set_state(job, JOB_ANNOUNCING);
		announce(job);
	}
}

void job_fail(struct job *job, enum error_code code)
{
	if (!error_retryable(code))
		job_end(job, JOB_END_failed, code);
	else if (job->tries < job->owner->parts->cfg->worker_max_attempts)
		job_end(job, JOB_END_retried, code);
	else
		job_end(job, JOB_END_buried, code);
}

void job_fail_storage(struct job *job, int rc)
{
	if (rc == -EREMOTEIO || rc == -ECANCELED || rc == -ENOSPC || rc == -EDQUOT)
		job_end(job, JOB_END_deferred, ERR_internal);
	else if (rc == -ENOENT)
		job_end(job, JOB_END_over, ERR_NONE);
	else
		job_fail(job, ERR_internal);
}

const struct queue_lease *job_lease(const struct job *job)
{
	return &job->lease;
}

bool job_is_stalled(const struct job *job, int64_t now_us)
{
	int64_t limit_ms = job->owner->parts->cfg->worker_stalled_ms;

	return limit_ms > 0 && now_us - job->moved_us > limit_ms * 1000;
}

bool job_is_ending(const struct job *job)
{
	return job->state >= JOB_ANNOUNCING;
}
