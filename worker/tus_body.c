/* See tus_op.h. Here: the body as it comes, in pieces to the disk; the sender waits while too much waits for it. What has come
 * stays when the connection breaks, unless a checksum was to tell whether it is good. */
#include <errno.h>

#include "clock.h"
#include "tus_op.h"

#define HIGH_BYTES (128 * 1024)         /* as much may wait for the disk; the sender waits then */

static void write_more(struct tus_op *op);

/* The piece did not come whole, or is not what its sender meant. */
static int drop_piece(struct tus_op *op, int rc)
{
	int dropped = part_truncate(op->part, op->begun);

	op->offset = op->begun;
	return dropped < 0 ? dropped : rc;
}

static int verify(struct tus_op *op)
{
	unsigned char digest[DIGEST_MAX_BYTES];
	int n = digest_end(op->digest, digest);

	if (n < 0)
		return drop_piece(op, n);
	if (n != (int)op->checksum.n || memcmp(digest, op->checksum.digest, op->checksum.n) != 0)
		return drop_piece(op, -EKEYREJECTED);
	return 0;
}

static int write_in_pool(struct tus_op *op)
{
	int rc = 0;

	if (op->digest && op->writing.n)
		rc = digest_add(op->digest, buf_str(&op->writing));
	if (rc == 0 && op->writing.n)
		rc = part_write(op->part, buf_str(&op->writing));
	if (rc == 0)
		op->offset += (int64_t)op->writing.n;
	if (rc < 0 || !op->last)
		return rc;
	if (op->digest && !op->whole)
		return drop_piece(op, 0);
	rc = op->digest ? verify(op) : 0;
	if (rc == 0)
		rc = part_sync(op->part);
	if (rc == 0 && op->digest) {
		op->rec.held = op->offset; /* the next piece with a checksum begins here: it need not say so first */
		rc = part_keep(op->part, &op->rec);
	}
	return rc;
}

static void answer(struct tus_op *op)
{
	if (op->rc == -EKEYREJECTED)
		tus_op_refuse(op, PROBLEM(460, "checksum_mismatch", "the bytes do not match their checksum and were dropped; please send them again"));
	else if (op->rc < 0)
		tus_op_refuse(op, problem_of(op->rc));
	else if (op->offset == op->rec.length)
		tus_place(op);
	else
		tus_op_answer(op);
}

static void press(struct tus_op *op)
{
	bool busy = op->state == TUS_RECEIVING && op->waiting.n >= HIGH_BYTES;

	if (busy == op->paused)
		return;
	op->paused = busy;
	if (busy)
		call_pause(op->call);
	else
		call_resume(op->call);
}

static void on_written(struct tus_op *op)
{
	buf_clear(&op->writing);
	if (op->rc == 0 && op->waiting.failed)
		op->rc = -ENOMEM;
	if (op->rc == 0 && !op->last) {
		if (op->waiting.n || op->state == TUS_SETTLING)
			write_more(op);
		press(op);
		return;
	}
	if (op->state == TUS_RECEIVING)
		tus_op_set_state(op, TUS_SETTLING);
	press(op);
	answer(op);
}

static void write_more(struct tus_op *op)
{
	struct buf full = op->waiting;

	op->waiting = op->writing;
	op->writing = full;
	op->last = op->state == TUS_SETTLING;
	tus_op_run(op, write_in_pool, on_written);
}

/* A batch that a file is on its way to is not idle. */
static void keep_batch_open(struct tus_op *op, int64_t now_ms)
{
	if (op->rec.own_batch || now_ms - op->batch_told_ms < QUEUE_UPLOAD_MS / 2)
		return;
	op->batch_told_ms = now_ms;
	queue_batch_upload(op->call->worker->queue, str_c(op->rec.cv.user), str_c(op->rec.cv.batch), now_ms);
}

static void on_body(struct call *call, struct str chunk)
{
	struct tus_op *op = call->state;

	if (!op || op->state != TUS_RECEIVING)
		return;
	keep_batch_open(op, clock_wall_ms());
	buf_adds(&op->waiting, chunk);
	if (!op->busy)
		write_more(op);
	press(op);
}

static void settle(struct tus_op *op, bool whole)
{
	op->whole = whole;
	tus_op_set_state(op, TUS_SETTLING);
	press(op);
	if (!op->busy)
		write_more(op);
}

static void on_body_end(struct call *call)
{
	struct tus_op *op = call->state;

	if (op && op->state == TUS_RECEIVING)
		settle(op, true);
}

static void on_gone(struct call *call)
{
	struct tus_op *op = call->state;

	if (op && op->state == TUS_RECEIVING)
		settle(op, false);
}

/* What a crash leaves of a piece that is still to be verified must be known as such; what has none behind it must count. */
static int mark(struct tus_op *op)
{
	int64_t held = op->digest ? op->offset : -1;

	if (op->rec.held == held)
		return 0;
	op->rec.held = held;
	return part_keep(op->part, &op->rec);
}

static void on_marked(struct tus_op *op)
{
	struct call *call = op->call;

	if (op->rc == 0 && call->request && tus_op_is_awaited(op))
		request_abort(call->request); /* as if it had received already when the later request came */
	if (op->rc < 0) {
		tus_op_refuse(op, problem_of(op->rc));
	} else if (!call->request) {
		tus_op_answer(op);
	} else {
		tus_op_set_state(op, TUS_RECEIVING);
		if (call->request->content_length <= 0)
			settle(op, true);
		else
			call_resume(call);
	}
}

void tus_receive(struct tus_op *op)
{
	static const char *const names[] = { NULL, "sha1", "sha256" };
	struct call *call = op->call;

	op->begun = op->offset;
	if (op->checksum.algorithm != TUS_NO_CHECKSUM) {
		op->digest = digest_new(names[op->checksum.algorithm]);
		if (!op->digest) {
			tus_op_refuse(op, problem_of(-ENOMEM));
			return;
		}
	}
	call->state = op;
	call->on_body = on_body;
	call->on_body_end = on_body_end;
	call->on_gone = on_gone;
	tus_op_run(op, mark, on_marked);
}
