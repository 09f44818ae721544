/* See place.h. */
#include "place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "accept.h"
#include "clock.h"
#include "hash_index.h"
#include "json_member.h"
#include "keys.h"
#include "log.h"
#include "metrics.h"
#include "quota.h"
#include "spool_jobs.h"
#include "webhook_note.h"

#define SUMMARY_MAX_BYTES 16384
#define RESULT_URL_SIZE (sizeof(API_BASE) + sizeof("/cvs/") + ID_MAX)

struct placement {
	struct worker *worker;
	struct spool_record record;
	struct buf summary;                     /* of a duplicate: the older one's short result */
	bool force, charged;                    /* charged: to the user's quota of the day */
	bool known;                             /* it was kept before, and may have been accepted then */
	struct problem problem;                 /* what is told once the file has left the spool */
	const struct placement_owner *owner;
	void *ctx;
};

/* The one end of a placement. */
static void end(struct placement *p, const struct problem *problem)
{
	const struct placement_owner *owner = p->owner;
	const struct problem why = problem ? *problem : (struct problem){ 0 };
	struct worker *w = p->worker;
	void *ctx = p->ctx;

	if (problem && p->charged)
		quota_charge(w->redis, w->cfg, str_c(p->record.user), p->record.created_ms, -p->record.bytes, NULL, NULL);
	buf_free(&p->summary);
	free(p);
	owner->done(ctx, problem ? &why : NULL);
}

static void refuse(struct placement *p, struct problem problem)
{
	end(p, &problem);
}

static void on_removed(void *ctx, int rc)
{
	struct placement *p = ctx;

	if (rc < 0)
		LOG(ERROR, "upload_not_removed", LOG_TEXT("cv", p->record.cv), LOG_ERRNO(rc));
	refuse(p, p->problem);
}

/* The file is in the spool already. */
static void take_back(struct placement *p, struct problem problem)
{
	struct worker *w = p->worker;
	int rc;

	if (p->known) {
		refuse(p, problem);
		return;
	}
	p->problem = problem;
	rc = w->vault ? vault_uncommit(w->vault, &p->record, on_removed, p) :
			spool_job_uncommit(w->loop, w->spool, str_c(p->record.cv), on_removed, p);
	if (rc < 0)
		on_removed(p, rc);
}

static void accepted(struct placement *p)
{
	metrics_add(METRIC_uploads_accepted, 1);
	metrics_add(METRIC_upload_bytes, p->record.bytes);
	end(p, NULL);
}

static void on_accepted(void *ctx, const struct accept_result *result)
{
	struct placement *p = ctx;
	struct worker *w = p->worker;

	switch (result->answer) {
	case ACCEPT_OK:
	case ACCEPT_SAME:
	case ACCEPT_OVER:
		hash_index_put(w->redis, w->cfg, str_c(p->record.user), p->record.sha256, str_c(p->record.cv));
		accepted(p);
		if (w->pipeline)
			pipeline_kick(w->pipeline);
		break;
	case ACCEPT_FULL:
		take_back(p, PROBLEM(503, "queue_full", "too many files wait already; please try again later"));
		break;
	case ACCEPT_USER_FULL:
		take_back(p, PROBLEM(429, "too_many_pending", "too many of your files wait already; please try again when some have ended"));
		break;
	case ACCEPT_DRAINING:
		take_back(p, PROBLEM(503, "draining", "no new files are taken for now; please try again later"));
		break;
	case ACCEPT_UNAVAILABLE:
		take_back(p, problem_of(-ENOTCONN));
		break;
	}
}

static void give_to_queue(struct placement *p)
{
	const struct spool_record *rec = &p->record;
	struct worker *w = p->worker;
	struct queue_job job = {
		.user = str_c(rec->user), .batch = str_c(rec->batch), .cv = str_c(rec->cv), .filename = str_c(rec->filename),
		.sha256 = str_c(rec->sha256), .bytes = rec->bytes, .priority = rec->priority, .attempt = rec->attempt,
	};
	int rc = accept_cv(w->queue, &w->publisher, &job, false, on_accepted, p);

	if (rc < 0)
		take_back(p, problem_of(rc));
}

static void on_duplicate_published(void *ctx, const struct publish_answer *answer)
{
	struct placement *p = ctx;

	if (answer->verdict == PUBLISH_NO_ANSWER || answer->verdict == PUBLISH_REFUSED)
		take_back(p, problem_of(-ENOTCONN));
	else
		accepted(p);
}

/* Received and completed at once: its result is the older one's. */
static void publish_duplicate(struct placement *p)
{
	const struct spool_record *rec = &p->record;
	const struct publisher *publisher = &p->worker->publisher;
	char url[RESULT_URL_SIZE];
	struct cv_frame frame = {
		.user = str_c(rec->user), .batch = str_c(rec->batch), .cv = str_c(rec->cv), .filename = str_c(rec->filename),
		.status = CV_queued, .stage = STAGE_received, .attempt = 1, .message = str_c(cv_stage_sentence(STAGE_received)),
	};
	int rc = publish_cv(publisher, &frame, NULL, NULL);

	snprintf(url, sizeof(url), API_BASE "/cvs/%s", rec->cv);
	frame.status = CV_completed;
	frame.stage = STAGE_deliver;
	frame.progress = 100;
	frame.message = STR("This file was read before; here is its result");
	frame.result_url = str_c(url);
	frame.result_json = buf_str(&p->summary);
	frame.duplicate_of = str_c(rec->duplicate_of);
	webhook_note(p->worker->queue, p->worker->cfg, &(struct webhook_cv){ frame.user, frame.batch, frame.cv, frame.attempt });
	if (rc == 0)
		rc = publish_cv(publisher, &frame, on_duplicate_published, p);
	if (rc == 0) /* it has no job that would see to that its batch is closed */
		queue_batch_watch(p->worker->queue, frame.user, frame.batch, clock_wall_ms());
	if (rc < 0)
		take_back(p, problem_of(rc));
}

void placement_committed(struct placement *p, int rc)
{
	p->known = rc > 0;
	if (rc < 0)
		refuse(p, problem_of(rc));
	else if (*p->record.duplicate_of)
		publish_duplicate(p);
	else
		give_to_queue(p);
}

static void on_kept(void *ctx, int rc)
{
	placement_committed(ctx, rc);
}

static void commit(struct placement *p)
{
	int fd, rc;

	if (!p->worker->vault) {
		p->owner->commit(p->ctx, p, &p->record);
		return;
	}
	fd = p->owner->open(p->ctx);
	rc = fd < 0 ? fd : vault_put(p->worker->vault, p->owner->kind, &p->record, fd, on_kept, p);
	if (rc < 0)
		placement_committed(p, rc);
}

/* The older CV's newest frame: only a completed one has a result to share. */
static void on_older_frame(void *ctx, const struct redisReply *reply)
{
	struct placement *p = ctx;
	struct str frame = reply_str(reply), summary = json_member(frame, "result");

	if (!str_eq(json_member(frame, "status"), STR("\"completed\"")))
		p->record.duplicate_of[0] = '\0';
	else if (summary.n <= SUMMARY_MAX_BYTES)
		buf_adds(&p->summary, summary);
	commit(p);
}

/* What a name promises is part of the file: the same bytes by another ending must be judged anew. */
static bool same_ending(const char *a, const char *b)
{
	const char *end_a = strrchr(a, '.'), *end_b = strrchr(b, '.');

	return str_eq_nocase(str_c(end_a), str_c(end_b));
}

static int ask_older_frame(struct placement *p, const struct spool_record *older)
{
	struct worker *w = p->worker;
	char key[KEY_SIZE];

	if (strcmp(older->user, p->record.user) != 0 || !same_ending(older->filename, p->record.filename))
		return -ENOENT;
	memcpy(p->record.duplicate_of, older->cv, sizeof(older->cv));
	key_batch(key, w->cfg->redis_key_form, str_c(older->user), str_c(older->batch), ":cvs");
	return REDIS_COMMAND(w->redis, on_older_frame, p, STR("HGET"), str_c(key), str_c(older->cv));
}

/* Without an older CV, or if it cannot be asked for, this one is read like any other. */
static void on_older_record(void *ctx, int rc, const struct spool_record *older)
{
	struct placement *p = ctx;

	if (rc == 0)
		rc = ask_older_frame(p, older);
	if (rc < 0) {
		p->record.duplicate_of[0] = '\0';
		commit(p);
	}
}

static void ask_older_record(struct placement *p, struct str cv)
{
	struct worker *w = p->worker;
	struct spool_record older;
	int rc = id_valid(cv) && !str_eq(cv, str_c(p->record.cv)) ? 0 : -ENOENT;

	if (rc == 0 && w->vault) {
		rc = vault_read_record(w->vault, cv, on_older_record, p);
		if (rc == 0)
			return;
	} else if (rc == 0) {
		rc = spool_record_read(w->spool, cv, &older);
	}
	on_older_record(p, rc, &older);
}

static void on_index(void *ctx, const struct redisReply *reply)
{
	struct placement *p = ctx;

	if (reply_failed(reply))
		refuse(p, problem_of(-ENOTCONN));
	else
		ask_older_record(p, reply_str(reply));
}

/* A forced one is not looked for, but the answer comes by the same way: done is never called from inside placement_begin. */
static int ask_index(struct placement *p)
{
	struct worker *w = p->worker;

	return hash_index_find(w->redis, w->cfg, str_c(p->record.user), p->force ? "" : p->record.sha256, on_index, p);
}

static void on_charged(void *ctx, const struct redisReply *reply)
{
	struct placement *p = ctx;

	p->charged = reply_kind(reply) == REPLY_INTEGER;
	if (!p->charged)
		refuse(p, problem_of(-ENOTCONN));
	else if (reply_int(reply, 0) > p->worker->cfg->worker_max_bytes_per_day)
		refuse(p, quota_problem(p->record.created_ms));
	else if (ask_index(p) < 0)
		refuse(p, problem_of(-ENOTCONN));
}

int placement_begin(struct worker *w, const struct spool_record *rec, bool force, const struct placement_owner *owner, void *ctx)
{
	struct placement *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return -ENOMEM;
	*p = (struct placement){ .worker = w, .record = *rec, .force = force, .owner = owner, .ctx = ctx };
	p->record.created_ms = clock_wall_ms();
	p->record.attempt = 1;
	p->record.duplicate_of[0] = '\0';
	buf_init(&p->summary, SUMMARY_MAX_BYTES);
	if (quota_is_on(w->cfg))
		rc = quota_charge(w->redis, w->cfg, str_c(rec->user), p->record.created_ms, rec->bytes, on_charged, p);
	else
		rc = ask_index(p);
	if (rc < 0)
		free(p);
	return rc;
}
