/*
 * The fair queue in Redis: a thin asynchronous door over queue/<name>.lua, where the theory of operation stands
 * (queue/common.lua). Who accepts CVs calls accept.h instead of queue_push; the pipeline leases and ends jobs.
 *
 * Functions return 0 when fn (may be NULL unless said) will be called exactly once, later; else -errno, and fn is not
 * called. All text is borrowed for the call, and in answers it is good during the answer only.
 */
#ifndef WORKER_QUEUE_H
#define WORKER_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "errors.h"
#include "id.h"
#include "redis.h"
#include "str.h"

#define QUEUE_LANE_TEXT "text"
#define QUEUE_LANE_FETCH "fetch"                /* files that another server has: they wait for a network */
#define QUEUE_LANE_OCR "ocr"                    /* pictures of text, which take long: slots of their own */
#define QUEUE_PRIORITY_DEFAULT 4
#define QUEUE_PRIORITY_MAX 9                    /* goes first */
#define QUEUE_NAME_SIZE (2 * ID_MAX + 2)        /* of a job: "<user>/<cv>" and NUL */

struct queue;

/* What the scripts answer, by name; no_answer: Redis is away or cannot write, it is not known whether it happened. */
#define QUEUE_ANSWERS(A) A(ok) A(exists) A(same) A(full) A(user_full) A(draining) A(gone) A(running) A(lost) A(cancel) \
	A(no_answer)
enum queue_answer {
#define A(name) QUEUE_##name,
	QUEUE_ANSWERS(A)
#undef A
};
const char *queue_answer_name(enum queue_answer answer);
typedef void queue_answer_fn(void *ctx, enum queue_answer answer);

int queue_open(struct redis *redis, const struct config *cfg, struct queue **out);
void queue_close(struct queue *q);              /* answers that are still to come must have come */

const char *queue_worker_name(const struct queue *q);   /* of this process, made by queue_open; holds leases */

struct queue_job {
	struct str user, batch, cv;
	struct str filename, sha256;
	int64_t bytes;
	int priority;                           /* 0 to QUEUE_PRIORITY_MAX */
	int attempt;                            /* 1; a person's "try again" makes it one more */
	const char *lane;                       /* NULL: QUEUE_LANE_TEXT */
	struct str idempotency_key;             /* may be empty */
	struct str webhook;                     /* where its end is told; empty: webhook.url */
};

/* Takes a job in, held back for hold_ms or until queue_start. unlimited: for jobs that were accepted before.
 * ok; exists (this attempt is there already); same (made by this idempotency key before: see made); full, user_full,
 * draining: refused. */
struct queue_push_answer {
	enum queue_answer answer;
	struct str made_job, made_batch;        /* same: "<user>/<cv>" and its batch */
};
typedef void queue_push_fn(void *ctx, const struct queue_push_answer *answer);
int queue_push(struct queue *q, const struct queue_job *job, int64_t hold_ms, bool unlimited, queue_push_fn *fn, void *ctx);

int queue_start(struct queue *q, struct str user, struct str cv, queue_answer_fn *fn, void *ctx);       /* ok, gone */
/* After its `cancelled` event: a waiting job goes, a running one is told. ok, running, gone. */
int queue_drop(struct queue *q, struct str user, struct str cv, queue_answer_fn *fn, void *ctx);
/* ok: the job is there, in whatever state; gone. */
int queue_find(struct queue *q, struct str user, struct str cv, queue_answer_fn *fn, void *ctx);

/* The right to work on a job. Whoever has it is told `lost` once another has it. */
struct queue_lease {
	char job[QUEUE_NAME_SIZE], token[ID_NEW_SIZE];
};

/* A job as it is handed out. */
struct queue_leased {
	struct queue_lease lease;
	struct str user, batch, cv, filename;
	int attempt, tries;                     /* tries: how often it was begun, this time included */
	int64_t pushed_ms;                      /* since 1970: when it was accepted */
};
/* job NULL: there is none. known false: no answer. fn must not be NULL. */
typedef void queue_lease_fn(void *ctx, const struct queue_leased *job, bool known);
int queue_lease(struct queue *q, const char *lane, queue_lease_fn *fn, void *ctx);

/* Takes over up to QUEUE_REAP_MAX leases: those of a worker that is dead, or with "" those that ran out. fn for each, and a
 * last time with NULL. */
#define QUEUE_REAP_MAX 32
int queue_reap(struct queue *q, struct str dead_worker, queue_lease_fn *fn, void *ctx);

/* stalled[i]: that job shows no progress for too long. Each lease is answered by ok, lost, cancel or no_answer, in order; at most QUEUE_RENEW_MAX. fn must not be NULL. */
#define QUEUE_RENEW_MAX 25
typedef void queue_renew_fn(void *ctx, const struct queue_lease *lease, enum queue_answer answer);
int queue_renew(struct queue *q, const struct queue_lease *const *leases, const bool *stalled, int n, queue_renew_fn *fn, void *ctx);

/* The ends of a lease, each answered by ok or lost. */
int queue_ack(struct queue *q, const struct queue_lease *lease, queue_answer_fn *fn, void *ctx);
/* counts: as one of worker.max_attempts. */
int queue_retry(struct queue *q, const struct queue_lease *lease, int64_t delay_ms, enum error_code code, bool counts,
		queue_answer_fn *fn, void *ctx);
/* lane: where it then waits; "": in its own. */
int queue_release(struct queue *q, const struct queue_lease *lease, const char *lane, queue_answer_fn *fn, void *ctx);
int queue_bury(struct queue *q, const struct queue_lease *lease, enum error_code code, queue_answer_fn *fn, void *ctx);

/* The queue in numbers, for /api/stats, health and metrics. */
struct queue_stats {
	int64_t queued, running, retrying, dead;
	int64_t average_wait_ms, oldest_wait_ms;
	int64_t stalled;                        /* no progress for worker.stalled_s, or the lease ran out and nobody has taken it over */
	int64_t files_per_hour;
	int64_t webhooks_waiting, webhooks_dead;
	bool paused, draining;
};
typedef void queue_stats_fn(void *ctx, const struct queue_stats *stats); /* NULL: no answer */
int queue_stats(struct queue *q, queue_stats_fn *fn, void *ctx);

/* While it is paused no job is handed out. ok, no_answer. */
int queue_pause(struct queue *q, bool paused, queue_answer_fn *fn, void *ctx);

/* Jobs of one state, `limit` (at most 1000) from `offset` on: fn for each, and a last time with row NULL and how many there
 * are in all (-1: no answer). fn must not be NULL. */
enum queue_list_kind { QUEUE_LIST_WAITING, QUEUE_LIST_RUNNING, QUEUE_LIST_RETRYING, QUEUE_LIST_DEAD };
struct queue_row {
	struct str user, batch, cv, error;
	int attempt, tries, priority;
	int64_t at_ms;                          /* since 1970: waiting since, lease until, delayed until, died */
};
typedef void queue_list_fn(void *ctx, const struct queue_row *row, int64_t total);
int queue_list(struct queue *q, enum queue_list_kind kind, int64_t offset, int limit, queue_list_fn *fn, void *ctx);

/* What other programs handed over by XADD {cvq}:inbox (docs/jobs.md). Each entry is given to fn, and a last time with id empty
 * (known false: no answer); it comes again, on any worker, unless it is ended or put off within idle_ms. */
struct queue_inbox_entry {
	struct str id;
	const struct redisReply *fields;        /* read with queue_inbox_field */
};
typedef void queue_inbox_fn(void *ctx, const struct queue_inbox_entry *entry, bool known);
int queue_inbox_take(struct queue *q, int most, int64_t idle_ms, queue_inbox_fn *fn, void *ctx);
struct str queue_inbox_field(const struct queue_inbox_entry *entry, const char *name);
/* reason: why it was refused; "": it was taken. */
int queue_inbox_end(struct queue *q, struct str id, const char *reason, queue_answer_fn *fn, void *ctx);
/* It is well but cannot be taken now: it comes again after idle_ms, and that does not count against it. */
int queue_inbox_put_off(struct queue *q, struct str id);

/* Ends of CVs that webhooks have yet to tell (webhooks.h). add: ok, exists, full; gone: there is nobody to tell. */
/* When Redis is connected: an end is noted before it is published, which an unknown script would be sent behind of. */
void queue_hooks_ready(struct queue *q);
int queue_hook_add(struct queue *q, struct str user, struct str batch, struct str cv, int attempt, queue_answer_fn *fn, void *ctx);
int queue_hook_drop(struct queue *q, struct str user, struct str cv, queue_answer_fn *fn, void *ctx);   /* ok */
/* Those that are due: fn gets each, and a last time with name empty. Each comes again, on any worker,
 * unless it is ended within lease_ms. */
struct queue_hook {
	struct str name, batch;                 /* "<user>/<cv>" */
	struct str url;                         /* where to; "": webhook.url */
	int attempt;                            /* of the CV */
	int tries;                              /* this one included */
	int64_t age_ms;
};
typedef void queue_hook_fn(void *ctx, const struct queue_hook *hook);
int queue_hook_take(struct queue *q, int most, int64_t lease_ms, queue_hook_fn *fn, void *ctx);
/* TOLD: delivered; OVER: there is nothing to tell; LATER: it failed; WAIT: it was not tried. delay_ms: of LATER and WAIT.
 * reason: of LATER and DEAD. ok, gone. */
enum queue_hook_how { QUEUE_HOOK_TOLD, QUEUE_HOOK_OVER, QUEUE_HOOK_LATER, QUEUE_HOOK_WAIT, QUEUE_HOOK_DEAD };
int queue_hook_end(struct queue *q, const char *name, int attempt, enum queue_hook_how how, int64_t delay_ms, const char *reason,
		   queue_answer_fn *fn, void *ctx);

/* Everything of a user leaves the queue and the inbox. jobs: how many there were, or -ENOTCONN. */
typedef void queue_erase_fn(void *ctx, int64_t jobs, int64_t inbox_entries);
int queue_erase_user(struct queue *q, struct str user, queue_erase_fn *fn, void *ctx);

/* Batches that somebody should look at: fn gets each, and a last time with an empty user. Each is then left alone for
 * again_ms. queue_batch_forget: it is over. fn must not be NULL. */
typedef void queue_batch_fn(void *ctx, struct str user, struct str batch);
int queue_idle_batches(struct queue *q, int64_t again_ms, queue_batch_fn *fn, void *ctx);
int queue_batch_forget(struct queue *q, struct str user, struct str batch);
/* A file is on its way to the batch, which is not idle then. Said at the beginning and every QUEUE_UPLOAD_MS / 2 from then on. */
#define QUEUE_UPLOAD_MS 60000
int queue_batch_upload(struct queue *q, struct str user, struct str batch, int64_t wall_ms);
int queue_batch_watch(struct queue *q, struct str user, struct str batch, int64_t wall_ms);     /* from then on, if nobody does */
int queue_batch_look_at(struct queue *q, struct str user, struct str batch, int64_t wall_ms);   /* again at that time */

#endif
