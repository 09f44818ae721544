/*
 * One request about one upload, from its sign-in to its answer; shared by tus.c (checks and answers), tus_create.c,
 * tus_op.c (its life), tus_body.c (bytes to the disk) and tus_place.c (the end of an upload: it becomes a CV).
 *
 * Requests about the same upload come one after the other: a later one makes an earlier one that still receives stop, since
 * a client that asks again has lost that connection, whether we know it or not.
 */
#ifndef WORKER_TUS_OP_H
#define WORKER_TUS_OP_H

#include <sys/queue.h>
#include <uv.h>

#include "digest.h"
#include "place.h"
#include "spool_part.h"
#include "tus.h"

enum tus_state {
	TUS_WAITING,            /* another request is about the same upload */
	TUS_OPENING,            /* a thread makes or opens it */
	TUS_RECEIVING,          /* bytes come */
	TUS_SETTLING,           /* the last ones are written, verified, synced */
	TUS_PLACING,            /* it becomes a CV */
	TUS_OVER,
};

struct tus_op {
	LIST_ENTRY(tus_op) link;
	struct call *call;                      /* held until the op is over */
	enum tus_state state;
	char id[ID_MAX + 1];
	void (*opened)(struct tus_op *op);      /* what to do then */

	/* One job in the thread pool at a time; while `busy` it alone touches part, writing and what it was given. */
	uv_work_t job;
	bool busy;
	int (*run)(struct tus_op *op);
	void (*ran)(struct tus_op *op);
	int rc;

	struct part *part;
	struct part_record rec;
	int64_t offset, changed_ms;
	bool finished;                          /* it has become a CV, whose record is rec.cv */

	/* The body. */
	struct buf waiting, writing;
	bool paused, whole, last;               /* whole: all of it came; last: the write under way is the last one */
	int64_t begun;                          /* offset at its beginning */
	int64_t batch_told_ms;
	struct tus_checksum checksum;
	struct digest *digest;                  /* NULL without a checksum */

	struct placement *placement;
	struct spool_record *committed;         /* the placement's record, while a thread commits it */
	struct problem problem;                 /* what is told once a refused upload is gone */
	int status;                             /* of the good answer: 200, 201, 204 */
};

/* NULL: no memory. */
struct tus_op *tus_op_new(struct call *call, struct str id, void (*opened)(struct tus_op *op));
/* Opens the upload when it is its turn, then calls opened, or answers. */
void tus_op_start(struct tus_op *op);
/* The same for a new one, which op->rec describes. */
void tus_op_start_new(struct tus_op *op);
/* Whether a later request about the same upload waits for this one. */
bool tus_op_is_awaited(const struct tus_op *op);
/* Runs in the pool, then calls ran with op->rc set. */
void tus_op_run(struct tus_op *op, int (*run)(struct tus_op *op), void (*ran)(struct tus_op *op));
int tus_op_remove_part(struct tus_op *op);              /* for tus_op_run */
void tus_op_set_state(struct tus_op *op, enum tus_state to);
/* The one end; the answer has been given. The next request about this upload goes on. */
void tus_op_over(struct tus_op *op);
void tus_op_refuse(struct tus_op *op, struct problem problem);
void tus_op_not_open(struct tus_op *op);                /* it counts no more among its user's unfinished ones */
/* Being created, and when its id does not get through, nobody can ever ask for it: no idempotency key finds it again. */
bool tus_op_is_orphan(const struct tus_op *op);
void tus_op_answer(struct tus_op *op);                  /* status, offset, and what else belongs to it */

/* tus_body.c: takes the body, from op->offset on; answers at its end. */
void tus_receive(struct tus_op *op);
/* tus_place.c: all bytes are synced; answers once the CV is accepted, or why not. */
void tus_place(struct tus_op *op);

/* 0, or -1 after having answered: Upload-Checksum and the body's media type. */
int tus_check_body(struct call *call, struct tus_checksum *checksum);
bool tus_check_version(struct call *call);
/* Why an upload could not be opened: 423 when another worker has it. */
struct problem tus_open_problem(int rc);

#endif
