/* See tus.h. Here: OPTIONS, HEAD, PATCH and DELETE, and what all answers have. */
#include "tus_op.h"

#include <errno.h>
#include <stdlib.h>

#include "calls.h"
#include "clock.h"

#define TYPE_MAX 128

void tus_options(struct call *call)
{
	call_header(call, "Tus-Version", STR(TUS_VERSION));
	call_header(call, "Tus-Extension", STR("creation,creation-with-upload,termination,checksum,expiration"));
	call_header(call, "Tus-Checksum-Algorithm", STR(TUS_ALGORITHMS));
	call_headerf(call, "Tus-Max-Size", "%lld", (long long)call->worker->cfg->worker_max_file_bytes);
	call_empty(call, 204);
}

bool tus_check_version(struct call *call)
{
	if (str_eq(request_field(call->request, "tus-resumable"), STR(TUS_VERSION)))
		return true;
	call_header(call, "Tus-Version", STR(TUS_VERSION));
	call_problem(call, 412, "tus_version", "this server speaks tus 1.0.0: send Tus-Resumable: 1.0.0");
	return false;
}

static bool is_offset_stream(struct str type)
{
	return str_eq_nocase(str_trim(str_cut(&type, ';')), STR("application/offset+octet-stream"));
}

int tus_check_body(struct call *call, struct tus_checksum *checksum)
{
	struct str header = request_field(call->request, "upload-checksum");
	int rc = header.p ? tus_checksum_parse(header, checksum) : 0;

	if (!is_offset_stream(request_field(call->request, "content-type")))
		call_problem(call, 415, "unsupported_media_type", "the bytes of an upload come as application/offset+octet-stream");
	else if (rc == -ENOTSUP)
		call_problem(call, 400, "bad_checksum", "Upload-Checksum knows sha1 and sha256");
	else if (rc < 0)
		call_problem(call, 400, "bad_checksum", "Upload-Checksum is an algorithm, a space, and the digest in base64");
	else
		return 0;
	return -1;
}

/* RFC 9110, 5.6.7; not by strftime, whose names are the locale's. */
static void add_expiry(struct call *call, int64_t at_ms)
{
	static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t at_s = (time_t)(at_ms / 1000);
	struct tm t;

	if (gmtime_r(&at_s, &t))
		call_headerf(call, "Upload-Expires", "%.3s, %02d %.3s %d %02d:%02d:%02d GMT", days + 3 * t.tm_wday, t.tm_mday,
			     months + 3 * t.tm_mon, t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

void tus_op_answer(struct tus_op *op)
{
	struct call *call = op->call;

	if (!call->request && op->offset < op->rec.length && tus_op_is_orphan(op)) {
		tus_op_refuse(op, problem_of(-ENOTCONN));
		return;
	}
	call_headerf(call, "Upload-Offset", "%lld", (long long)op->offset);
	call_header(call, "X-Batch-Id", str_c(op->rec.cv.batch));
	if (op->offset < op->rec.length)
		add_expiry(call, clock_wall_ms() + call->worker->cfg->worker_upload_expire_ms);
	if (op->status == 200) {
		call_headerf(call, "Upload-Length", "%lld", (long long)op->rec.length);
		if (*op->rec.metadata)
			call_header(call, "Upload-Metadata", str_c(op->rec.metadata));
	} else if (op->status == 201) {
		call_headerf(call, "Location", TUS_BASE "/%s", op->id);
	}
	call_empty(call, op->status);
	tus_op_over(op);
}

/* Whether the one who asks may; an upload belongs to whoever created it, and without tokens its id is enough. */
static bool take_owner(struct call *call, const char *owner)
{
	if (!call->who.any_user && strcmp(owner, call->who.user) != 0)
		return false;
	memcpy(call->who.user, owner, sizeof(call->who.user));
	return true;
}

struct problem tus_open_problem(int rc)
{
	if (rc == -EAGAIN)
		return PROBLEM(423, "busy", "another request is about this upload; please ask for its offset again");
	return problem_of(rc);
}

/* What is wrong with it, whatever is to be done with it. The other answers of part_open are for whoever asked. */
static bool is_usable(struct tus_op *op)
{
	struct call *call = op->call;

	if (op->rc < 0)
		tus_op_refuse(op, tus_open_problem(op->rc));
	else if (!take_owner(call, op->rec.cv.user))
		tus_op_refuse(op, problem_of(-ENOENT));
	else if (call->route->handle != tus_terminate && clock_wall_ms() - op->changed_ms > call->worker->cfg->worker_upload_expire_ms)
		tus_op_refuse(op, PROBLEM(410, "expired", "this upload was not finished in time; please begin again"));
	else
		return true;
	return false;
}

/* An upload that has become a CV, if it has: all of its bytes are here. */
static bool find_finished(struct tus_op *op)
{
	if (!op->finished || !take_owner(op->call, op->rec.cv.user))
		return false;
	op->offset = op->rec.length = op->rec.cv.bytes;
	return true;
}

static void begin(struct call *call, struct tus_op *op)
{
	if (op)
		tus_op_start(op);
	else
		call_failed(call, -ENOMEM);
}

static void look(struct tus_op *op)
{
	op->status = 200;
	if (find_finished(op)) {
		tus_op_set_state(op, TUS_SETTLING);
		tus_op_answer(op);
	} else if (!is_usable(op)) {
		return;
	} else if (op->offset == op->rec.length) {
		tus_place(op); /* it was not accepted yet */
	} else {
		tus_op_answer(op);
	}
}

void tus_look(struct call *call)
{
	if (tus_check_version(call))
		begin(call, tus_op_new(call, str_c(call->id), look));
}

static void on_removed(struct tus_op *op)
{
	if (op->rc < 0)
		call_failed(op->call, op->rc);
	else
		call_empty(op->call, 204);
	tus_op_not_open(op);
	tus_op_over(op);
}

static void terminate(struct tus_op *op)
{
	struct call *call = op->call;

	if (find_finished(op)) {
		call_hold(call);
		tus_op_over(op);
		cvs_delete(call);
		call_release(call);
	} else if (is_usable(op)) {
		tus_op_run(op, tus_op_remove_part, on_removed);
	}
}

void tus_terminate(struct call *call)
{
	if (tus_check_version(call))
		begin(call, tus_op_new(call, str_c(call->id), terminate));
}

/* The request's offset; -1: there is none that can be read. */
static int64_t asked_offset(struct call *call)
{
	uint64_t offset;

	return str_to_u64(request_field(call->request, "upload-offset"), 0, INT64_MAX, &offset) == 0 ? (int64_t)offset : -1;
}

static void patch(struct tus_op *op)
{
	struct call *call = op->call;
	bool finished = find_finished(op);
	int64_t n;

	if (!call->request) {
		tus_op_over(op);
		return;
	}
	if (!finished && !is_usable(op))
		return;
	n = call->request->content_length > 0 ? call->request->content_length : 0;
	if (asked_offset(call) != op->offset)
		tus_op_refuse(op, PROBLEM(409, "wrong_offset", "the upload is at another offset; please ask for it"));
	else if (n > op->rec.length - op->offset)
		tus_op_refuse(op, PROBLEM(413, "too_large", "there are more bytes than the upload was said to have"));
	else if (finished)
		tus_op_answer(op);
	else if (spool_room(call->worker->spool, n, call->worker->cfg->worker_min_free_bytes) < 0)
		tus_op_refuse(op, problem_of(-ENOSPC));
	else
		tus_receive(op);
}

void tus_patch(struct call *call)
{
	struct tus_checksum checksum = { .algorithm = TUS_NO_CHECKSUM };
	struct tus_op *op;

	if (!tus_check_version(call) || tus_check_body(call, &checksum) < 0)
		return;
	if (asked_offset(call) < 0) {
		call_problem(call, 400, "bad_offset", "Upload-Offset is the number of bytes that the server has");
		return;
	}
	call_pause(call);
	op = tus_op_new(call, str_c(call->id), patch);
	if (op)
		op->checksum = checksum;
	begin(call, op);
}
