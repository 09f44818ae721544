/* See receive.h. */
#include "receive.h"

#include <errno.h>
#include <stdlib.h>

#define WAITING_MAX_BYTES (64 * 1024 * 1024)    /* far more than a paused sender can have on its way */

/* What has been asked for; the job that is under way may lag behind. */
enum receive_state {
	RECEIVE_OPEN,           /* bytes come */
	RECEIVE_ENDING,         /* all bytes are here; they are to be written and synced */
	RECEIVE_SYNCED,         /* commit or free */
	RECEIVE_COMMITTING,
	RECEIVE_OVER,           /* committed or failed: free */
	RECEIVE_FREED,          /* the job under way is the last but the clean-up */
};

struct receive {
	uv_work_t job;
	bool hidden;                    /* the file has no name */
	bool busy;                      /* a job is under way: it alone touches what follows until `waiting` */
	struct spool *spool;
	struct spool_upload *upload;
	struct buf writing;
	struct spool_record *record;
	int64_t bytes;
	char sha256[SHA256_HEX_SIZE], cv[ID_MAX + 1];
	bool last;                      /* of the job: sync after writing */
	int rc;

	struct buf waiting;
	enum receive_state state;
	uv_loop_t *loop;
	const struct receive_callbacks *callbacks;
	void *ctx;
};

static void set_state(struct receive *r, enum receive_state to)
{
	static const unsigned allowed[] = {
		[RECEIVE_OPEN] = 1 << RECEIVE_ENDING | 1 << RECEIVE_OVER | 1 << RECEIVE_FREED,
		[RECEIVE_ENDING] = 1 << RECEIVE_SYNCED | 1 << RECEIVE_OVER | 1 << RECEIVE_FREED,
		[RECEIVE_SYNCED] = 1 << RECEIVE_COMMITTING | 1 << RECEIVE_FREED,
		[RECEIVE_COMMITTING] = 1 << RECEIVE_OVER | 1 << RECEIVE_FREED,
		[RECEIVE_OVER] = 1 << RECEIVE_FREED,
		[RECEIVE_FREED] = 0,
	};

	if (!(allowed[r->state] & 1u << to))
		abort();
	r->state = to;
}

struct receive *receive_new(uv_loop_t *loop, struct spool *spool, struct str cv, const struct receive_callbacks *callbacks, void *ctx)
{
	struct receive *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->loop = loop;
	r->spool = spool;
	r->callbacks = callbacks;
	r->ctx = ctx;
	r->job.data = r;
	if (cv.n <= ID_MAX)
		memcpy(r->cv, cv.p, cv.n);
	buf_init(&r->waiting, WAITING_MAX_BYTES);
	buf_init(&r->writing, WAITING_MAX_BYTES);
	return r;
}

static int begin_in_pool(struct receive *r)
{
	int rc = spool_upload_begin(r->spool, str_c(r->cv), &r->upload);

	return rc == 0 && r->hidden ? spool_upload_hide(r->upload) : rc;
}

static void write_in_pool(uv_work_t *job)
{
	struct receive *r = job->data;

	if (!r->upload)
		r->rc = begin_in_pool(r);
	if (r->rc == 0 && r->writing.n)
		r->rc = spool_upload_write(r->upload, buf_str(&r->writing));
	if (r->rc == 0 && r->last)
		r->rc = spool_upload_sync(r->upload, &r->bytes, r->sha256);
}

static void commit_in_pool(uv_work_t *job)
{
	struct receive *r = job->data;
	struct spool_record *rec = r->record;

	if (*rec->duplicate_of && spool_result_link(r->spool, str_c(rec->duplicate_of), str_c(rec->cv)) < 0)
		rec->duplicate_of[0] = '\0';
	r->rc = spool_upload_commit(r->upload, rec);
}

static void discard_in_pool(uv_work_t *job)
{
	struct receive *r = job->data;

	spool_upload_free(r->upload);
}

static void release(struct receive *r)
{
	buf_free(&r->waiting);
	buf_free(&r->writing);
	free(r);
}

static void on_discarded(uv_work_t *job, int status)
{
	release(job->data);
}

static void discard(struct receive *r)
{
	if (!r->upload || uv_queue_work(r->loop, &r->job, discard_in_pool, on_discarded) < 0)
		release(r);
}

static void fail(struct receive *r, int rc)
{
	set_state(r, RECEIVE_OVER);
	r->callbacks->failed(r->ctx, rc);
}

static void start_writing(struct receive *r);

static void on_written(uv_work_t *job, int status)
{
	struct receive *r = job->data;

	r->busy = false;
	buf_clear(&r->writing);
	if (r->state == RECEIVE_FREED) {
		discard(r);
	} else if (r->rc < 0 || r->waiting.failed) {
		fail(r, r->rc < 0 ? r->rc : -ENOMEM);
	} else if (r->last) {
		set_state(r, RECEIVE_SYNCED);
		r->callbacks->synced(r->ctx, r->bytes, r->sha256);
	} else {
		if (r->waiting.n || r->state == RECEIVE_ENDING)
			start_writing(r);
		r->callbacks->written(r->ctx);
	}
}

static void on_committed(uv_work_t *job, int status)
{
	struct receive *r = job->data;

	r->busy = false;
	if (r->state == RECEIVE_FREED) {
		discard(r);
	} else if (r->rc < 0) {
		fail(r, r->rc);
	} else {
		set_state(r, RECEIVE_OVER);
		r->callbacks->committed(r->ctx);
	}
}

/* uv_queue_work fails only for a missing function (libuv's documentation). */
static void start_writing(struct receive *r)
{
	struct buf full = r->waiting;

	r->waiting = r->writing;
	r->writing = full;
	r->last = r->state == RECEIVE_ENDING;
	r->busy = true;
	uv_queue_work(r->loop, &r->job, write_in_pool, on_written);
}

void receive_hide(struct receive *r)
{
	r->hidden = true;
}

int receive_open(struct receive *r)
{
	return spool_upload_open(r->upload);
}

void receive_write(struct receive *r, struct str bytes)
{
	if (r->state != RECEIVE_OPEN)
		return;
	buf_adds(&r->waiting, bytes);
	if (!r->busy)
		start_writing(r);
}

size_t receive_waiting_bytes(const struct receive *r)
{
	return r->waiting.n;
}

void receive_end(struct receive *r)
{
	if (r->state != RECEIVE_OPEN)
		return;
	set_state(r, RECEIVE_ENDING);
	if (!r->busy)
		start_writing(r);
}

void receive_commit(struct receive *r, struct spool_record *rec)
{
	set_state(r, RECEIVE_COMMITTING);
	r->record = rec;
	r->busy = true;
	uv_queue_work(r->loop, &r->job, commit_in_pool, on_committed);
}

void receive_free(struct receive *r)
{
	if (!r)
		return;
	set_state(r, RECEIVE_FREED);
	if (!r->busy)
		discard(r);
}
