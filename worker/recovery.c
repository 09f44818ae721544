/* See recovery.h. */
#include "recovery.h"

#include <errno.h>
#include <stdlib.h>

#include "accept.h"
#include "clock.h"
#include "json_member.h"
#include "keys.h"
#include "log.h"
#include "metrics.h"
#include "spool.h"
#include "vault.h"

#define START_DELAY_MS 1000             /* the connection may be lost again at once */
#define YOUNG_MS 10000                  /* younger records may be in the middle of their acceptance: */
#define AGAIN_MS 15000                  /* they are looked at after this time */
#define IN_FLIGHT_MAX 64
#define RECORDS_MAX 65536               /* of one shard; more are left out and said */

/* IDLE, WAITING (timer), WALKING (a thread reads a shard), CHECKING (its records, in Redis), STOPPED */
enum recovery_state { RECOVERY_IDLE, RECOVERY_WAITING, RECOVERY_WALKING, RECOVERY_CHECKING, RECOVERY_STOPPED };

struct check {
	struct recovery *recovery;
	struct spool_record record;             /* from a vault: only its cv, until it was read */
	bool has_result;
};

struct recovery {
	const struct pipeline_parts *parts;
	enum recovery_state state;
	bool wanted;                            /* once more, after this walk */
	bool again;                             /* some records could not be judged yet */
	uv_timer_t timer;
	uv_work_t work;
	int shard, walk_result;                 /* with a vault: one page of it after the other instead of shards */
	char page_end[ID_MAX + 1];
	bool more_pages;
	struct check *checks;
	size_t n_checks, next_check, capacity;
	int in_flight;                          /* checks, and the thread */
	int64_t accepted;
	void (*stopped)(void *ctx);
	void *stopped_ctx;
};

static void walk_shard(struct recovery *r);
static void check_more(struct recovery *r);

struct recovery *recovery_new(const struct pipeline_parts *parts)
{
	struct recovery *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->parts = parts;
	r->timer.data = r;
	r->work.data = r;
	uv_timer_init(parts->loop, &r->timer);
	return r;
}

static void on_start(uv_timer_t *timer)
{
	struct recovery *r = timer->data;

	r->shard = 0;
	r->page_end[0] = '\0';
	r->again = false;
	r->accepted = 0;
	walk_shard(r);
}

static void wait_to_start(struct recovery *r, uint64_t delay_ms)
{
	r->state = RECOVERY_WAITING;
	r->wanted = false;
	uv_timer_start(&r->timer, on_start, delay_ms, 0);
}

void recovery_run(struct recovery *r)
{
	if (r->state == RECOVERY_IDLE || r->state == RECOVERY_WAITING)
		wait_to_start(r, START_DELAY_MS);
	else
		r->wanted = true;
}

static void on_closed(uv_handle_t *handle)
{
	struct recovery *r = handle->data;

	r->stopped(r->stopped_ctx);
	free(r->checks);
	free(r);
}

void recovery_stop(struct recovery *r, void (*stopped)(void *ctx), void *ctx)
{
	r->state = RECOVERY_STOPPED;
	r->stopped = stopped;
	r->stopped_ctx = ctx;
	if (r->in_flight == 0)
		uv_close((uv_handle_t *)&r->timer, on_closed);
}

static void walk_over(struct recovery *r)
{
	r->state = RECOVERY_IDLE;
	if (r->accepted)
		LOG(WARNING, "recovered", LOG_INT("cvs", r->accepted));
	if (r->wanted)
		wait_to_start(r, START_DELAY_MS);
	else if (r->again)
		wait_to_start(r, AGAIN_MS);
}

/* Something that was in flight came back. */
static void landed(struct recovery *r)
{
	r->in_flight--;
	if (r->state == RECOVERY_CHECKING)
		check_more(r);
	else if (r->state == RECOVERY_STOPPED && r->in_flight == 0)
		uv_close((uv_handle_t *)&r->timer, on_closed);
}

/* Redis is away, or cannot write. */
static void give_up(struct recovery *r)
{
	r->again = true;
	r->next_check = r->n_checks;
	r->shard = SPOOL_SHARDS;
	r->more_pages = false;
}

static void on_accepted(void *ctx, const struct accept_result *result)
{
	struct check *check = ctx;

	if (result->answer == ACCEPT_OK) {
		check->recovery->accepted++;
		metrics_add(METRIC_cvs_recovered, 1);
	} else if (result->answer == ACCEPT_UNAVAILABLE) {
		give_up(check->recovery);
	}
	landed(check->recovery);
}

static int accept_again(struct check *check)
{
	const struct pipeline_parts *parts = check->recovery->parts;
	const struct queue_job job = job_of_record(&check->record);

	return accept_cv(parts->queue, parts->publisher, &job, true, on_accepted, check);
}

static void on_may_come_back(void *ctx, int rc)
{
	struct check *check = ctx;

	if (rc == -EREMOTEIO)
		give_up(check->recovery);
	if (rc == 0 && check->recovery->state == RECOVERY_CHECKING)
		rc = accept_again(check);
	else
		rc = -ECANCELED;
	if (rc < 0)
		landed(check->recovery);
}

static void on_found(void *ctx, enum queue_answer answer)
{
	struct check *check = ctx;
	const struct spool_record *rec = &check->record;
	const struct pipeline_parts *parts = check->recovery->parts;
	int rc = -ECANCELED;

	if (answer == QUEUE_no_answer)
		give_up(check->recovery);
	else if (answer == QUEUE_gone && check->recovery->state == RECOVERY_CHECKING)
		rc = parts->vault ? vault_may_come_back(parts->vault, str_c(rec->user), str_c(rec->cv), on_may_come_back, check) : accept_again(check);
	if (rc < 0)
		landed(check->recovery);
}

/* Its end is kept on the disk, and is too long ago for anybody to wait for its events. */
static bool ended_long_ago(const struct check *check)
{
	const struct pipeline_parts *parts = check->recovery->parts;

	return check->record.created_ms < clock_wall_ms() - parts->cfg->redis_history_ttl_ms &&
	       (parts->vault ? check->has_result : spool_has_result(parts->spool, str_c(check->record.cv)));
}

static bool needs_job(const struct check *check, const struct redisReply *newest_frame)
{
	struct str frame = reply_str(newest_frame), status = json_member(frame, "status");
	uint64_t attempt;
	int known;

	if (frame.n == 0)
		return !ended_long_ago(check); /* Redis may have lost all of it, the end too */
	known = status.n > 2 ? cv_status_by_name(str_of(status.p + 1, status.n - 2)) : -ENOENT;
	if (known < 0 || !cv_status_terminal((enum cv_status)known))
		return true;
	return str_to_u64(json_member(frame, "attempt"), 1, INT32_MAX, &attempt) == 0 && (int)attempt < check->record.attempt;
}

static void on_state(void *ctx, const struct redisReply *reply)
{
	struct check *check = ctx;
	enum reply_kind kind = reply_kind(reply);

	if (kind == REPLY_LOST || kind == REPLY_ERROR)
		give_up(check->recovery);
	else if (check->recovery->state == RECOVERY_CHECKING && needs_job(check, reply) &&
		 queue_find(check->recovery->parts->queue, str_c(check->record.user), str_c(check->record.cv), on_found, check) == 0)
		return;
	landed(check->recovery);
}

static int check_state(struct check *check)
{
	const struct pipeline_parts *parts = check->recovery->parts;
	const struct spool_record *rec = &check->record;
	char key[KEY_SIZE];

	return REDIS_COMMAND(parts->redis, on_state, check, STR("HGET"),
		key_batch(key, parts->cfg->redis_key_form, str_c(rec->user), str_c(rec->batch), ":cvs"), str_c(rec->cv));
}

static void on_record_read(void *ctx, int rc, const struct spool_record *rec)
{
	struct check *check = ctx;
	struct recovery *r = check->recovery;

	if (rc == 0 && r->state == RECOVERY_CHECKING) {
		check->record = *rec;
		rc = check_state(check);
		if (rc == 0)
			return;
	}
	if (rc == -EREMOTEIO || rc == -ENOTCONN)
		give_up(r);
	landed(r);
}

static int begin_check(struct check *check)
{
	struct vault *vault = check->recovery->parts->vault;

	return vault ? vault_read_record(vault, str_c(check->record.cv), on_record_read, check) : check_state(check);
}

static void check_more(struct recovery *r)
{
	while (r->next_check < r->n_checks && r->in_flight < IN_FLIGHT_MAX) {
		struct check *check = &r->checks[r->next_check++];

		if (begin_check(check) == 0)
			r->in_flight++;
		else
			give_up(r);
	}
	if (r->in_flight || r->next_check < r->n_checks)
		return;
	if (++r->shard < SPOOL_SHARDS || r->more_pages)
		walk_shard(r);
	else
		walk_over(r);
}

/* One of the future is not young: the clock was set back. */
static bool is_young(int64_t created_ms)
{
	int64_t age_ms = clock_wall_ms() - created_ms;

	return age_ms >= 0 && age_ms < YOUNG_MS;
}

static int add_check(struct recovery *r, const struct check *check)
{
	if (r->n_checks == r->capacity) {
		size_t capacity = r->capacity ? 2 * r->capacity : 64;
		struct check *checks = capacity <= RECORDS_MAX ? realloc(r->checks, capacity * sizeof(*checks)) : NULL;

		if (!checks)
			return -ENOMEM;
		r->checks = checks;
		r->capacity = capacity;
	}
	r->checks[r->n_checks++] = *check;
	return 0;
}

static int on_record(const struct spool_record *record, void *ctx)
{
	struct recovery *r = ctx;
	const struct check check = { .recovery = r, .record = *record };

	if (!is_young(record->created_ms))
		return add_check(r, &check);
	r->again = true;
	return 0;
}

/* Whose end is kept, and too long ago, is not even read. */
static void on_listed(struct recovery *r, const struct vault_cv *cv)
{
	struct check check = { .recovery = r, .has_result = cv->has_result };

	if (!cv->has_record || (cv->has_result && cv->newest_ms < clock_wall_ms() - r->parts->cfg->redis_history_ttl_ms))
		return;
	memcpy(check.record.cv, cv->cv, sizeof(cv->cv));
	if (is_young(cv->record_ms) || add_check(r, &check) < 0)
		r->again = true;
}

static void on_page(void *ctx, int rc, const struct vault_cv *cvs, size_t n, bool more)
{
	struct recovery *r = ctx;

	if (r->state == RECOVERY_WALKING) {
		r->state = RECOVERY_CHECKING;
		if (rc < 0)
			give_up(r);
		for (size_t i = 0; i < n; i++)
			on_listed(r, &cvs[i]);
		r->more_pages = more;
		if (n)
			memcpy(r->page_end, cvs[n - 1].cv, sizeof(r->page_end));
	}
	landed(r);
}

static void walk(uv_work_t *work)
{
	struct recovery *r = work->data;

	r->walk_result = spool_walk(r->parts->spool, r->shard, on_record, r);
}

static void on_walked(uv_work_t *work, int status)
{
	struct recovery *r = work->data;

	if (r->walk_result < 0)
		LOG(ERROR, "spool_walk_failed", LOG_INT("shard", r->shard), LOG_ERRNO(r->walk_result));
	if (r->state == RECOVERY_WALKING)
		r->state = RECOVERY_CHECKING;
	landed(r);
}

static void walk_page(struct recovery *r)
{
	int rc;

	r->shard = SPOOL_SHARDS;
	rc = vault_list(r->parts->vault, r->page_end, on_page, r);
	if (rc < 0)
		on_page(r, rc, NULL, 0, false);
}

static void walk_shard(struct recovery *r)
{
	r->state = RECOVERY_WALKING;
	r->n_checks = r->next_check = 0;
	r->in_flight++;
	if (r->parts->vault) {
		walk_page(r);
		return;
	}
	uv_queue_work(r->parts->loop, &r->work, walk, on_walked);
}
