/*
 * See extractor.h. A job waits until a slot is free, then has one attempt after the other; a clock that ticks while
 * there is anything to watch takes care of limits, of what could not be sent, and of starting the server again.
 */
#include "extractor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <unistd.h>

#include "extract/sandbox.h"
#include "extractor_attempt.h"
#include "extractor_link.h"
#include "log.h"

#define TICK_MS 100
#define KILL_MS 1500            /* a child that was killed and is not gone by then takes the server with it */
#define ATTEMPTS_MAX 2          /* after a death by signal: once more */
#define PROGRESS_INTERVAL_MS 100
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 10000
#define START_MS 20000          /* a server that is not ready by then is killed */
#define FAILURES_MAX 5          /* starts of the server in a row that failed, until waiting jobs end */

enum extractor_state { EXTRACTOR_STARTING, EXTRACTOR_READY, EXTRACTOR_DOWN, EXTRACTOR_STOPPED };

/* GIVEN_UP: cancelled while it waited; ends at the next tick, since no callback may run inside a call. */
enum job_state { JOB_WAITING, JOB_RUNNING, JOB_GIVEN_UP, JOB_STATES };

struct extract_job {
	TAILQ_ENTRY(extract_job) entry; /* in the list of its state */
	struct extractor *ex;
	enum job_state state;
	struct attempt *attempt;        /* RUNNING */
	int file_fd, attempts, percent;
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
	bool told_layers;
};

static void pump(struct extractor *ex);
static void on_tick(uv_timer_t *timer);

/* The clock runs while there are jobs or the server is not up; its next tick comes with the next turn of the loop. */
static void tick_soon(struct extractor *ex)
{
	uv_timer_start(&ex->tick, on_tick, 0, TICK_MS);
}

static void job_list_in(struct extract_job *job, enum job_state state, bool first)
{
	struct job_list *list = &job->ex->jobs[state];

	job->state = state;
	job->ex->n_jobs[state]++;
	if (first)
		TAILQ_INSERT_HEAD(list, job, entry);
	else
		TAILQ_INSERT_TAIL(list, job, entry);
}

static void job_unlist(struct extract_job *job)
{
	job->ex->n_jobs[job->state]--;
	TAILQ_REMOVE(&job->ex->jobs[job->state], job, entry);
}

/* WAITING to RUNNING, and back to the front for another attempt; WAITING to GIVEN_UP. */
static void job_move(struct extract_job *job, enum job_state to)
{
	if (job->state == JOB_WAITING ? to == JOB_WAITING : job->state == JOB_GIVEN_UP || to != JOB_WAITING)
		abort();
	job_unlist(job);
	job_list_in(job, to, to == JOB_WAITING);
}

/* The only way in which a job ends. Off its list first: done() may stop the whole extractor. */
static void job_end(struct extract_job *job, enum error_code code)
{
	struct str json = code == ERR_NONE ? buf_str(&job->attempt->result) : str_of(NULL, 0);

	job_unlist(job);
	if (job->ex->state != EXTRACTOR_STOPPED)
		job->callbacks->done(job->ctx, code, json);
	if (job->attempt)
		attempt_free(job->attempt);
	close(job->file_fd);
	free(job);
}

static void attempt_kill(struct extract_job *job, enum error_code why)
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

static void on_attempt_misbehaved(void *ctx)
{
	attempt_kill(ctx, ERR_parser_crashed);
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

static void on_attempt_over(void *ctx)
{
	struct extract_job *job = ctx;
	struct extractor *ex = job->ex;
	bool again;
	enum error_code code = attempt_outcome(job->attempt, &again);

	log_death(job);
	if (again && job->attempts < ATTEMPTS_MAX) {
		attempt_free(job->attempt);
		job->attempt = NULL;
		job_move(job, JOB_WAITING);
	} else {
		job_end(job, code);
	}
	pump(ex);
}

static const struct attempt_events attempt_events = { on_attempt_progress, on_attempt_misbehaved, on_attempt_over };

/* 0, or why there is no attempt: the job then still waits. */
static int job_start_attempt(struct extract_job *job)
{
	struct extractor *ex = job->ex;
	struct wire_message request = { .kind = WIRE_RUN, .job = ex->next_id };
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
	job->attempt->deadline_ms = (int64_t)uv_now(ex->loop) + ex->config.wall_ms;
	job->attempts++;
	job_move(job, JOB_RUNNING);
	return 0;
}

/* Gives waiting jobs to the server while there are slots. What cannot go now goes at a later tick. */
static void pump(struct extractor *ex)
{
	struct extract_job *job;

	while (ex->state == EXTRACTOR_READY && ex->n_jobs[JOB_RUNNING] < ex->config.slots &&
	       (job = TAILQ_FIRST(&ex->jobs[JOB_WAITING])))
		if (job_start_attempt(job) < 0)
			return;
}

static struct extract_job *job_of_attempt(struct extractor *ex, uint32_t id)
{
	struct extract_job *job;

	TAILQ_FOREACH(job, &ex->jobs[JOB_RUNNING], entry)
		if (job->attempt->id == id)
			return job;
	return NULL;
}

static void log_missing_layers(struct extractor *ex, unsigned layers)
{
	if (!ex->told_layers && !(layers & SANDBOX_NAMESPACES))
		LOG(WARNING, "extract_without_layer", LOG_TEXT("layer", "namespaces"));
	if (!ex->told_layers && !(layers & SANDBOX_LANDLOCK))
		LOG(WARNING, "extract_without_layer", LOG_TEXT("layer", "landlock"));
	ex->told_layers = true;
}

static void on_server_message(void *ctx, const struct wire_message *message)
{
	struct extractor *ex = ctx;
	struct extract_job *job;

	switch (message->kind) {
	case WIRE_READY:
		ex->state = EXTRACTOR_READY;
		ex->failures = 0;
		log_missing_layers(ex, message->layers);
		pump(ex);
		break;
	case WIRE_ENDED:
		job = job_of_attempt(ex, message->job);
		if (job)
			attempt_exited(job->attempt, message->status);
		break;
	case WIRE_REFUSED:
		LOG(ERROR, "extract_sandbox_refused", LOG_TEXT("layer", message->text), LOG_ERRNO(message->status));
		break;
	case WIRE_RUN:
	case WIRE_KILL:
		break; /* not a server's words */
	}
}

/* Twice as long after each failure, so that a broken installation costs nothing. */
static void server_down(struct extractor *ex)
{
	int64_t wait_ms = ex->failures < 7 ? (int64_t)BACKOFF_FIRST_MS << ex->failures : BACKOFF_MAX_MS;

	ex->state = EXTRACTOR_DOWN;
	ex->link = NULL;
	ex->failures++;
	ex->start_again_ms = (int64_t)uv_now(ex->loop) + wait_ms;
	tick_soon(ex);
}

/* A running job whose child has not been reported dead. */
static struct extract_job *next_alive(struct extractor *ex)
{
	struct extract_job *job;

	TAILQ_FOREACH(job, &ex->jobs[JOB_RUNNING], entry)
		if (job->attempt->state == ATTEMPT_RUNNING || job->attempt->state == ATTEMPT_SILENT)
			return job;
	return NULL;
}

/* The children died with it: their pipes end by themselves. */
static void on_server_lost(void *ctx)
{
	struct extractor *ex = ctx;
	struct extract_job *job;

	LOG(ERROR, "extract_server_lost", LOG_INT("running", ex->n_jobs[JOB_RUNNING]));
	server_down(ex);
	while ((job = next_alive(ex)))
		attempt_exited(job->attempt, WIRE_NOT_STARTED);
}

static int start_server(struct extractor *ex)
{
	static const struct extract_link_events events = { on_server_message, on_server_lost };
	int rc = extract_link_start(ex->loop, &ex->config, &events, ex, &ex->link);

	if (rc < 0)
		return rc;
	ex->state = EXTRACTOR_STARTING;
	ex->started_ms = (int64_t)uv_now(ex->loop);
	return 0;
}

static void restart_server(struct extractor *ex)
{
	int rc = start_server(ex);

	if (rc == 0)
		return;
	LOG(ERROR, "extract_server_not_started", LOG_ERRNO(rc));
	server_down(ex);
}

/* Limits of running jobs. True: a child has outlived its killing, so the server cannot be trusted any more. */
static bool watch_running(struct extractor *ex, int64_t now_ms)
{
	struct extract_job *job;
	bool stuck = false;

	TAILQ_FOREACH(job, &ex->jobs[JOB_RUNNING], entry) {
		struct attempt *attempt = job->attempt;

		if (attempt->killed != ERR_NONE) {
			attempt_kill(job, attempt->killed);
			stuck |= now_ms - attempt->killed_ms > KILL_MS;
		} else if (now_ms > attempt->deadline_ms) {
			attempt_kill(job, ERR_timeout);
		}
	}
	return stuck;
}

static void on_tick(uv_timer_t *timer)
{
	struct extractor *ex = timer->data;
	int64_t now_ms = (int64_t)uv_now(ex->loop);
	struct extract_job *job;
	bool stuck;

	if (ex->state == EXTRACTOR_DOWN && now_ms >= ex->start_again_ms)
		restart_server(ex);
	stuck = ex->state == EXTRACTOR_STARTING && now_ms - ex->started_ms > START_MS;
	stuck |= watch_running(ex, now_ms);
	if (stuck && ex->link) {
		extract_link_kill(ex->link);
		on_server_lost(ex);
	}
	while ((job = TAILQ_FIRST(&ex->jobs[JOB_GIVEN_UP])))
		job_end(job, ERR_cancelled);
	while (ex->failures >= FAILURES_MAX && (job = TAILQ_FIRST(&ex->jobs[JOB_WAITING])))
		job_end(job, ERR_internal);
	pump(ex);
	if (ex->state == EXTRACTOR_STOPPED ||
	    (ex->state == EXTRACTOR_READY && ex->n_jobs[JOB_RUNNING] + ex->n_jobs[JOB_WAITING] == 0))
		uv_timer_stop(timer);
}

void extractor_config_from(const struct config *cfg, struct extractor_config *out)
{
	*out = (struct extractor_config){
		.program = cfg->worker_extract_program,
		.user = cfg->worker_extract_user,
		.slots = (unsigned)cfg->worker_slots,
		.waiting_max = (unsigned)cfg->worker_slots,
		.warm = (unsigned)cfg->worker_extract_warm,
		.memory_mb = (unsigned)cfg->worker_extract_memory_mb,
		.cpu_s = (unsigned)((cfg->worker_extract_cpu_ms + 999) / 1000),
		.wall_ms = cfg->worker_extract_wall_ms,
		.output_max_bytes = (size_t)cfg->worker_extract_output_max_bytes,
	};
}

int extractor_start(uv_loop_t *loop, const struct extractor_config *config, struct extractor **out)
{
	struct extractor *ex = calloc(1, sizeof(*ex));
	int rc;

	if (!ex)
		return -ENOMEM;
	ex->loop = loop;
	ex->config = *config;
	ex->next_id = 1;
	for (int state = 0; state < JOB_STATES; state++)
		TAILQ_INIT(&ex->jobs[state]);
	rc = start_server(ex);
	if (rc < 0) {
		free(ex);
		return rc;
	}
	uv_timer_init(loop, &ex->tick);
	ex->tick.data = ex;
	tick_soon(ex);
	*out = ex;
	return 0;
}

int extractor_run(struct extractor *ex, int file_fd, struct str filename, const struct extract_callbacks *callbacks,
		  void *ctx, struct extract_job **out)
{
	int flags = fcntl(file_fd, F_GETFL), copy;
	struct extract_job *job;

	if (flags < 0 || (flags & O_ACCMODE) != O_RDONLY)
		return -EINVAL;
	if (ex->n_jobs[JOB_RUNNING] + ex->n_jobs[JOB_WAITING] >= ex->config.slots + ex->config.waiting_max)
		return -EBUSY;
	copy = fcntl(file_fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return -errno;
	job = calloc(1, sizeof(*job));
	if (!job) {
		close(copy);
		return -ENOMEM;
	}
	*job = (struct extract_job){ .ex = ex, .file_fd = copy, .callbacks = callbacks, .ctx = ctx };
	job->progress_ms = -PROGRESS_INTERVAL_MS;
	wire_text(job->filename, filename);
	job_list_in(job, JOB_WAITING, false);
	tick_soon(ex);
	pump(ex);
	*out = job;
	return 0;
}

void extractor_cancel(struct extract_job *job)
{
	if (job->state == JOB_WAITING)
		job_move(job, JOB_GIVEN_UP);
	else if (job->state == JOB_RUNNING)
		attempt_kill(job, ERR_cancelled);
	tick_soon(job->ex);
}

bool extractor_healthy(const struct extractor *ex)
{
	return ex->state == EXTRACTOR_READY;
}

static void on_tick_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void extractor_stop(struct extractor *ex)
{
	ex->state = EXTRACTOR_STOPPED;
	for (int state = 0; state < JOB_STATES; state++)
		while (!TAILQ_EMPTY(&ex->jobs[state]))
			job_end(TAILQ_FIRST(&ex->jobs[state]), ERR_cancelled);
	if (ex->link)
		extract_link_stop(ex->link);
	ex->link = NULL;
	uv_close((uv_handle_t *)&ex->tick, on_tick_closed);
}
