/*
 * The worker's pipeline with an extractor that does as the file says, for test_pipeline.py. Flags as every program; commands
 * on stdin, one a line; answers on stdout:
 *   accept USER BATCH CV PRIORITY TEXT   puts TEXT into the spool and accepts it: "accepted CV ANSWER"
 *   spool  USER BATCH CV PRIORITY TEXT   only puts it into the spool:             "spooled CV"
 *   drop   USER CV                       "dropped CV ANSWER"
 *   stats                                "stats QUEUED RUNNING RETRYING DEAD"
 *   stop                                 a graceful stop: "stopped", then it ends
 * TEXT: "ok MS" is read in that time, with progress on the way; "code NAME MS" ends with that error; "hang" never ends;
 * "scan MS" is a picture, which takes that time once it is read as such.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "accept.h"
#include "clock.h"
#include "config.h"
#include "extractor.h"
#include "http_client.h"
#include "log.h"
#include "pipeline.h"
#include "schema.h"
#include "spool.h"

#define LINE_MAX_BYTES 1024
#define STEPS 4

static struct {
	uv_loop_t loop;
	struct config config;
	struct redis *redis;
	struct queue *queue;
	struct http_client *http;
	struct net_guard guard;
	struct publisher publisher;
	struct spool *spool;
	struct pipeline *pipeline;
	uv_pipe_t input;
	char line[LINE_MAX_BYTES];
	size_t n_line;
} host;

/* The extractor. */
struct extract_job {
	const struct extract_callbacks *callbacks;
	void *ctx;
	enum error_code code;
	int step;
	uint64_t step_ms;
	bool cancelled, needs_ocr;
	uv_timer_t timer;
};

static void on_reading_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void end_reading(struct extract_job *job, enum error_code code)
{
	static const char result[] = "{\"type\":\"result\",\"result\":{\"name\":\"Jane\"},\"text\":\"Jane\\nClerk\",\"resume\":{\"basics\":{\"name\":\"Jane\"}}}";

	if (job->needs_ocr && code == ERR_NONE)
		job->callbacks->needs_ocr(job->ctx);
	else
		job->callbacks->done(job->ctx, code, code == ERR_NONE ? STR(result) : str_of(NULL, 0));
	uv_close((uv_handle_t *)&job->timer, on_reading_closed);
}

static void on_step(uv_timer_t *timer)
{
	struct extract_job *job = timer->data;

	if (job->step == 0 && !job->cancelled)
		job->callbacks->early(job->ctx, STR("{\"name\":\"Jane\",\"has_email\":true}"));
	if (job->cancelled)
		end_reading(job, ERR_cancelled);
	else if (++job->step < STEPS)
		job->callbacks->progress(job->ctx, job->step * 100 / STEPS, STR("Reading"));
	else
		end_reading(job, job->code);
}

int extractor_run(struct extractor *ex, int fd, struct str filename, bool pictures, const struct extract_callbacks *callbacks,
		  void *ctx, struct extract_job **out)
{
	struct extract_job *job = calloc(1, sizeof(*job));
	char text[LINE_MAX_BYTES], code[64] = "";
	unsigned ms = 0;
	ssize_t n = read(fd, text, sizeof(text) - 1);

	if (n < 0 || !job)
		abort();
	text[n] = '\0';
	*job = (struct extract_job){ .callbacks = callbacks, .ctx = ctx };
	if (sscanf(text, "ok %u", &ms) != 1 && sscanf(text, "code %63s %u", code, &ms) >= 1)
		job->code = error_by_name(str_c(code));
	job->needs_ocr = sscanf(text, "scan %u", &ms) == 1 && !pictures;
	job->step_ms = job->needs_ocr ? 0 : ms / STEPS;
	uv_timer_init(&host.loop, &job->timer);
	job->timer.data = job;
	if (strcmp(text, "hang") != 0)
		uv_timer_start(&job->timer, on_step, job->step_ms, job->step_ms ? job->step_ms : 1);
	*out = job;
	return 0;
}

void extractor_cancel(struct extract_job *job)
{
	job->cancelled = true;
	uv_timer_start(&job->timer, on_step, 0, 0);
}

/* Commands. */
static bool put_into_spool(const struct spool_record *rec, const char *text)
{
	struct spool_upload *upload;
	struct spool_record whole = *rec;

	if (spool_upload_begin(host.spool, str_c(rec->cv), &upload) < 0)
		return false;
	if (spool_upload_write(upload, str_c(text)) < 0 || spool_upload_sync(upload, &whole.bytes, whole.sha256) < 0 ||
	    spool_upload_commit(upload, &whole) < 0)
		whole.bytes = -1;
	spool_upload_free(upload);
	return whole.bytes >= 0;
}

static void on_accepted(void *ctx, const struct accept_result *result)
{
	static const char *const names[] = {
		[ACCEPT_OK] = "ok", [ACCEPT_OVER] = "over", [ACCEPT_SAME] = "same", [ACCEPT_FULL] = "full",
		[ACCEPT_USER_FULL] = "user_full", [ACCEPT_DRAINING] = "draining", [ACCEPT_UNAVAILABLE] = "unavailable",
	};

	printf("accepted %s %s\n", (char *)ctx, names[result->answer]);
	free(ctx);
	pipeline_kick(host.pipeline);
}

static void accept_command(const struct spool_record *rec)
{
	const struct queue_job job = {
		.user = str_c(rec->user), .batch = str_c(rec->batch), .cv = str_c(rec->cv), .filename = str_c(rec->filename),
		.priority = rec->priority, .attempt = 1,
	};
	char *cv = strdup(rec->cv);

	if (accept_cv(host.queue, &host.publisher, &job, false, on_accepted, cv) < 0) {
		printf("accepted %s unavailable\n", cv);
		free(cv);
	}
}

static void on_dropped(void *ctx, enum queue_answer answer)
{
	printf("dropped %s %s\n", (char *)ctx, queue_answer_name(answer));
	free(ctx);
}

static void on_stats(void *ctx, const struct queue_stats *s)
{
	if (s)
		printf("stats %d %d %d %d\n", (int)s->queued, (int)s->running, (int)s->retrying, (int)s->dead);
}

static void on_stopped(void *ctx)
{
	printf("stopped\n");
	http_client_free(host.http);
	redis_close(host.redis);
	uv_close((uv_handle_t *)&host.input, NULL);
}

static void command(char *line)
{
	struct spool_record rec = { .attempt = 1, .created_ms = clock_wall_ms() };
	char what[16], text[LINE_MAX_BYTES];
	int n = sscanf(line, "%15s %128s %128s %128s %d %1023[^\n]", what, rec.user, rec.batch, rec.cv, &rec.priority, text);

	snprintf(rec.filename, sizeof(rec.filename), "cv.pdf");
	if (n == 6 && put_into_spool(&rec, text)) {
		if (strcmp(what, "accept") == 0)
			accept_command(&rec);
		else
			printf("spooled %s\n", rec.cv);
	} else if (n == 3 && strcmp(what, "drop") == 0) {
		queue_drop(host.queue, str_c(rec.user), str_c(rec.batch), on_dropped, strdup(rec.batch));
	} else if (n == 1 && strcmp(what, "stats") == 0) {
		if (queue_stats(host.queue, on_stats, NULL) < 0)
			printf("stats unavailable\n");
	} else if (n == 1 && strcmp(what, "stop") == 0) {
		pipeline_stop(host.pipeline, on_stopped, NULL);
	} else {
		printf("what? %s\n", line);
	}
}

static void on_space(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	*buffer = uv_buf_init(host.line + host.n_line, (unsigned)(sizeof(host.line) - 1 - host.n_line));
}

static void on_input(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
	char *end;

	if (n < 0) {
		uv_read_stop(stream);
		return;
	}
	host.n_line += (size_t)n;
	while ((end = memchr(host.line, '\n', host.n_line))) {
		size_t used = (size_t)(end - host.line) + 1;

		*end = '\0';
		command(host.line);
		memmove(host.line, host.line + used, host.n_line - used);
		host.n_line -= used;
	}
}

static void on_schema(void *ctx, int rc)
{
	if (rc == 0)
		pipeline_redis_connected(host.pipeline);
	printf("%s\n", rc == 0 ? "connected" : rc == -EPROTONOSUPPORT ? "refused" : "no answer");
}

static void on_connected(void *ctx)
{
	schema_check(host.redis, on_schema, NULL);
}

int main(int argc, char **argv)
{
	struct config_args args = { 0 };
	struct redis_listener listener = { .connected = on_connected };
	struct pipeline_parts parts = { .loop = &host.loop, .cfg = &host.config };
	struct buf problems;
	int rest, status;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	status = config_args(&args, argc, argv, "", &rest);
	if (status >= 0)
		return status;
	buf_init(&problems, 4096);
	uv_loop_init(&host.loop);
	if (config_load(&host.config, &args, &problems) < 0 ||
	    spool_open_dir(host.config.worker_spool_dir, &host.spool, &problems) < 0 ||
	    redis_open(&host.loop, &host.config, &listener, &host.redis) < 0 ||
	    queue_open(host.redis, &host.config, &host.queue) < 0 || http_client_new(&host.loop, &host.http) < 0 ||
	    net_guard_parse(host.config.fetch_allow, host.config.fetch_ports, &host.guard, NULL) < 0) {
		fprintf(stderr, STR_FMT "\n", STR_ARG(buf_str(&problems)));
		return 2;
	}
	log_configure(&host.config);
	host.publisher = (struct publisher){ host.redis, &host.config };
	parts.redis = host.redis;
	parts.queue = host.queue;
	parts.publisher = &host.publisher;
	parts.spool = host.spool;
	parts.http = host.http;
	parts.guard = &host.guard;
	if (pipeline_start(&parts, &host.pipeline) < 0)
		return 1;
	uv_pipe_init(&host.loop, &host.input, 0);
	uv_pipe_open(&host.input, STDIN_FILENO);
	uv_read_start((uv_stream_t *)&host.input, on_space, on_input);
	uv_run(&host.loop, UV_RUN_DEFAULT);
	queue_close(host.queue);
	spool_close_dir(host.spool);
	config_free(&host.config);
	buf_free(&problems);
	status = uv_loop_close(&host.loop);
	return status == 0 ? 0 : 1;
}
