/* Calls about one batch: open, look, close. A batch lives in Redis only; its newest frame is its state. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "calls.h"
#include "json_member.h"

#define TOTAL_MAX 1000000
#define ANSWER_MAX_BYTES (16 * 1024 * 1024)     /* what HSCAN may give over a page */

struct frame_answer {
	struct call *call;
	int status;
};

static void on_batch_frame(void *ctx, const struct redisReply *reply)
{
	struct frame_answer *wanted = ctx;
	struct call *call = wanted->call;
	struct str frame = reply_str(reply);
	struct buf body;

	buf_init(&body, FRAME_MAX_BYTES);
	buf_adds(&body, frame);
	if (reply_failed(reply))
		call_failed(call, -ENOTCONN);
	else if (!frame.n)
		call_failed(call, -ENOENT);
	else
		call_json(call, wanted->status, &body);
	buf_free(&body);
	free(wanted);
	call_release(call);
}

void batch_answer(struct call *call, int status, struct str batch)
{
	struct frame_answer *wanted = malloc(sizeof(*wanted));
	char key[KEY_SIZE];
	int rc = -ENOMEM;

	if (wanted) {
		*wanted = (struct frame_answer){ call, status };
		call_hold(call);
		rc = REDIS_COMMAND(call->worker->redis, on_batch_frame, wanted, STR("HGET"), call_batch_key(call, key, batch, ""), STR("frame"));
		if (rc == 0)
			return;
		free(wanted);
		call_failed(call, rc);
		call_release(call);
		return;
	}
	call_failed(call, rc);
}

static void on_opened(void *ctx, const struct publish_answer *answer)
{
	struct call *call = ctx;

	switch (answer->verdict) {
	case PUBLISH_ok:
		batch_answer(call, 201, str_c(call->id));
		break;
	case PUBLISH_duplicate:
		call_problem(call, 409, "conflict", "a batch of this name is closed already");
		break;
	default:
		call_failed(call, -ENOTCONN);
	}
	call_release(call);
}

/* {"total":12,"batch_id":"…"}, both optional; total may come by the query too. Answers when they are wrong. */
static bool read_opening(struct call *call, uint64_t *total)
{
	cJSON *json = cJSON_ParseWithLength(call->body.p, call->body.n);
	const cJSON *number = cJSON_GetObjectItemCaseSensitive(json, "total");
	const char *batch = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "batch_id"));
	bool good = !call->body.n || cJSON_IsObject(json);

	if (number && !(cJSON_IsNumber(number) && number->valuedouble >= 0 && number->valuedouble <= TOTAL_MAX))
		good = false;
	else if (number)
		*total = (uint64_t)number->valuedouble;
	if (!good)
		call_problem(call, 422, "bad_field", "the body is a JSON object; total is a number up to 1000000");
	else if (batch && !id_valid(str_c(batch)))
		call_problem(call, 400, "bad_id", "batch_id has 1 to 128 characters of A-Z a-z 0-9 . _ @ | + ~ = -");
	else if (batch)
		memcpy(call->id, batch, strlen(batch) + 1);
	good = good && (!batch || *call->id);
	cJSON_Delete(json);
	return good;
}

void batches_open(struct call *call)
{
	uint64_t total = 0;
	int rc;

	if (call_query_number(call, "total", 0, TOTAL_MAX, &total) == -EINVAL || !read_opening(call, &total))
		return;
	if (!*call->id)
		id_new('b', call->id);
	call_hold(call);
	rc = publish_batch(&call->worker->publisher, str_c(call->who.user), str_c(call->id), BATCH_OPEN, (int64_t)total, on_opened, call);
	if (rc < 0) {
		call_failed(call, rc);
		call_release(call);
	}
}

static void on_closed(void *ctx, const struct publish_answer *answer)
{
	struct call *call = ctx;

	switch (answer->verdict) {
	case PUBLISH_ok:
	case PUBLISH_duplicate:
		batch_answer(call, 200, str_c(call->id));
		break;
	case PUBLISH_unknown:
		call_failed(call, -ENOENT);
		break;
	default:
		call_failed(call, -ENOTCONN);
	}
	call_release(call);
}

void batches_close(struct call *call)
{
	int rc;

	call_hold(call);
	rc = publish_batch(&call->worker->publisher, str_c(call->who.user), str_c(call->id), BATCH_CLOSE, 0, on_closed, call);
	if (rc < 0) {
		call_failed(call, rc);
		call_release(call);
	}
}

/* GET /batches/{id}: its frame, and a page of its CVs. */
static void on_cvs(void *ctx, const struct redisReply *reply)
{
	static const char *const members[] = { "filename", "status", "stage", "progress", "attempt", "error" };
	struct call *call = ctx;
	const struct redisReply *page = reply_at(reply, 1);
	struct str cursor = reply_str(reply_at(reply, 0));
	struct buf *body = call->state;

	buf_addz(body, ",\"cvs\":[");
	for (size_t i = 0; i + 1 < reply_count(page); i += 2) {
		buf_addf(body, "%s{\"cv_id\":\"" STR_FMT "\"", i ? "," : "", STR_ARG(reply_str(reply_at(page, i))));
		for (size_t m = 0; m < sizeof(members) / sizeof(members[0]); m++)
			copy_member(body, reply_str(reply_at(page, i + 1)), members[m]);
		buf_addz(body, "}");
	}
	if (str_eq(cursor, STR("0")))
		buf_addz(body, "],\"next_cursor\":null}");
	else
		buf_addf(body, "],\"next_cursor\":\"" STR_FMT "\"}", STR_ARG(cursor));
	if (reply_kind(reply) != REPLY_ARRAY)
		call_failed(call, -ENOTCONN);
	else if (body->p[0] == '{')
		call_json(call, 200, body);
	call_release(call);
}

/* The first of the two answers; without a frame it ends the call. */
static void on_frame(void *ctx, const struct redisReply *reply)
{
	struct call *call = ctx;
	struct str frame = reply_str(reply);

	if (reply_failed(reply))
		call_failed(call, -ENOTCONN);
	else if (frame.n < 2)
		call_failed(call, -ENOENT);
	else
		buf_add(call->state, frame.p, frame.n - 1); /* open at its end: the CVs follow */
	call_release(call);
}

static void get_free(struct call *call)
{
	buf_free(call->state);
	free(call->state);
}

void batches_get(struct call *call)
{
	struct buf *body = calloc(1, sizeof(*body));
	struct redis *redis = call->worker->redis;
	char key[KEY_SIZE], cvs_key[KEY_SIZE], cursor[24];
	uint64_t from = 0;
	int rc;

	if (!body) {
		call_failed(call, -ENOMEM);
		return;
	}
	buf_init(body, ANSWER_MAX_BYTES);
	call->state = body;
	call->on_free = get_free;
	if (call_query_number(call, "cursor", 0, UINT64_MAX, &from) == -EINVAL)
		return;
	snprintf(cursor, sizeof(cursor), "%llu", (unsigned long long)from);
	rc = REDIS_COMMAND(redis, on_frame, call, STR("HGET"), call_batch_key(call, key, str_c(call->id), ""), STR("frame"));
	if (rc == 0) {
		call_hold(call);
		rc = REDIS_COMMAND(redis, on_cvs, call, STR("HSCAN"), call_batch_key(call, cvs_key, str_c(call->id), ":cvs"), str_c(cursor),
				   STR("COUNT"), STR("100"));
	}
	if (rc == 0)
		call_hold(call);
	else
		call_failed(call, rc);
}
