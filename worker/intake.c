/* See intake.h. Here: the body, its parts and fields, and back-pressure. */
#include "intake.h"

#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "filename.h"
#include "log.h"
#include "metrics.h"

#define UNSYNCED_MAX 8          /* files of one body on their way to the disk; the sender waits for more */
#define CONTENT_TYPE_MAX 256

void intake_set_state(struct intake *in, enum intake_state to)
{
	static const unsigned allowed[] = {
		[INTAKE_BODY] = 1 << INTAKE_SYNCING | 1 << INTAKE_OVER,
		[INTAKE_SYNCING] = 1 << INTAKE_PLACING,
		[INTAKE_PLACING] = 1 << INTAKE_OVER,
		[INTAKE_OVER] = 0,
	};

	if (!(allowed[in->state] & 1u << to))
		abort();
	in->state = to;
}

void intake_file_set_state(struct intake_file *file, enum intake_file_state to)
{
	static const unsigned allowed[] = {
		[FILE_RECEIVING] = 1 << FILE_SYNCED | 1 << FILE_REFUSED,
		[FILE_SYNCED] = 1 << FILE_PLACING,
		[FILE_PLACING] = 1 << FILE_ACCEPTED | 1 << FILE_REFUSED,
		[FILE_ACCEPTED] = 0,
		[FILE_REFUSED] = 0,
	};

	if (!(allowed[file->state] & 1u << to))
		abort();
	file->state = to;
}

struct intake_problem intake_problem_of(int rc)
{
	switch (rc) {
	case -ENOSPC:
	case -EDQUOT:
		return PROBLEM(507, "storage_full", "there is no space for more files; please try again later");
	case -ENOTCONN:
	case -EBUSY:
		return PROBLEM(503, "unavailable", "the queue cannot be reached now; please try again");
	default:
		return PROBLEM(500, "internal", "the file could not be stored; please try again");
	}
}

static void discard_files(struct intake *in)
{
	for (struct intake_file *file = in->files; file; file = file->next) {
		receive_free(file->receive);
		file->receive = NULL;
	}
	in->receiving = 0;
}

void intake_refuse(struct intake *in, struct intake_problem problem)
{
	if (in->state == INTAKE_OVER)
		return;
	intake_set_state(in, INTAKE_OVER);
	discard_files(in);
	call_problem(in->call, problem.status, problem.code, problem.sentence);
}

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
		request_pause(in->call->request);
	else
		request_resume(in->call->request);
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

void intake_file_refuse(struct intake_file *file, struct intake_problem problem)
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
		intake_file_commit_failed(file, rc);
	else
		intake_file_refuse(file, intake_problem_of(rc));
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

/* One field of the form or of the query. 0, or -EINVAL after having refused. */
static int set_field(struct intake *in, const char *name, struct str value)
{
	uint64_t number;

	if (strcmp(name, "batch_id") == 0 && value.n) {
		if (!id_valid(value)) {
			intake_refuse(in, PROBLEM(400, "bad_id", "batch_id has 1 to 128 characters of A-Z a-z 0-9 . _ @ | + ~ = -"));
			return -EINVAL;
		}
		memcpy(in->batch, value.p, value.n);
		in->batch[value.n] = '\0';
	} else if (strcmp(name, "priority") == 0 && value.n) {
		if (str_to_u64(value, 0, QUEUE_PRIORITY_MAX, &number) < 0) {
			intake_refuse(in, PROBLEM(422, "bad_field", "priority is a number from 0 to 9"));
			return -EINVAL;
		}
		in->priority = (int)number;
	} else if (strcmp(name, "force") == 0) {
		in->force = str_eq(value, STR("1")) || str_eq(value, STR("true"));
	}
	return 0;
}

static int part_end(void *ctx)
{
	struct intake *in = ctx;
	struct intake_file *file = in->current;

	in->current = NULL;
	if (file && file->state == FILE_RECEIVING)
		receive_end(file->receive);
	return file ? 0 : set_field(in, in->field_name, str_of(in->field, in->field_n));
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
		intake_refuse(in, intake_problem_of(rc));
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
	discard_files(in);
}

static void on_free(struct call *call)
{
	struct intake *in = call->state;

	for (struct intake_file *file = in->files, *next; file; file = next) {
		next = file->next;
		receive_free(file->receive);
		buf_free(&file->summary);
		free(file);
	}
	free(in);
}

/* What can be said before the first byte. 0, or -1 after having answered. */
static int check_head(struct call *call)
{
	struct worker *w = call->worker;
	struct spool_space space;
	int64_t length = call->request->content_length;

	if (length > w->cfg->worker_max_upload_bytes)
		call_problem(call, 413, "too_large", "the upload is larger than this server takes; please send fewer files at once");
	else if (!redis_is_connected(w->redis))
		call_failed(call, -ENOTCONN);
	else if (spool_space(w->spool, &space) == 0 && space.free_bytes - length < w->cfg->worker_min_free_bytes)
		call_failed(call, -ENOSPC);
	else
		return 0;
	return -1;
}

static int take_query(struct intake *in)
{
	static const char *const names[] = { "batch_id", "priority", "force" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char value[ID_MAX + 2];
		int n = query_get(in->call->request->query, names[i], value, sizeof(value));

		if (n == -EINVAL) {
			intake_refuse(in, PROBLEM(400, "bad_request", "the query cannot be read"));
			return -EINVAL;
		}
		if (n >= 0 && set_field(in, names[i], str_of(value, (size_t)n)) < 0)
			return -EINVAL;
	}
	return 0;
}

static int intake_new(struct call *call, struct str content_type)
{
	static const struct multipart_events events = { part_begin, part_data, part_end };
	struct intake *in = calloc(1, sizeof(*in));
	int rc;

	if (!in)
		return -ENOMEM;
	in->call = call;
	in->next_file = &in->files;
	in->priority = QUEUE_PRIORITY_DEFAULT;
	rc = multipart_init(&in->parser, content_type, &events, in);
	if (rc < 0) {
		free(in);
		return rc;
	}
	call->state = in;
	call->on_free = on_free;
	return 0;
}

void intake_handle(struct call *call)
{
	char type[CONTENT_TYPE_MAX];
	int rc, n = request_header(call->request, "content-type", type, sizeof(type));

	if (check_head(call) < 0)
		return;
	rc = n < 0 ? -EMEDIUMTYPE : intake_new(call, str_of(type, (size_t)n));
	if (rc == -EMEDIUMTYPE) {
		call_problem(call, 415, "unsupported_media_type", "send the files as multipart/form-data");
	} else if (rc == -EINVAL) {
		call_problem(call, 400, "malformed_body", "the Content-Type has no usable boundary");
	} else if (rc < 0) {
		call_failed(call, rc);
	} else if (call->request->content_length < 0) {
		intake_refuse(call->state, PROBLEM(422, "missing_field", "the form field \"file\" is missing"));
	} else if (take_query(call->state) == 0) {
		call->on_body = on_body;
		call->on_body_end = on_body_end;
		call->on_gone = on_gone;
	}
}
