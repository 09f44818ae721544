/* GET /batches: the ids of one page, then the newest frame of each. The page after it begins behind the last one's time and id:
 * a batch that changes meanwhile goes to the front of the list, and moves no other over a page's edge. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "calls.h"

#define PAGE_DEFAULT 50
#define PAGE_MAX 100
#define TIES_MAX 64                             /* batches of one user that one millisecond has room for */
#define CURSOR_SIZE (ID_MAX + 24)
#define ANSWER_MAX_BYTES (16 * 1024 * 1024)     /* PAGE_MAX frames */

struct cursor {
	uint64_t changed_ms;                    /* 0: the beginning */
	char batch[ID_MAX + 1];
};

struct batch_list {
	struct buf body;
	struct cursor from, next;
	uint64_t limit, given;
	size_t waiting;
	bool more, lost;
};

static void list_free(struct call *call)
{
	struct batch_list *list = call->state;

	buf_free(&list->body);
	free(list);
}

static void list_answer(struct call *call)
{
	struct batch_list *list = call->state;

	if (list->more)
		buf_addf(&list->body, "],\"next_cursor\":\"%llu-%s\"}", (unsigned long long)list->next.changed_ms, list->next.batch);
	else
		buf_addz(&list->body, "],\"next_cursor\":null}");
	if (list->lost)
		call_failed(call, -ENOTCONN);
	else
		call_json(call, 200, &list->body);
}

static void on_frame(void *ctx, const struct redisReply *reply)
{
	struct call *call = ctx;
	struct batch_list *list = call->state;
	struct str frame = reply_str(reply);

	list->lost = list->lost || reply_failed(reply);
	if (frame.n && !list->lost) {
		if (list->body.p[list->body.n - 1] != '[')
			buf_addz(&list->body, ",");
		buf_adds(&list->body, frame);
	}
	if (--list->waiting == 0)
		list_answer(call);
	call_release(call);
}

/* Redis gives batches of the same time in the reverse order of their names' bytes; the cursor's own time is asked for again. */
static bool was_given(const struct cursor *from, uint64_t changed_ms, const char *batch)
{
	return changed_ms == from->changed_ms && strcmp(batch, from->batch) >= 0;
}

static void ask_frame(struct call *call, struct str batch)
{
	struct batch_list *list = call->state;
	char key[KEY_SIZE];

	if (REDIS_COMMAND(call->worker->redis, on_frame, call, STR("HGET"), call_batch_key(call, key, batch, ""), STR("frame")) < 0) {
		list->lost = true;
		return;
	}
	list->waiting++;
	call_hold(call);
}

static void take(struct call *call, struct str batch, uint64_t changed_ms)
{
	struct batch_list *list = call->state;
	struct cursor here = { .changed_ms = changed_ms };

	if (!id_valid(batch))
		return;
	memcpy(here.batch, batch.p, batch.n);
	if (was_given(&list->from, changed_ms, here.batch))
		return;
	list->more = list->given == list->limit;
	if (list->more)
		return;
	list->given++;
	list->next = here;
	ask_frame(call, batch);
}

static void on_ids(void *ctx, const struct redisReply *reply)
{
	struct call *call = ctx;
	struct batch_list *list = call->state;

	list->lost = reply_failed(reply);
	for (size_t i = 0; i + 1 < reply_count(reply) && !list->more; i += 2)
		take(call, reply_str(reply_at(reply, i)), (uint64_t)reply_int(reply_at(reply, i + 1), 0));
	if (list->waiting == 0)
		list_answer(call);
	call_release(call);
}

static int ask_ids(struct call *call, const struct batch_list *list)
{
	char key[KEY_SIZE], from[24], count[24];

	snprintf(from, sizeof(from), "%llu", (unsigned long long)list->from.changed_ms);
	snprintf(count, sizeof(count), "%llu", (unsigned long long)list->limit + 1 + TIES_MAX);
	return REDIS_COMMAND(call->worker->redis, on_ids, call, STR("ZREVRANGEBYSCORE"), call_key(call, key, "batches"),
			     list->from.changed_ms ? str_c(from) : STR("+inf"), STR("-inf"), STR("WITHSCORES"), STR("LIMIT"), STR("0"), str_c(count));
}

/* "<ms>-<batch>"; "0" is the beginning, as it is for the pages of one batch. */
static bool cursor_parse(struct str text, struct cursor *out)
{
	struct str batch = text, time = str_cut(&batch, '-');

	if (str_eq(text, STR("0")))
		return true;
	if (str_to_u64(time, 1, 1ull << 53, &out->changed_ms) < 0 || !id_valid(batch))
		return false;
	memcpy(out->batch, batch.p, batch.n);
	return true;
}

static bool read_cursor(struct call *call, struct cursor *out)
{
	char text[CURSOR_SIZE];
	int n = query_get(call->request->query, "cursor", text, sizeof(text));

	if (n == -ENOENT || (n >= 0 && cursor_parse(str_of(text, (size_t)n), out)))
		return true;
	call_problem(call, 400, "bad_request", "cursor is the next_cursor of an earlier answer");
	return false;
}

void batches_list(struct call *call)
{
	struct batch_list *list = calloc(1, sizeof(*list));
	int rc;

	if (!list) {
		call_failed(call, -ENOMEM);
		return;
	}
	buf_init(&list->body, ANSWER_MAX_BYTES);
	buf_addz(&list->body, "{\"batches\":[");
	list->limit = PAGE_DEFAULT;
	call->state = list;
	call->on_free = list_free;
	if (!read_cursor(call, &list->from) || call_query_number(call, "limit", 1, PAGE_MAX, &list->limit) == -EINVAL)
		return;
	call_hold(call);
	rc = ask_ids(call, list);
	if (rc < 0) {
		call_failed(call, rc);
		call_release(call);
	}
}
