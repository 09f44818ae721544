/*
 * POST /cvs: one multipart body with one file or many. While it comes, files go straight into the spool (intake.c its head, intake_body.c); when it
 * is complete and synced, each file is placed: compared with what the user has sent before, committed, and given to the
 * queue (intake_place.c). Then the one answer names what was accepted and what was not.
 */
#ifndef WORKER_INTAKE_H
#define WORKER_INTAKE_H

#include "api.h"
#include "multipart.h"
#include "place.h"
#include "receive.h"

#define INTAKE_ONCE "upload"
#define INTAKE_ONCE_PENDING "-"

struct intake;

enum intake_file_state {
	FILE_RECEIVING,         /* bytes come, or are on their way to the disk */
	FILE_SYNCED,            /* all bytes are on the disk; waits for the rest of the body */
	FILE_PLACING,
	FILE_ACCEPTED,          /* it will end by a terminal event */
	FILE_REFUSED,           /* nothing of it is kept; problem says why */
};

struct intake_file {
	struct intake *intake;
	struct intake_file *next;
	enum intake_file_state state;
	struct receive *receive;
	struct spool_record record;
	struct placement *placement;            /* only in PLACING */
	struct problem problem;
};

enum intake_state {
	INTAKE_BODY,            /* the body comes */
	INTAKE_SYNCING,         /* it is complete; some files are not synced */
	INTAKE_PLACING,
	INTAKE_OVER,            /* answered */
};

struct intake {
	struct call *call;
	enum intake_state state;
	bool paused;                            /* the sender waits for the disk */
	struct multipart parser;
	struct intake_file *files, **next_file; /* in the order of the body */
	struct intake_file *current;            /* whose part it is; NULL in a field */
	int n_files, receiving, placing;
	char field_name[32], field[ID_MAX + 2]; /* the part that is a field */
	size_t field_n;
	char batch[ID_MAX + 1];
	int64_t batch_told_ms;                  /* when the queue was last told that a file is on its way to it */
	bool own_batch;                         /* made for this body: closed when all are placed */
	bool force;
	int priority;
};

/* The only ways a state changes; an unlawful move is a bug and aborts. */
void intake_set_state(struct intake *in, enum intake_state to);
void intake_file_set_state(struct intake_file *file, enum intake_file_state to);

/* The handler of the route. */
void intake_handle(struct call *call);

/* From here on the body is read (intake_body.c). */
void intake_take_body(struct call *call);
extern const struct multipart_events intake_events;
/* One field of the form or of the query. 0, or -EINVAL after having refused. */
int intake_set_field(struct intake *in, const char *name, struct str value);
/* What came so far leaves the disk. */
void intake_discard_files(struct intake *in);

/* Ends the whole intake by a problem; nothing is kept. Only before placing. */
void intake_refuse(struct intake *in, struct problem problem);
/* Ends one file. What the spool has of it must be gone already, or go with its receive. */
void intake_file_refuse(struct intake_file *file, struct problem problem);

/* The same answer as to an earlier request with the same idempotency key; nothing of this one is kept. */
void intake_answer_again(struct intake *in, struct str answer);

/* Each file is synced: places them all and answers. */
void intake_place(struct intake *in);
/* What the spool says of a file that is being placed: its receive's callbacks. */
void intake_file_committed(void *ctx);
/* The answer's body: what was accepted, and what was not. */
void intake_write_answer(const struct intake *in, struct buf *out);

#endif
