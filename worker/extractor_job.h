/*
 * What extractor.c (the server, the clock) and extractor_job.c (jobs and their attempts) share. Nobody else includes it.
 */
#ifndef WORKER_EXTRACTOR_JOB_H
#define WORKER_EXTRACTOR_JOB_H

#include <sys/queue.h>

#include "extractor.h"
#include "extractor_attempt.h"
#include "extractor_link.h"

#define PROGRESS_INTERVAL_MS 100

enum extractor_state { EXTRACTOR_STARTING, EXTRACTOR_READY, EXTRACTOR_DOWN, EXTRACTOR_STOPPED };

/* GIVEN_UP: cancelled while it waited; ends at the next tick, since no callback may run inside a call. */
enum job_state { JOB_WAITING, JOB_RUNNING, JOB_GIVEN_UP, JOB_STATES };

struct extract_job {
	TAILQ_ENTRY(extract_job) entry; /* in the list of its state */
	struct extractor *ex;
	enum job_state state;
	struct attempt *attempt;        /* RUNNING */
	int file_fd, attempts, percent; /* attempts: on this way */
	enum wire_way way;
	bool moves;                     /* ends by needs_ocr() */
	int64_t progress_ms;            /* of the last progress that was passed on */
	char filename[WIRE_TEXT_MAX];
	const struct extract_callbacks *callbacks;
	void *ctx;
};

TAILQ_HEAD(job_list, extract_job);

struct extractor {
	uv_loop_t *loop;
	uv_timer_t tick;
	struct extractor_config config;
	enum extractor_state state;
	struct extract_link *link;      /* STARTING, READY */
	struct job_list jobs[JOB_STATES];
	unsigned n_jobs[JOB_STATES];
	uint32_t next_id;
	unsigned failures;              /* starts of the server in a row that brought no READY */
	int64_t start_again_ms;         /* DOWN */
	int64_t started_ms;             /* STARTING */
	bool told_layers, has_converter;
};

/* Adds a new job to the waiting ones. */
void extract_job_wait(struct extract_job *job);
/* Moves a waiting job to those that the next tick ends. */
void extract_job_give_up(struct extract_job *job);
/* The only way in which a job ends: tells its owner, unless the extractor has been stopped, and frees it. */
void extract_job_end(struct extract_job *job, enum error_code code);
/* Has a running job's child killed; the job ends with the code, the first one that was given, when the child is gone. */
void extract_job_kill(struct extract_job *job, enum error_code why);
/* Gives waiting jobs to the server while there are slots. What cannot go now goes at a later tick. */
void extract_job_pump(struct extractor *ex);

#endif
