/* See pipeline.h. Here: slots, leases and their renewal, the reaper, and the stop. */
#include "pipeline.h"

#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "job.h"
#include "log.h"
#include "mates.h"
#include "metrics.h"
#include "pace.h"
#include "recovery.h"
#include "sweep.h"
#include "vault.h"

#define RENEWALS_A_LEASE 3
#define RENEW_MAX_MS 1000       /* a renewal also tells whether a person has cancelled the CV */
#define STOP_EXTRA_MS 3000      /* after worker.drain_s, to give leases back; children are dead 2 s after that */
#define JOBS_MAX 1024           /* as many slots as config.def allows */
_Static_assert(QUEUE_REAP_MAX <= JOBS_MAX, "what is reaped at once must fit");

/*
 * RUNNING    takes jobs
 * DRAINING   takes none, waits for those that run
 * RELEASING  gives back what still runs
 * ABANDONING Redis did not even hear that: leases will run out
 * STOPPED    handles are closing
 */
enum pipeline_state { PIPELINE_RUNNING, PIPELINE_DRAINING, PIPELINE_RELEASING, PIPELINE_ABANDONING, PIPELINE_STOPPED };

enum pipeline_timer { TIMER_POLL, TIMER_RENEW, TIMER_REAP, TIMER_STOP, TIMERS };

/* SET_REAPED: taken over, only to be ended. The others are lanes of the queue: one job in each slot that is taken. */
enum { SET_TEXT, SET_OCR, SET_FETCH, SET_REAPED, SETS, LANES = SET_REAPED };

struct job_set {
	struct job_owner owner;
	struct pipeline *pipeline;
	struct job *jobs[JOBS_MAX];             /* in no order */
	int n;
	const char *lane;                       /* from here on lanes only */
	int64_t slots;
	bool lease_asked;                       /* the next is asked for when this one was given */
	struct pace pace;
	bool kicked;                            /* a job came while a lease was asked for */
};

struct pipeline {
	struct pipeline_parts parts;
	enum pipeline_state state;
	struct job_set sets[SETS];
	int reaps_asked, reap_count;
	char dead[ID_NEW_SIZE];                 /* whose leases the reap under way takes; "": those that ran out */
	struct mates *mates;                    /* NULL on a file system without locks */
	uv_timer_t timers[TIMERS];
	int parts_open;                         /* timers, recovery, sweep: what must end before this may be freed */
	struct recovery *recovery;
	struct sweep *sweep;
	void (*stopped)(void *ctx);
	void *stopped_ctx;
};

static void look_for_job(struct job_set *lane);
static void go_on_stopping(struct pipeline *p);

static void on_job_gone(void *ctx, struct job *job)
{
	struct job_set *set = ctx;

	for (int i = 0; i < set->n; i++)
		if (set->jobs[i] == job) {
			set->jobs[i] = set->jobs[--set->n];
			break;
		}
	if (set->pipeline->state == PIPELINE_RUNNING)
		pipeline_kick(set->pipeline);
	else
		go_on_stopping(set->pipeline);
}

static struct job *take_up(struct job_set *set, const struct queue_leased *leased)
{
	struct job *job = job_new(&set->owner, leased);

	if (job)
		set->jobs[set->n++] = job;
	return job;
}

static void on_leased(void *ctx, const struct queue_leased *leased, bool known)
{
	struct job_set *lane = ctx;
	struct pipeline *p = lane->pipeline;
	struct job *job = leased ? take_up(lane, leased) : NULL;

	lane->lease_asked = false;
	if (job)
		metrics_add(METRIC_jobs_leased, 1);
	if (job && p->state == PIPELINE_RUNNING)
		job_start(job);
	else if (job)
		job_end(job, JOB_END_released, ERR_NONE);
	if (p->state != PIPELINE_RUNNING)
		go_on_stopping(p);
	else if (job || lane->kicked)
		look_for_job(lane);
}

/* While the vault is away, or there is no room for a file of it, nothing can be done for a job: it waits in the queue, where another
 * worker may have it. */
static bool is_without_files(const struct pipeline *p)
{
	const struct pipeline_parts *parts = &p->parts;

	return parts->vault && (vault_problem(parts->vault) || spool_room(parts->spool, 0, parts->cfg->worker_min_free_bytes) < 0);
}

/* One lease at a time: the next is asked for when this one brought a job; with an empty queue that is one call a poll. */
static void look_for_job(struct job_set *lane)
{
	lane->kicked = lane->lease_asked;
	if (lane->lease_asked || lane->n >= lane->slots || is_without_files(lane->pipeline))
		return;
	if (queue_lease(lane->pipeline->parts.queue, lane->lane, on_leased, lane) == 0)
		lane->lease_asked = true;
}

void pipeline_kick(struct pipeline *p)
{
	for (int i = 0; i < LANES && p->state == PIPELINE_RUNNING; i++)
		look_for_job(&p->sets[i]);
}

static void on_poll(uv_timer_t *timer)
{
	pipeline_kick(timer->data);
}

static struct job *find(const struct job_set *set, const struct queue_lease *lease)
{
	for (int i = 0; i < set->n; i++)
		if (strcmp(job_lease(set->jobs[i])->token, lease->token) == 0 &&
		    strcmp(job_lease(set->jobs[i])->job, lease->job) == 0)
			return set->jobs[i];
	return NULL;
}

static void on_renewed(void *ctx, const struct queue_lease *lease, enum queue_answer answer)
{
	struct pipeline *p = ctx;
	struct job *job = NULL;

	for (int i = 0; i < SETS && !job; i++)
		job = find(&p->sets[i], lease);
	if (job && answer == QUEUE_lost)
		job_end(job, JOB_END_lost, ERR_NONE);
	else if (job && answer == QUEUE_cancel)
		job_end(job, JOB_END_cancelled, ERR_cancelled);
}

static void renew(struct pipeline *p, const struct job_set *set)
{
	for (int from = 0; from < set->n; from += QUEUE_RENEW_MAX) {
		const struct queue_lease *leases[QUEUE_RENEW_MAX];
		bool stalled[QUEUE_RENEW_MAX];
		int n = 0;

		while (n < QUEUE_RENEW_MAX && from + n < set->n) {
			leases[n] = job_lease(set->jobs[from + n]);
			stalled[n] = job_is_stalled(set->jobs[from + n], clock_monotonic_us());
			n++;
		}
		queue_renew(p->parts.queue, leases, stalled, n, on_renewed, p); /* if Redis is away, at the next turn */
	}
}

static void on_renew(uv_timer_t *timer)
{
	struct pipeline *p = timer->data;

	for (int i = 0; i < SETS; i++)
		renew(p, &p->sets[i]);
}

static void reap_later(struct pipeline *p, uint64_t after_ms);

static void reap_over(struct pipeline *p, bool known)
{
	bool was_dead = p->dead[0];

	p->reaps_asked = 0;
	if (was_dead && known && p->reap_count < QUEUE_REAP_MAX)
		mates_forget(p->mates, p->dead);
	if (p->state != PIPELINE_RUNNING)
		go_on_stopping(p);
	else if (was_dead && known)
		reap_later(p, 0); /* it may have had more, or may not have died alone */
}

static void on_reaped(void *ctx, const struct queue_leased *leased, bool known)
{
	struct pipeline *p = ctx;
	struct job *job;

	if (!leased) {
		reap_over(p, known);
		return;
	}
	p->reap_count++;
	job = take_up(&p->sets[SET_REAPED], leased);
	if (job) {
		metrics_add(METRIC_jobs_reaped, 1);
		job_fail(job, ERR_worker_lost);
	}
}

static void reap(struct pipeline *p)
{
	p->dead[0] = '\0';
	p->reap_count = 0;
	if (p->mates)
		mates_find_dead(p->mates, p->dead);
	if (queue_reap(p->parts.queue, str_c(p->dead), on_reaped, p) == 0)
		p->reaps_asked = 1;
}

static void on_reap(uv_timer_t *timer)
{
	struct pipeline *p = timer->data;
	uint64_t period_ms = (uint64_t)p->parts.cfg->worker_sweep_ms;

	/* The random part keeps many workers from doing it all at once. */
	reap_later(p, period_ms / 2 + random_below(period_ms));
	if (p->reaps_asked == 0 && p->sets[SET_REAPED].n == 0)
		reap(p);
}

static void reap_later(struct pipeline *p, uint64_t after_ms)
{
	uv_timer_start(&p->timers[TIMER_REAP], on_reap, after_ms, 0);
}

void pipeline_redis_connected(struct pipeline *p)
{
	if (p->state != PIPELINE_RUNNING)
		return;
	pipeline_kick(p);
	reap_later(p, 0);
	recovery_run(p->recovery);
}

int pipeline_running(const struct pipeline *p)
{
	int n = 0;

	for (int i = 0; i < LANES; i++)
		n += p->sets[i].n;
	return n;
}

static void part_closed(struct pipeline *p)
{
	if (--p->parts_open > 0)
		return;
	if (p->mates)
		mates_leave(p->mates);
	p->stopped(p->stopped_ctx);
	free(p);
}

static void on_timer_closed(uv_handle_t *handle)
{
	part_closed(handle->data);
}

static void on_helper_stopped(void *ctx)
{
	part_closed(ctx);
}

static void go_on_stopping(struct pipeline *p)
{
	bool busy = p->state == PIPELINE_STOPPED || p->reaps_asked;

	for (int i = 0; i < SETS; i++)
		busy |= p->sets[i].n > 0 || p->sets[i].lease_asked;
	if (busy)
		return;
	p->state = PIPELINE_STOPPED;
	for (int i = 0; i < TIMERS; i++)
		uv_close((uv_handle_t *)&p->timers[i], on_timer_closed);
	recovery_stop(p->recovery, on_helper_stopped, p);
	sweep_stop(p->sweep, on_helper_stopped, p);
}

static void end_all(struct job_set *set, enum job_end why)
{
	for (int i = 0; i < set->n; i++) /* a job is gone at the earliest in the loop's next turn */
		job_end(set->jobs[i], why, ERR_NONE);
}

static void on_stop_timer(uv_timer_t *timer)
{
	struct pipeline *p = timer->data;

	if (p->state == PIPELINE_DRAINING) {
		p->state = PIPELINE_RELEASING;
		for (int i = 0; i < LANES; i++)
			end_all(&p->sets[i], JOB_END_released);
		uv_timer_start(timer, on_stop_timer, STOP_EXTRA_MS, 0);
	} else if (p->state == PIPELINE_RELEASING) {
		p->state = PIPELINE_ABANDONING;
		for (int i = 0; i < SETS; i++)
			end_all(&p->sets[i], JOB_END_lost);
	}
}

void pipeline_stop(struct pipeline *p, void (*stopped)(void *ctx), void *ctx)
{
	if (p->state != PIPELINE_RUNNING)
		return;
	p->state = PIPELINE_DRAINING;
	p->stopped = stopped;
	p->stopped_ctx = ctx;
	uv_timer_stop(&p->timers[TIMER_POLL]);
	uv_timer_stop(&p->timers[TIMER_REAP]);
	uv_timer_start(&p->timers[TIMER_STOP], on_stop_timer, (uint64_t)p->parts.cfg->worker_drain_ms, 0);
	go_on_stopping(p);
}

static void init_sets(struct pipeline *p)
{
	static const enum job_task tasks[SETS] = { [SET_OCR] = TASK_READ_PICTURES, [SET_FETCH] = TASK_FETCH };

	for (int i = 0; i < SETS; i++) {
		p->sets[i].owner = (struct job_owner){ .parts = &p->parts, .task = tasks[i], .gone = on_job_gone, .ctx = &p->sets[i],
			.pace = &p->sets[i].pace };
		p->sets[i].pipeline = p;
	}
	p->sets[SET_TEXT].lane = QUEUE_LANE_TEXT;
	p->sets[SET_TEXT].slots = p->parts.cfg->worker_slots;
	p->sets[SET_OCR].lane = QUEUE_LANE_OCR;
	p->sets[SET_OCR].slots = p->parts.cfg->worker_ocr_slots;
	p->sets[SET_FETCH].lane = QUEUE_LANE_FETCH;
	p->sets[SET_FETCH].slots = p->parts.http ? p->parts.cfg->fetch_slots : 0;
}

static void nothing(void *ctx)
{
}

static int start_helpers(struct pipeline *p)
{
	p->recovery = recovery_new(&p->parts);
	if (!p->recovery)
		return -ENOMEM;
	p->sweep = sweep_new(&p->parts);
	if (p->sweep)
		return 0;
	recovery_stop(p->recovery, nothing, NULL);
	return -ENOMEM;
}

static void join_mates(struct pipeline *p)
{
	int rc = mates_join(p->parts.cfg->worker_spool_dir, queue_worker_name(p->parts.queue), &p->mates);

	if (rc < 0)
		LOG(WARNING, "mates_unknown", LOG_ERRNO(rc));
}

int pipeline_start(const struct pipeline_parts *parts, struct pipeline **out)
{
	uint64_t poll_ms = (uint64_t)parts->cfg->worker_poll_ms;
	uint64_t renew_ms = (uint64_t)parts->cfg->worker_lease_ms / RENEWALS_A_LEASE;
	struct pipeline *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	if (renew_ms > RENEW_MAX_MS)
		renew_ms = RENEW_MAX_MS;
	p->parts = *parts;
	if (start_helpers(p) < 0) {
		free(p);
		return -ENOMEM;
	}
	init_sets(p);
	for (int i = 0; i < TIMERS; i++) {
		uv_timer_init(parts->loop, &p->timers[i]);
		p->timers[i].data = p;
	}
	p->parts_open = TIMERS + 2;
	uv_timer_start(&p->timers[TIMER_POLL], on_poll, poll_ms, poll_ms);
	uv_timer_start(&p->timers[TIMER_RENEW], on_renew, renew_ms, renew_ms);
	join_mates(p);
	*out = p;
	return 0;
}
