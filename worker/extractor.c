/*
 * See extractor.h. Jobs live in extractor_job.c; here is the server, and a clock that ticks while there is anything to
 * watch: limits, what could not be sent, a server to start again.
 */
#include "extractor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "extract/sandbox.h"
#include "extractor_job.h"
#include "log.h"

#define TICK_MS 100
#define KILL_MS 1500            /* a child that was killed and is not gone by then takes the server with it */
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 10000
#define START_MS 60000          /* a server that is not ready by then is killed; it loads the data of OCR on a crowded machine */
#define FAILURES_MAX 5          /* starts of the server in a row that failed, until waiting jobs end */

static void on_tick(uv_timer_t *timer);

/* The clock runs while there are jobs or the server is not up; its next tick comes with the next turn of the loop. */
static void tick_soon(struct extractor *ex)
{
	uv_timer_start(&ex->tick, on_tick, 0, TICK_MS);
}

static struct extract_job *job_of_attempt(struct extractor *ex, uint32_t id)
{
	struct extract_job *job;

	TAILQ_FOREACH(job, &ex->jobs[JOB_RUNNING], entry)
		if (job->attempt->id == id)
			return job;
	return NULL;
}

static void log_missing(struct extractor *ex, unsigned layers, const char *languages)
{
	if (!ex->told_layers && !(layers & SANDBOX_NAMESPACES))
		LOG(WARNING, "extract_without_layer", LOG_TEXT("layer", "namespaces"));
	if (!ex->told_layers && !(layers & SANDBOX_LANDLOCK))
		LOG(WARNING, "extract_without_layer", LOG_TEXT("layer", "landlock"));
	if (!ex->told_layers && !ex->has_converter)
		LOG(WARNING, "extract_without_converter", LOG_TEXT("package", "catdoc"), LOG_TEXT("refused", "doc"));
	if (!ex->told_layers && ex->config.ocr_slots > 0 && !(layers & WIRE_HAS_OCR))
		LOG(WARNING, "extract_without_ocr", LOG_TEXT("package", "tesseract-ocr-eng"), LOG_TEXT("refused", "png,jpeg,tiff,scans"));
	else if (!ex->told_layers && *languages)
		LOG(WARNING, "extract_without_language", LOG_TEXT("languages", languages), LOG_TEXT("package", "tesseract-ocr-LANGUAGE"));
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
		ex->has_converter = message->layers & WIRE_HAS_CONVERTER;
		log_missing(ex, message->layers, message->text);
		extract_job_pump(ex);
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
			extract_job_kill(job, attempt->killed);
			stuck |= now_ms - attempt->killed_ms > KILL_MS;
		} else if (now_ms > attempt->deadline_ms) {
			extract_job_kill(job, ERR_timeout);
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
		extract_job_end(job, ERR_cancelled);
	while (ex->failures >= FAILURES_MAX && (job = TAILQ_FIRST(&ex->jobs[JOB_WAITING])))
		extract_job_end(job, ERR_internal);
	extract_job_pump(ex);
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
		.ocr_slots = (unsigned)cfg->worker_ocr_slots,
		.waiting_max = (unsigned)(cfg->worker_slots + 2 * cfg->worker_ocr_slots),
		.ocr_languages = cfg->ocr_languages,
		.ocr_memory_mb = (unsigned)cfg->ocr_memory_mb,
		.ocr_cpu_s = (unsigned)((cfg->ocr_cpu_ms + 999) / 1000),
		.ocr_wall_ms = cfg->ocr_wall_ms,
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

int extractor_run(struct extractor *ex, int file_fd, struct str filename, bool pictures,
		  const struct extract_callbacks *callbacks, void *ctx, struct extract_job **out)
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
	job->way = pictures ? WIRE_WAY_OCR : WIRE_WAY_READER;
	job->progress_ms = -PROGRESS_INTERVAL_MS;
	wire_text(job->filename, filename);
	extract_job_wait(job);
	tick_soon(ex);
	extract_job_pump(ex);
	*out = job;
	return 0;
}

void extractor_cancel(struct extract_job *job)
{
	if (job->state == JOB_WAITING)
		extract_job_give_up(job);
	else if (job->state == JOB_RUNNING)
		extract_job_kill(job, ERR_cancelled);
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
			extract_job_end(TAILQ_FIRST(&ex->jobs[state]), ERR_cancelled);
	if (ex->link)
		extract_link_stop(ex->link);
	ex->link = NULL;
	uv_close((uv_handle_t *)&ex->tick, on_tick_closed);
}
