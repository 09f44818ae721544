/* See intake.h. Here: the body as it comes, its parts, and back-pressure: the sender waits for the disk. */
#include "intake.h"

#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "filename.h"
#include "log.h"
#include "metrics.h"

#define UNSYNCED_MAX 8          /* files of one body on their way to the disk; the sender waits for more */

static bool too_busy(const struct intake *in)
{
	return in->receiving > UNSYNCED_MAX ||
	       (in->current && in->current->receive && receive_waiting_bytes(in->current->receive) >= RECEIVE_HIGH_BYTES);
}

/* Pauses or wakes the sender. */
static void press(struct intake *in)
{
	bool busy = in->state == INTAKE_BODY && too_busy(in);

	if (busy == in->paused || !in->call->request)
		return;
	in->paused = busy;
	if (busy)
		call_pause(in->call);
	else
		call_resume(in->call);
}

/* A file is no longer on its way to the disk. */
static void received(struct intake *in)
{
	in->receiving--;
	if (in->state == INTAKE_SYNCING && in->receiving == 0)
		intake_place(in);
	else
		press(in);
}

void intake_file_refuse(struct intake_file *file, struct problem problem)
{
	enum intake_file_state before = file->state;

	metrics_add(METRIC_uploads_refused, 1);
	file->problem = problem;
	intake_file_set_state(file, FILE_REFUSED);
	receive_free(file->receive);
	file->receive = NULL;
	if (before == FILE_RECEIVING)
		received(file->intake);
}

static void on_written(void *ctx)
{
	struct intake_file *file = ctx;

	press(file->intake);
}

static void on_synced(void *ctx, int64_t bytes, const char *sha256)
{
	struct intake_file *file = ctx;

	file->record.bytes = bytes;
	memcpy(file->record.sha256, sha256, SHA256_HEX_SIZE);
	intake_file_set_state(file, FILE_SYNCED);
	received(file->intake);
}

static void on_failed(void *ctx, int rc)
{
	struct intake_file *file = ctx;

	LOG(ERROR, "upload_not_stored", LOG_TEXT("cv", file->record.cv), LOG_ERRNO(rc));
	if (file->state == FILE_PLACING)
		placement_committed(file->placement, rc);
	else
		intake_file_refuse(file, problem_of(rc));
}

static const struct receive_callbacks receive_callbacks = { on_written, on_synced, intake_file_committed, on_failed };

static int file_begin(struct intake *in, struct str filename)
{
	struct intake_file *file;

	if (in->n_files == in->call->worker->cfg->worker_max_files_per_upload)
		return -EMFILE;
	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	file->intake = in;
	id_new('c', file->record.cv);
	filename_clean(filename, file->record.filename);
	file->receive = receive_new(in->call->worker->loop, in->call->worker->spool, str_c(file->record.cv), &receive_callbacks, file);
	if (!file->receive) {
		free(file);
		return -ENOMEM;
	}
	*in->next_file = file;
	in->next_file = &file->next;
	in->current = file;
	in->n_files++;
	in->receiving++;
	return 0;
}

static int part_begin(void *ctx, const struct multipart_part *part)
{
	struct intake *in = ctx;
	bool nothing_chosen = part->filename.p && part->filename.n == 0;

	in->current = NULL;
	in->field_n = 0;
	in->field_name[0] = '\0';
	if (str_eq(part->name, STR("file")))
		return nothing_chosen ? 0 : file_begin(in, part->filename);
	if (part->name.n < sizeof(in->field_name)) {
		memcpy(in->field_name, part->name.p, part->name.n);
		in->field_name[part->name.n] = '\0';
	}
	return 0;
}

static int file_data(struct intake_file *file, struct str data)
{
	if (file->state != FILE_RECEIVING)
		return 0;
	file->record.bytes += (int64_t)data.n;
	if (file->record.bytes > file->intake->call->worker->cfg->worker_max_file_bytes)
		intake_file_refuse(file, PROBLEM(413, "too_large", "the file is larger than this server takes"));
	else
		receive_write(file->receive, data);
	return 0;
}

static int part_data(void *ctx, struct str data)
{
	struct intake *in = ctx;
	size_t room = sizeof(in->field) - 1 - in->field_n;

	if (in->current)
		return file_data(in->current, data);
	if (data.n > room)
		data.n = room; /* too long for any field: the value is refused at its end */
	memcpy(in->field + in->field_n, data.p, data.n);
	in->field_n += data.n;
	return 0;
}

static int part_end(void *ctx)
{
	struct intake *in = ctx;
	struct intake_file *file = in->current;

	in->current = NULL;
	if (file && file->state == FILE_RECEIVING)
		receive_end(file->receive);
	return file ? 0 : intake_set_field(in, in->field_name, str_of(in->field, in->field_n));
}

static void refuse_body(struct intake *in, int rc)
{
	if (rc == -EMFILE)
		intake_refuse(in, PROBLEM(413, "too_many_files", "there are too many files in one upload"));
	else if (rc == -E2BIG)
		intake_refuse(in, PROBLEM(400, "malformed_body", "the headers of a part are too long"));
	else if (rc == -EBADMSG)
		intake_refuse(in, PROBLEM(400, "malformed_body", "the body is no well-formed multipart/form-data"));
	else
		intake_refuse(in, problem_of(rc));
}

/* A batch that a file is on its way to is not idle. */
static void keep_batch_open(struct intake *in, int64_t now_ms)
{
	struct call *call = in->call;

	if (!*in->batch || now_ms - in->batch_told_ms < QUEUE_UPLOAD_MS / 2)
		return;
	in->batch_told_ms = now_ms;
	queue_batch_upload(call->worker->queue, str_c(call->who.user), str_c(in->batch), now_ms);
}

static void on_body(struct call *call, struct str chunk)
{
	struct intake *in = call->state;
	int rc;

	if (in->state != INTAKE_BODY)
		return;
	keep_batch_open(in, clock_wall_ms());
	rc = multipart_feed(&in->parser, chunk);
	if (rc < 0)
		refuse_body(in, rc);
	else
		press(in);
}

static void on_body_end(struct call *call)
{
	struct intake *in = call->state;

	if (in->state != INTAKE_BODY)
		return;
	if (multipart_finish(&in->parser) < 0) {
		refuse_body(in, -EBADMSG);
	} else if (in->n_files == 0) {
		intake_refuse(in, PROBLEM(422, "missing_field", "the form field \"file\" is missing"));
	} else {
		call_hold(call); /* until the answer: from here on it goes to its end, with or without the client */
		intake_set_state(in, INTAKE_SYNCING);
		if (in->receiving == 0)
			intake_place(in);
	}
}

static void on_gone(struct call *call)
{
	struct intake *in = call->state;

	if (in->state != INTAKE_BODY)
		return;
	intake_set_state(in, INTAKE_OVER);
	intake_discard_files(in);
}

const struct multipart_events intake_events = { part_begin, part_data, part_end };

void intake_take_body(struct call *call)
{
	call->on_body = on_body;
	call->on_body_end = on_body_end;
	call->on_gone = on_gone;
}
