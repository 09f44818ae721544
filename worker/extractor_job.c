/* See extractor_job.h: the life of a job, from its list to its attempts and its end. */
#include "extractor_job.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"

#define ATTEMPTS_MAX 2          /* after a death by signal: once more */

static void list_in(struct extract_job *job, enum job_state state, bool first)
{
	struct job_list *list = &job->ex->jobs[state];

	job->state = state;
	job->ex->n_jobs[state]++;
	if (first)
		TAILQ_INSERT_HEAD(list, job, entry);
	else
		TAILQ_INSERT_TAIL(list, job, entry);
}

static void unlist(struct extract_job *job)
{
	job->ex->n_jobs[job->state]--;
	TAILQ_REMOVE(&job->ex->jobs[job->state], job, entry);
}

/* WAITING to RUNNING, and back to the front for another attempt; WAITING to GIVEN_UP. */
static void move(struct extract_job *job, enum job_state to)
{
	if (job->state == JOB_WAITING ? to == JOB_WAITING : job->state == JOB_GIVEN_UP || to != JOB_WAITING)
		abort();
	unlist(job);
	list_in(job, to, to == JOB_WAITING);
}

void extract_job_wait(struct extract_job *job)
{
	list_in(job, JOB_WAITING, false);
}

void extract_job_give_up(struct extract_job *job)
{
	move(job, JOB_GIVEN_UP);
}

/* Off its list first: done() may stop the whole extractor. */
void extract_job_end(struct extract_job *job, enum error_code code)
{
	struct str json = code == ERR_NONE ? buf_str(&job->attempt->result) : str_of(NULL, 0);

	unlist(job);
	if (job->ex->state != EXTRACTOR_STOPPED)
		job->moves ? job->callbacks->needs_ocr(job->ctx) : job->callbacks->done(job->ctx, code, json);
	if (job->attempt)
		attempt_free(job->attempt);
	close(job->file_fd);
	free(job);
}

void extract_job_kill(struct extract_job *job, enum error_code why)
{
	const struct wire_message message = { .kind = WIRE_KILL, .job = job->attempt->id };

	if (job->attempt->killed == ERR_NONE) {
		job->attempt->killed = why;
		job->attempt->killed_ms = (int64_t)uv_now(job->ex->loop);
	}
	if (job->ex->link)
		extract_link_send(job->ex->link, &message, NULL); /* the tick repeats it if it did not go out */
}

static void on_attempt_progress(void *ctx, int percent, struct str message)
{
	struct extract_job *job = ctx;
	int64_t now_ms = (int64_t)uv_now(job->ex->loop);

	if (percent <= job->percent || now_ms - job->progress_ms < PROGRESS_INTERVAL_MS || job->attempt->killed != ERR_NONE)
		return;
	job->percent = percent;
	job->progress_ms = now_ms;
	job->callbacks->progress(job->ctx, percent, message);
}

static void on_attempt_early(void *ctx, struct str json)
{
	struct extract_job *job = ctx;

	if (job->callbacks->early && job->attempts == 1 && job->attempt->killed == ERR_NONE)
		job->callbacks->early(job->ctx, json);
}

static void on_attempt_misbehaved(void *ctx)
{
	extract_job_kill(ctx, ERR_parser_crashed);
}

static void log_death(const struct extract_job *job)
{
	int status = job->attempt->status, number = status != WIRE_NOT_STARTED && WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (job->attempt->killed != ERR_NONE)
		return;
	if (number == SIGSYS)
		LOG(ERROR, "extract_sandbox_violation", LOG_INT("attempt", job->attempts));
	else if (number && number != SIGXCPU) /* that one is a limit, and the CV's own code says so */
		LOG(WARNING, "extract_crashed", LOG_INT("signal", number), LOG_INT("attempt", job->attempts));
	else if (status == WIRE_NOT_STARTED)
		LOG(WARNING, "extract_not_started", LOG_INT("attempt", job->attempts));
}

/* The way that the child asked for, when its word counts and it has not gone that way already. */
static enum wire_way other_way(const struct extract_job *job, enum error_code code)
{
	bool asked = job->way == WIRE_WAY_READER && job->attempt->needs != WIRE_WAY_READER && code == job->attempt->said;

	return asked ? job->attempt->needs : WIRE_WAY_READER;
}

static void on_attempt_over(void *ctx)
{
	struct extract_job *job = ctx;
	struct extractor *ex = job->ex;
	bool again;
	enum error_code code = attempt_outcome(job->attempt, &again);

	log_death(job);
	switch (other_way(job, code)) {
	case WIRE_WAY_OCR:
		job->moves = ex->config.ocr_slots > 0;
		break;
	case WIRE_WAY_CONVERTER:
		again = ex->has_converter;
		job->way = WIRE_WAY_CONVERTER;
		job->attempts = 0;
		break;
	case WIRE_WAY_READER:
		break;
	}
	if (again && job->attempts < ATTEMPTS_MAX) {
		attempt_free(job->attempt);
		job->attempt = NULL;
		move(job, JOB_WAITING);
	} else {
		extract_job_end(job, code);
	}
	extract_job_pump(ex);
}

static const struct attempt_events attempt_events = { on_attempt_progress, on_attempt_early, on_attempt_misbehaved, on_attempt_over };

/* 0, or why there is no attempt: the job then still waits. */
static int job_start_attempt(struct extract_job *job)
{
	struct extractor *ex = job->ex;
	struct wire_message request = { .kind = WIRE_RUN, .job = ex->next_id, .way = job->way };
	int fds[WIRE_FDS] = { [WIRE_FD_FILE] = job->file_fd };
	int rc = attempt_open(ex->loop, ex->config.output_max_bytes, &attempt_events, job, &job->attempt, &fds[WIRE_FD_PIPE]);

	if (rc < 0)
		return rc;
	wire_text(request.text, str_c(job->filename));
	rc = extract_link_send(ex->link, &request, fds);
	close(fds[WIRE_FD_PIPE]);
	if (rc < 0) {
		attempt_free(job->attempt);
		job->attempt = NULL;
		return rc;
	}
	ex->next_id = ex->next_id == UINT32_MAX ? 1 : ex->next_id + 1;
	job->attempt->id = request.job;
	job->attempt->deadline_ms = (int64_t)uv_now(ex->loop) +
				    (job->way == WIRE_WAY_OCR ? ex->config.ocr_wall_ms : ex->config.wall_ms);
	job->attempts++;
	move(job, JOB_RUNNING);
	return 0;
}

/* The first waiting job for which there is a slot: those that need OCR have their own. */
static struct extract_job *next_for_slot(const struct extractor *ex)
{
	unsigned ocr = 0, other;
	struct extract_job *job;

	TAILQ_FOREACH(job, &ex->jobs[JOB_RUNNING], entry)
		ocr += job->way == WIRE_WAY_OCR;
	other = ex->n_jobs[JOB_RUNNING] - ocr;
	TAILQ_FOREACH(job, &ex->jobs[JOB_WAITING], entry)
		if (job->way == WIRE_WAY_OCR ? ocr < ex->config.ocr_slots : other < ex->config.slots)
			return job;
	return NULL;
}

void extract_job_pump(struct extractor *ex)
{
	struct extract_job *job;

	while (ex->state == EXTRACTOR_READY && (job = next_for_slot(ex)))
		if (job_start_attempt(job) < 0)
			return;
}
