/*
 * One job in this worker's hands, from its lease to its end. It is in exactly one state, and job_end() is the only way it
 * ends: first its event is published, then the queue is told, each until Redis has answered; so a CV gets its terminal event
 * before its job is gone, and publish.lua sees to it that it gets only one. Called by the pipeline.
 */
#ifndef WORKER_JOB_H
#define WORKER_JOB_H

#include <stdbool.h>
#include <sys/queue.h>

#include "errors.h"
#include "pipeline.h"
#include "queue.h"

enum job_end {
#define JOB_END(name, event, settle, metric) JOB_END_##name,
#include "job_ends.def"
#undef JOB_END
	JOB_END_COUNT
};

struct job;

/* What is to be done for a job: each lane of the queue has its own. */
enum job_task { TASK_READ_TEXT, TASK_READ_PICTURES, TASK_FETCH };

struct job_owner {
	const struct pipeline_parts *parts;
	enum job_task task;     /* of its jobs */
	/* The job's last call: nothing is under way for it any more, and it is freed when this returns. */
	void (*gone)(void *ctx, struct job *job);
	void *ctx;
	struct pace *pace;      /* of its lane */
};

/* Takes up a leased job. NULL: no memory (the lease then runs out). owner must outlive it. */
struct job *job_new(const struct job_owner *owner, const struct queue_leased *leased);
/* Begins to work on it; ends it by itself. */
void job_start(struct job *job);
/* Ends it. The first reason counts, but for `lost`, which stops everything at once. code says why, where there is a why. */
void job_end(struct job *job, enum job_end why, enum error_code code);
/* Ends it by a failure: retried while that makes sense, else buried, or failed at once. */
void job_fail(struct job *job, enum error_code code);

/* The vault gave -errno: while it is away, or this worker has no room for a file, this try does not count. */
void job_fail_storage(struct job *job, int rc);

const struct queue_lease *job_lease(const struct job *job);
/* It has shown no progress for worker.stalled_s. */
bool job_is_stalled(const struct job *job, int64_t now_us);
bool job_is_ending(const struct job *job);

#endif
