/* See intake.h. Here: the head of the request, the fields, states and refusals. */
#include "intake.h"

#include <errno.h>
#include <stdlib.h>

#include "admit.h"
#include "once.h"

#define CONTENT_TYPE_MAX 256

void intake_set_state(struct intake *in, enum intake_state to)
{
	static const unsigned allowed[] = {
		[INTAKE_BODY] = 1 << INTAKE_SYNCING | 1 << INTAKE_OVER,
		[INTAKE_SYNCING] = 1 << INTAKE_PLACING | 1 << INTAKE_OVER,
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

void intake_discard_files(struct intake *in)
{
	for (struct intake_file *file = in->files; file; file = file->next) {
		receive_free(file->receive);
		file->receive = NULL;
	}
	in->receiving = 0;
}

void intake_refuse(struct intake *in, struct problem problem)
{
	if (in->state == INTAKE_OVER)
		return;
	intake_set_state(in, INTAKE_OVER);
	intake_discard_files(in);
	call_refuse(in->call, &problem);
}

void intake_answer_again(struct intake *in, struct str answer)
{
	struct buf body;

	intake_set_state(in, INTAKE_OVER);
	intake_discard_files(in);
	buf_init(&body, answer.n + 1);
	buf_adds(&body, answer);
	call_json(in->call, 202, &body);
	buf_free(&body);
}

int intake_set_field(struct intake *in, const char *name, struct str value)
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

static void on_free(struct call *call)
{
	struct intake *in = call->state;

	for (struct intake_file *file = in->files, *next; file; file = next) {
		next = file->next;
		receive_free(file->receive);
		free(file);
	}
	free(in);
}

/* What can be said before the first byte. 0, or -1 after having answered. */
static int check_head(struct call *call)
{
	struct worker *w = call->worker;
	int64_t length = call->request->content_length;

	if (length > w->cfg->worker_max_upload_bytes)
		call_problem(call, 413, "too_large", "the upload is larger than this server takes; please send fewer files at once");
	else if (!redis_is_connected(w->redis))
		call_failed(call, -ENOTCONN);
	else if (spool_room(w->spool, length, w->cfg->worker_min_free_bytes) < 0)
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
		if (n >= 0 && intake_set_field(in, names[i], str_of(value, (size_t)n)) < 0)
			return -EINVAL;
	}
	return 0;
}

static int intake_new(struct call *call, struct str content_type)
{
	struct intake *in = calloc(1, sizeof(*in));
	int rc;

	if (!in)
		return -ENOMEM;
	in->call = call;
	in->next_file = &in->files;
	in->priority = QUEUE_PRIORITY_DEFAULT;
	rc = multipart_init(&in->parser, content_type, &intake_events, in);
	if (rc < 0) {
		free(in);
		return rc;
	}
	call->state = in;
	call->on_free = on_free;
	return 0;
}

static void on_admitted(struct call *call)
{
	if (call->request)
		intake_take_body(call);
}

static void ask(struct intake *in)
{
	const struct upload_offer offer = { .batch = in->batch, .bytes = in->call->request->content_length };

	admit(in->call, &offer, on_admitted);
}

/* A key of which only the claim is known may be free again once this body is here: that is asked then. */
static void on_once(void *ctx, const struct redisReply *reply)
{
	struct call *call = ctx;
	struct str before = reply_str(reply);

	if (reply_failed(reply))
		intake_refuse(call->state, problem_of(-ENOTCONN));
	else if (before.n && !str_eq(before, STR(INTAKE_ONCE_PENDING)))
		intake_answer_again(call->state, before);
	else if (call->request)
		ask(call->state);
	call_resume(call);
	call_release(call);
}

static void begin(struct call *call)
{
	int rc;

	if (!*call->once) {
		ask(call->state);
		return;
	}
	call_hold(call);
	call_pause(call);
	rc = once_find(call, INTAKE_ONCE, on_once, call);
	if (rc < 0)
		on_once(call, NULL);
}

void intake_handle(struct call *call)
{
	char type[CONTENT_TYPE_MAX];
	int rc, n = request_header(call->request, "content-type", type, sizeof(type));

	if (check_head(call) < 0 || once_read(call) < 0)
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
		begin(call);
	}
}
