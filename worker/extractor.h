/*
 * The worker's way to have one untrusted file read: starts cvpulse-extract's fork server, keeps it running, hands it
 * files, watches the clock, and takes what a child says with distrust. Called by the pipeline.
 *
 * All calls and callbacks are on the loop's thread. No callback runs inside one of these calls.
 */
#ifndef WORKER_EXTRACTOR_H
#define WORKER_EXTRACTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "config.h"
#include "errors.h"
#include "str.h"

#define EXTRACTOR_PARSES_FROM 90        /* of a job's percent: before it the file is read, from here on its text is parsed */

struct extractor;
struct extract_job;

struct extractor_config {
	const char *program;    /* cvpulse-extract; must outlive the extractor, like user */
	const char *user;       /* whom a root worker's children become */
	unsigned slots;         /* files read at the same time */
	unsigned ocr_slots;     /* beside them, those that hold pictures of text; 0: such files are refused */
	unsigned waiting_max;   /* jobs that may wait beyond those */
	unsigned warm;          /* children that wait for work */
	unsigned memory_mb, cpu_s; /* of one child */
	int64_t wall_ms;        /* for one child, from the request to its end */
	const char *ocr_languages;
	unsigned ocr_memory_mb, ocr_cpu_s; /* of a child that reads pictures */
	int64_t ocr_wall_ms;
	size_t output_max_bytes; /* all that one child may say */
};

struct extract_callbacks {
	/* percent 1..100 grows from call to call, across a second attempt too. message: UTF-8 of an untrusted process,
	 * without control characters; bounded. At most ten calls a second. */
	void (*progress)(void *ctx, int percent, struct str message);
	/* Once for every job, last. ERR_NONE: result_json is the child's "result" object, proven to be UTF-8, JSON, and to
	 * have the objects "resume" and "result"; good until the call returns. The job is gone then. */
	void (*done)(void *ctx, enum error_code code, struct str result_json);
	/* Instead of done(): give the file once more, as pictures. */
	void (*needs_ocr)(void *ctx);
	/* May be NULL. What is known after the first page, a short JSON object: at most once, before a call of progress. */
	void (*early)(void *ctx, struct str json);
};

/* The limits of the [worker] section. */
void extractor_config_from(const struct config *cfg, struct extractor_config *out);

/* Starts the server in the background; jobs may be given at once. When it dies it is started again, with back-off; after
 * some failures in a row waiting jobs end with ERR_internal. -ENOMEM; an -errno when it cannot be started at all. */
int extractor_start(uv_loop_t *loop, const struct extractor_config *config, struct extractor **out);

/* Has a file read. file_fd is copied; it must be open for reading only, since an untrusted process gets it (-EINVAL).
 * filename: only its ending matters. pictures: of text are read too, in a slot of ocr_slots. callbacks must outlive the job. -EBUSY: slots and waiting_max are full. */
int extractor_run(struct extractor *ex, int file_fd, struct str filename, bool pictures,
		  const struct extract_callbacks *callbacks, void *ctx, struct extract_job **out);

/* Has the job end with ERR_cancelled, its child killed, within 2 s. May be called until done() was. */
void extractor_cancel(struct extract_job *job);

/* The server runs and its children can enter their sandbox. */
bool extractor_healthy(const struct extractor *ex);

/* Kills what still runs. No callback is called any more. Memory and descriptors are given back as the loop runs on; it
 * has nothing left of this when the server process is gone. */
void extractor_stop(struct extractor *ex);

#endif
