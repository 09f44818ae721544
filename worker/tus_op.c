/* See tus_op.h. */
#include "tus_op.h"

#include <errno.h>
#include <stdlib.h>

#include "open_uploads.h"
#include "vault.h"

#define WAITING_MAX 8                   /* requests that wait for one upload */

struct tus {
	LIST_HEAD(, tus_op) ops;        /* newest first */
};

int tus_open(struct tus **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void tus_close(struct tus *tus)
{
	free(tus);
}

void tus_op_set_state(struct tus_op *op, enum tus_state to)
{
	static const unsigned allowed[] = {
		[TUS_WAITING] = 1 << TUS_OPENING | 1 << TUS_OVER,
		[TUS_OPENING] = 1 << TUS_RECEIVING | 1 << TUS_SETTLING | 1 << TUS_PLACING | 1 << TUS_OVER,
		[TUS_RECEIVING] = 1 << TUS_SETTLING,
		[TUS_SETTLING] = 1 << TUS_PLACING | 1 << TUS_OVER,
		[TUS_PLACING] = 1 << TUS_OVER,
		[TUS_OVER] = 0,
	};

	if (!(allowed[op->state] & 1u << to))
		abort();
	op->state = to;
}

struct tus_op *tus_op_new(struct call *call, struct str id, void (*opened)(struct tus_op *op))
{
	struct tus_op *op = calloc(1, sizeof(*op));

	if (!op)
		return NULL;
	op->call = call;
	op->opened = opened;
	op->job.data = op;
	op->status = 204;
	memcpy(op->id, id.p, id.n);
	buf_init(&op->waiting, (size_t)1 << 26);
	buf_init(&op->writing, (size_t)1 << 26);
	call_hold(call);
	return op;
}

static void in_pool(uv_work_t *job)
{
	struct tus_op *op = job->data;

	op->rc = op->run(op);
}

static void on_ran(uv_work_t *job, int status)
{
	struct tus_op *op = job->data;

	op->busy = false;
	op->ran(op);
}

void tus_op_run(struct tus_op *op, int (*run)(struct tus_op *op), void (*ran)(struct tus_op *op))
{
	op->run = run;
	op->ran = ran;
	op->busy = true;
	uv_queue_work(op->call->worker->loop, &op->job, in_pool, on_ran); /* fails only without a function */
}

static int open_part(struct tus_op *op)
{
	int rc = part_open(op->call->worker->spool, str_c(op->id), &op->part, &op->rec, &op->offset, &op->changed_ms);

	/* What is told as the offset must not be lost with the machine's power either. */
	return rc < 0 ? rc : part_sync(op->part);
}

/* A repeated creation finds what the first one made: the upload, or the CV that it has become (-EEXIST). */
static int make_part(struct tus_op *op)
{
	struct spool *sp = op->call->worker->spool;
	struct part_record wanted = op->rec;
	int rc = open_part(op);

	if (rc != -ENOENT)
		return rc;
	if (spool_record_read(sp, str_c(op->id), &op->rec.cv) == 0)
		return -EEXIST;
	op->rec = wanted;
	rc = part_create(sp, &op->rec);
	return rc < 0 ? rc : open_part(op);
}

static void on_record(void *ctx, int rc, const struct spool_record *rec)
{
	struct tus_op *op = ctx;

	op->finished = rc == 0;
	if (rc == 0)
		op->rec.cv = *rec;
	else if (rc != -ENOENT)
		op->rc = rc;
	op->opened(op);
}

/* What is no upload may have been one. */
static void on_opened(struct tus_op *op)
{
	struct worker *w = op->call->worker;
	struct spool_record rec;
	int rc = -ENOENT;

	if (op->rc == -ENOENT && w->vault) {
		rc = vault_read_record(w->vault, str_c(op->id), on_record, op);
		if (rc == 0)
			return;
	} else if (op->rc == -ENOENT) {
		rc = spool_record_read(w->spool, str_c(op->id), &rec);
	}
	on_record(op, rc, &rec);
}

static void start(struct tus_op *op)
{
	tus_op_set_state(op, TUS_OPENING);
	tus_op_run(op, open_part, on_opened);
}

/* The oldest of the ops about this upload that wait: the list is newest first. */
static struct tus_op *next_waiting(struct tus *tus, const char *id)
{
	struct tus_op *op, *found = NULL;

	LIST_FOREACH(op, &tus->ops, link)
		if (op->state == TUS_WAITING && strcmp(op->id, id) == 0)
			found = op;
	return found;
}

bool tus_op_is_awaited(const struct tus_op *op)
{
	return next_waiting(op->call->worker->tus, op->id) != NULL;
}

void tus_op_over(struct tus_op *op)
{
	struct tus *tus = op->call->worker->tus;
	struct call *call = op->call;
	struct tus_op *next;

	tus_op_set_state(op, TUS_OVER);
	LIST_REMOVE(op, link);
	next = next_waiting(tus, op->id);
	if (call->state == op)
		call->state = NULL;
	part_close(op->part);
	digest_free(op->digest);
	buf_free(&op->waiting);
	buf_free(&op->writing);
	free(op);
	if (next)
		start(next);
	call_release(call);
}

void tus_op_not_open(struct tus_op *op)
{
	struct worker *w = op->call->worker;

	open_uploads_remove(w->redis, w->cfg, str_c(op->rec.cv.user), str_c(op->id));
}

int tus_op_remove_part(struct tus_op *op)
{
	return part_remove(op->call->worker->spool, str_c(op->id));
}

/* What could not be removed goes with the sweep. */
static void on_removed(struct tus_op *op)
{
	tus_op_not_open(op);
	call_refuse(op->call, &op->problem);
	tus_op_over(op);
}

bool tus_op_is_orphan(const struct tus_op *op)
{
	return op->status == 201 && op->part && !*op->call->once;
}

void tus_op_refuse(struct tus_op *op, struct problem problem)
{
	if (tus_op_is_orphan(op)) {
		op->problem = problem;
		tus_op_run(op, tus_op_remove_part, on_removed);
		return;
	}
	call_refuse(op->call, &problem);
	tus_op_over(op);
}

/* The one that works on this upload now, if there is one; how many wait for it. */
static struct tus_op *find_active(struct tus *tus, const char *id, int *n_waiting)
{
	struct tus_op *op, *active = NULL;

	*n_waiting = 0;
	LIST_FOREACH(op, &tus->ops, link) {
		if (strcmp(op->id, id) != 0)
			continue;
		if (op->state == TUS_WAITING)
			++*n_waiting;
		else
			active = op;
	}
	return active;
}

void tus_op_start(struct tus_op *op)
{
	struct tus *tus = op->call->worker->tus;
	int n_waiting;
	struct tus_op *active = find_active(tus, op->id, &n_waiting);

	LIST_INSERT_HEAD(&tus->ops, op, link);
	if (!active)
		start(op);
	else if (n_waiting >= WAITING_MAX)
		tus_op_refuse(op, PROBLEM(423, "busy", "too many requests are about this upload; please ask for its offset again"));
	else if (active->state == TUS_RECEIVING && active->call->request)
		request_abort(active->call->request);
}

static void on_made_before(void *ctx, int rc, const struct spool_record *rec)
{
	struct tus_op *op = ctx;

	if (rc == -ENOENT) {
		tus_op_run(op, make_part, on_opened);
		return;
	}
	if (rc == 0)
		op->rec.cv = *rec;
	op->rc = rc == 0 ? -EEXIST : rc;
	op->opened(op);
}

void tus_op_start_new(struct tus_op *op)
{
	struct worker *w = op->call->worker;

	LIST_INSERT_HEAD(&op->call->worker->tus->ops, op, link);
	tus_op_set_state(op, TUS_OPENING); /* nobody knows the id yet; whoever repeats a creation meanwhile finds it locked */
	/* make_part sees what the spool has of an earlier creation, and only the vault knows a CV. */
	if (!w->vault || !*op->call->once || vault_read_record(w->vault, str_c(op->id), on_made_before, op) < 0)
		tus_op_run(op, make_part, on_opened);
}
