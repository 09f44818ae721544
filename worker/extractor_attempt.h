/*
 * One child at work on one file, as the worker sees it: what arrives on the pipe, and how it ended. Called by
 * extractor.c alone, which also learns of the child's end from the server.
 */
#ifndef WORKER_EXTRACTOR_ATTEMPT_H
#define WORKER_EXTRACTOR_ATTEMPT_H

#include <uv.h>

#include "extract/wire.h"

/* The child's exit and the end of its pipe come in either order; the attempt is over when both are there. */
enum attempt_state { ATTEMPT_RUNNING, ATTEMPT_EXITED, ATTEMPT_SILENT, ATTEMPT_OVER };

struct attempt {
	uint32_t id;            /* names it to the server */
	enum attempt_state state;
	int status;             /* from ATTEMPT_EXITED on: as of wait(2), or WIRE_NOT_STARTED */
	enum error_code killed; /* why we killed it; ERR_NONE: we did not */
	int64_t killed_ms, deadline_ms;
	struct frame_reader frames;
	enum error_code said;   /* ERR_NONE: a result, ERR_parser_crashed: no valid last word (yet) */
	enum wire_way needs;    /* said was that the file must go another way; WIRE_WAY_READER: it was not */
	struct buf result;
	bool had_early;
	const struct attempt_events *events;
	void *ctx;
	uv_pipe_t pipe;
};

struct attempt_events {
	void (*progress)(void *ctx, int percent, struct str message);
	void (*early)(void *ctx, struct str json); /* at most once */
	void (*misbehaved)(void *ctx); /* the child said too much, or nonsense: kill it */
	void (*over)(void *ctx);
};

/* Makes the pipe; *write_end is the caller's to give away and close. 0 or -errno. */
int attempt_open(uv_loop_t *loop, size_t output_max_bytes, const struct attempt_events *events, void *ctx,
		 struct attempt **out, int *write_end);
/* The server says that the child ended, or is gone itself. */
void attempt_exited(struct attempt *attempt, int status);
/* No event comes any more; the memory goes when the pipe's handle is closed. */
void attempt_free(struct attempt *attempt);

/* How the attempt ended, for one that is over. *again: another one may end differently. */
enum error_code attempt_outcome(const struct attempt *attempt, bool *again);

/* Takes one frame of a child: progress (1, with percent and message), an early look or the last word (0), or nonsense (-EPROTO). */
int attempt_take(struct attempt *attempt, struct str json, int *percent, char message[WIRE_TEXT_MAX]);

#endif
