/* See tus_op.h. Here: POST, the creation of an upload, with its first bytes if they come along. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "admit.h"
#include "clock.h"
#include "filename.h"
#include "once.h"
#include "open_uploads.h"
#include "tus_op.h"

#define FILENAME_RAW_MAX 2048
#define FILETYPE_MAX 256
#define ONCE_KIND "file"

/* What the headers said, until the upload is made. */
struct creation {
	struct part_record rec;
	struct tus_checksum checksum;
	char filetype[FILETYPE_MAX];
};

static void creation_free(struct call *call)
{
	free(call->state);
}

static int refuse(struct call *call, int status, const char *code, const char *sentence)
{
	call_problem(call, status, code, sentence);
	return -1;
}

static int take_length(struct call *call, struct part_record *rec)
{
	struct worker *w = call->worker;
	uint64_t length;

	if (request_field(call->request, "upload-concat").p || request_field(call->request, "upload-defer-length").p)
		return refuse(call, 400, "not_supported", "uploads in parts or without a length are not supported");
	if (str_to_u64(request_field(call->request, "upload-length"), 0, INT64_MAX, &length) < 0)
		return refuse(call, 400, "bad_length", "Upload-Length is the number of bytes of the file");
	rec->length = (int64_t)length;
	if (rec->length > w->cfg->worker_max_file_bytes)
		return refuse(call, 413, "too_large", "the file is larger than this server takes");
	if (call->request->content_length > rec->length)
		return refuse(call, 413, "too_large", "there are more bytes than the upload was said to have");
	if (spool_room(w->spool, rec->length, w->cfg->worker_min_free_bytes) < 0) {
		call_failed(call, -ENOSPC);
		return -1;
	}
	return 0;
}

static int take_batch(struct call *call, struct str metadata, struct part_record *rec)
{
	int n = tus_metadata_get(metadata, "batch_id", rec->cv.batch, sizeof(rec->cv.batch));
	char id[ID_NEW_SIZE];

	rec->own_batch = n == -ENOENT || n == 0;
	if (rec->own_batch) {
		id_new('b', id);
		memcpy(rec->cv.batch, id, sizeof(id));
	} else if (n < 0 || !id_valid(str_of(rec->cv.batch, (size_t)n))) {
		return refuse(call, 400, "bad_id", "batch_id has 1 to 128 characters of A-Z a-z 0-9 . _ @ | + ~ = -");
	}
	return 0;
}

static int take_priority(struct call *call, struct str metadata, struct part_record *rec)
{
	char text[8];
	uint64_t priority = QUEUE_PRIORITY_DEFAULT;
	int n = tus_metadata_get(metadata, "priority", text, sizeof(text));

	if (n != -ENOENT && n != 0 && (n < 0 || str_to_u64(str_of(text, (size_t)n), 0, QUEUE_PRIORITY_MAX, &priority) < 0))
		return refuse(call, 422, "bad_field", "priority is a number from 0 to 9");
	rec->cv.priority = (int)priority;
	return 0;
}

static int take_metadata(struct call *call, struct creation *c)
{
	struct str metadata = request_field(call->request, "upload-metadata");
	char raw[FILENAME_RAW_MAX], force[8] = "";
	int n;

	if (!tus_metadata_valid(metadata))
		return refuse(call, 400, "bad_metadata", "Upload-Metadata is a list of keys, each with a value in base64, of 4096 bytes in all");
	if (metadata.n)
		memcpy(c->rec.metadata, metadata.p, metadata.n);
	n = tus_metadata_get(metadata, "filename", raw, sizeof(raw));
	if (n == -ENOENT)
		n = tus_metadata_get(metadata, "name", raw, sizeof(raw));
	filename_clean(str_of(raw, n > 0 ? (size_t)n : 0), c->rec.cv.filename);
	if (tus_metadata_get(metadata, "filetype", c->filetype, sizeof(c->filetype)) < 0)
		c->filetype[0] = '\0';
	tus_metadata_get(metadata, "force", force, sizeof(force));
	c->rec.force = strcmp(force, "1") == 0 || strcmp(force, "true") == 0;
	return take_batch(call, metadata, &c->rec) < 0 ? -1 : take_priority(call, metadata, &c->rec);
}

/* It exists: made now, or before under the same idempotency key. */
static void on_made(struct tus_op *op)
{
	struct call *call = op->call;
	bool first = op->offset == 0;

	op->status = 201;
	if (op->rc == -EEXIST) {
		tus_op_not_open(op);
		op->offset = op->rec.length = op->rec.cv.bytes;
		tus_op_set_state(op, TUS_SETTLING);
		tus_op_answer(op);
	} else if (op->rc < 0) {
		tus_op_refuse(op, tus_open_problem(op->rc));
	} else if (call->request && ((first && call->request->content_length > 0) || op->rec.length == 0)) {
		tus_receive(op);
	} else {
		tus_op_answer(op);
	}
}

static void make(struct call *call)
{
	struct creation *c = call->state;
	struct tus_op *op = tus_op_new(call, str_c(c->rec.cv.cv), on_made);

	if (!op) {
		call_failed(call, -ENOMEM);
		return;
	}
	op->rec = c->rec;
	op->checksum = c->checksum;
	call->state = NULL;
	call->on_free = NULL;
	free(c);
	if (!op->rec.own_batch)
		queue_batch_upload(call->worker->queue, str_c(op->rec.cv.user), str_c(op->rec.cv.batch), clock_wall_ms());
	tus_op_start_new(op);
}

static void on_counted(void *ctx, const struct redisReply *reply)
{
	struct call *call = ctx;
	const struct creation *c = call->state;
	struct worker *w = call->worker;
	bool over = reply_int(reply, 0) > w->cfg->worker_max_uploads_per_user;

	if (over || !call->request)
		open_uploads_remove(w->redis, w->cfg, str_c(c->rec.cv.user), str_c(c->rec.cv.cv));
	if (reply_failed(reply))
		call_failed(call, -ENOTCONN);
	else if (over)
		call_problem(call, 429, "too_many_uploads", "too many of your uploads are unfinished; please finish or end some of them");
	else if (call->request)
		make(call);
	call_release(call);
}

static void count(struct call *call)
{
	const struct creation *c = call->state;
	struct worker *w = call->worker;
	int rc;

	call_hold(call);
	rc = open_uploads_add(w->redis, w->cfg, str_c(c->rec.cv.user), str_c(c->rec.cv.cv), clock_wall_ms(), on_counted, call);
	if (rc < 0) {
		call_failed(call, rc);
		call_release(call);
	}
}

/* The key's upload is the one that it was first sent for. */
static void on_claimed(void *ctx, const struct redisReply *reply)
{
	struct call *call = ctx;
	struct creation *c = call->state;
	struct str before = reply_str(reply);

	if (reply_failed(reply)) {
		call_failed(call, -ENOTCONN);
	} else if (call->request) {
		if (id_valid(before))
			snprintf(c->rec.cv.cv, sizeof(c->rec.cv.cv), STR_FMT, STR_ARG(before));
		count(call);
	}
	call_release(call);
}

static void on_admitted(struct call *call)
{
	struct creation *c = call->state;
	char id[ID_NEW_SIZE];
	int rc;

	if (!call->request)
		return;
	call_pause(call); /* until tus_receive */
	id_new('c', id);
	memcpy(c->rec.cv.cv, id, sizeof(id));
	if (!*call->once) {
		count(call);
		return;
	}
	call_hold(call);
	rc = once_claim(call, ONCE_KIND, str_c(id), 0, on_claimed, call);
	if (rc < 0) {
		call_failed(call, rc);
		call_release(call);
	}
}

void tus_create(struct call *call)
{
	struct creation *c;
	struct upload_offer offer;

	if (!tus_check_version(call) || once_read(call) < 0)
		return;
	if (!redis_is_connected(call->worker->redis)) {
		call_failed(call, -ENOTCONN);
		return;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		call_failed(call, -ENOMEM);
		return;
	}
	call->state = c;
	call->on_free = creation_free;
	c->rec.held = -1;
	c->rec.cv.created_ms = clock_wall_ms();
	c->rec.cv.attempt = 1;
	memcpy(c->rec.cv.user, call->who.user, sizeof(c->rec.cv.user));
	if (take_length(call, &c->rec) < 0 || take_metadata(call, c) < 0)
		return;
	if (call->request->content_length > 0 && tus_check_body(call, &c->checksum) < 0)
		return;
	offer = (struct upload_offer){ c->rec.own_batch ? NULL : c->rec.cv.batch, c->rec.cv.filename, c->filetype, c->rec.length };
	admit(call, &offer, on_admitted);
}
