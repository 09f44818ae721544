/* See tus_op.h. Here: an upload whose bytes are all there becomes a CV. Until it is accepted nobody is told that it is
 * complete: a client that asks again makes this be tried again. */
#include <errno.h>

#include "tus_op.h"

/* When it is not heard, the batch is closed by the sweep once it lies idle. */
static void close_own_batch(struct tus_op *op)
{
	if (op->rec.own_batch)
		publish_batch(&op->call->worker->publisher, str_c(op->rec.cv.user), str_c(op->rec.cv.batch), BATCH_CLOSE, 0, NULL, NULL);
}

/* What could not be removed goes with the sweep. */
static void on_part_removed(struct tus_op *op)
{
	tus_op_answer(op);
}

static void on_placed(void *ctx, const struct problem *problem)
{
	struct tus_op *op = ctx;

	op->placement = NULL;
	if (problem) {
		tus_op_refuse(op, *problem);
		return;
	}
	tus_op_not_open(op);
	close_own_batch(op);
	tus_op_run(op, tus_op_remove_part, on_part_removed);
}

static int commit_in_pool(struct tus_op *op)
{
	return part_commit(op->part, op->committed);
}

static void on_committed(struct tus_op *op)
{
	placement_committed(op->placement, op->rc);
}

static void commit(void *ctx, struct placement *placement, struct spool_record *rec)
{
	struct tus_op *op = ctx;

	op->placement = placement;
	op->committed = rec;
	tus_op_run(op, commit_in_pool, on_committed);
}

static int open_file(void *ctx)
{
	struct tus_op *op = ctx;

	return part_dup(op->part);
}

static int hash_in_pool(struct tus_op *op)
{
	return part_sha256(op->part, op->rec.cv.sha256);
}

static void on_hashed(struct tus_op *op)
{
	static const struct placement_owner owner = { commit, open_file, VAULT_MAYBE_KNOWN, on_placed };
	int rc = op->rc;

	op->rec.cv.bytes = op->rec.length;
	if (rc == 0)
		rc = placement_begin(op->call->worker, &op->rec.cv, op->rec.force, &owner, op);
	if (rc < 0)
		tus_op_refuse(op, problem_of(rc));
}

void tus_place(struct tus_op *op)
{
	tus_op_set_state(op, TUS_PLACING);
	tus_op_run(op, hash_in_pool, on_hashed);
}
