/* The inside of a job, shared by job.c (how it ends) and job_work.c (what is done). */
#ifndef WORKER_JOB_STATE_H
#define WORKER_JOB_STATE_H

#include "hook.h"
#include "job.h"
#include "spool.h"

/*
 * LEASED      its first event is on the way
 * GETTING     its file comes from the vault
 * FETCHING    its file comes from another server
 * SCANNING    clamd looks at the file
 * READING     the extractor has the file
 * PROCESSING  the operator's own processor has the result
 * STORING     a thread writes the result to the disk
 * ANNOUNCING  its last event is on the way, again and again until Redis has answered
 * SETTLING    the queue is told, likewise
 * GONE        only calls that are still to come back hold the memory
 */
enum job_state {
	JOB_LEASED, JOB_GETTING, JOB_FETCHING, JOB_SCANNING, JOB_READING, JOB_PROCESSING, JOB_STORING, JOB_ANNOUNCING, JOB_SETTLING, JOB_GONE
};

enum job_step {
#define JOB_STEP(name, help) STEP_##name,
#include "job_steps.def"
#undef JOB_STEP
	STEP_COUNT
};

#define EARLY_MAX_BYTES 1024

struct job {
	const struct job_owner *owner;
	enum job_state state;
	struct queue_lease lease;
	char user[ID_MAX + 1], batch[ID_MAX + 1], cv[ID_MAX + 1], filename[FILENAME_SIZE];
	int attempt, tries;
	int64_t leased_us, moved_us;            /* moved: the last sign of progress */
	enum job_step step;                     /* what the time is spent on since step_us; STEP_COUNT: on nothing */
	int64_t step_us, spent_us[STEP_COUNT];
	enum cv_stage stage;                    /* of the newest event */
	int progress;
	bool event_unanswered, report_held;     /* held: what could not be told meanwhile, the newest only */
	int held_progress;
	char held_message[HOOK_MESSAGE_MAX + 1];
	struct spool_record record;             /* with a vault, after GETTING */
	int file_fd;                            /* likewise, its file; -1: none */
	struct fetch *fetching;                 /* only in FETCHING */
	struct clamd_scan *scanning;            /* only in SCANNING */
	struct hook *processing;                /* only in PROCESSING */
	struct extract_job *reading;            /* only in READING, and until done() after it */
	uv_work_t storing;
	int store_result;
	struct buf resume, summary, text;       /* what the extractor found; text only for the processor */
	char early[EARLY_MAX_BYTES];            /* what it knew after the first page, JSON; "" before that */
	enum job_end end;                       /* from ANNOUNCING on */
	enum error_code code;
	uv_timer_t timer;                       /* until the next attempt to announce or settle */
	int unanswered;                         /* how many attempts had no answer */
	int calls;                              /* callbacks that will still come */
};

void job_set_state(struct job *job, enum job_state to);
/* A call is over whose callback refers to the job; frees it if that was the last of a job that is gone. */
void job_call_done(struct job *job);
/* Publishes where the job is. Nothing is lost if Redis does not hear it. */
void job_report(struct job *job, enum cv_stage stage, int progress, struct str message);
void job_fill_frame(const struct job *job, struct cv_frame *frame);
/* The time goes to this step from now on. */
void job_enter_step(struct job *job, enum job_step step);
/* ,"timings":{…} is added to the object that ends at the buffer's end. */
void job_add_timings(struct job *job, struct buf *object);
/* The steps of its way, one after the other; each begins the next, or ends the job. */
void job_begin_scanning(struct job *job);               /* job_scan.c */
void job_begin_reading(struct job *job);                /* job_work.c, as the next */
void job_begin_storing(struct job *job);
void job_begin_processing(struct job *job);             /* job_hook.c */
void job_stop_scanning(struct job *job);
void job_stop_processing(struct job *job);
/* A descriptor of its file, the caller's, at its beginning; or -errno. */
int job_open_file(struct job *job);
/* Begins with the record, or ends what nobody knows (job_work.c). */
void job_begin_work(struct job *job);
void job_end_unknown(struct job *job);
/* With a vault, in job_vault.c. */
void job_begin_getting(struct job *job);
void job_keep_result(struct job *job);
/* It is stored, or -errno: the end of STORING (job_work.c). */
void job_result_kept(struct job *job, int rc);
/* FETCHING, in job_fetch.c. */
void job_begin_fetching(struct job *job);
void job_stop_fetching(struct job *job);
/* Stops what runs for it, in whatever state. */
void job_stop_work(struct job *job);

#endif
