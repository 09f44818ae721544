/* See publish.h. */
#include "publish.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "keys.h"
#include "log.h"
#include "publish.lua.h"

#define REST_MAX_BYTES 60000            /* as in publish.lua */
#define SECONDS_A_DAY 86400
#define NUMBER_SIZE 24

static struct script script = { .name = "publish", .body = publish_lua };

static const char *const verdict_names[] = {
#define V(name) [PUBLISH_##name] = #name,
	PUBLISH_VERDICTS(V)
#undef V
	[PUBLISH_REFUSED] = "refused",
	[PUBLISH_NO_ANSWER] = "no answer",
};

const char *publish_verdict_name(enum publish_verdict verdict)
{
	return verdict_names[verdict];
}

struct call {
	publish_fn *fn;
	void *ctx;
};

/* ERR: the call itself is wrong (the script's own errors begin so). WRONGTYPE: somebody put other things into our keys. Trying
 * again helps neither. Anything else passes: OOM, LOADING, READONLY, NOREPLICAS … */
static void answer_from_error(struct str text, struct publish_answer *out)
{
	if (str_starts(text, STR("ERR ")) || str_starts(text, STR("WRONGTYPE "))) {
		out->verdict = PUBLISH_REFUSED;
		out->id = text;
	} else {
		LOG(WARNING, "publish_put_off", LOG_STR("reason", text));
	}
}

static void answer_read(const struct redisReply *reply, struct publish_answer *out)
{
	struct str name = reply_str(reply_at(reply, 0));

	*out = (struct publish_answer){ .verdict = PUBLISH_NO_ANSWER };
	if (reply_kind(reply) == REPLY_ERROR)
		answer_from_error(reply_str(reply), out);
	for (int i = 0; i < PUBLISH_REFUSED; i++)
		if (str_eq(name, str_c(verdict_names[i])))
			out->verdict = (enum publish_verdict)i;
	if (out->verdict == PUBLISH_ok) {
		out->id = reply_str(reply_at(reply, 1));
		out->number = reply_int(reply_at(reply, 2), 0);
	} else if (out->verdict == PUBLISH_wait) {
		out->number = reply_int(reply_at(reply, 1), 0);
	}
}

static void on_reply(void *ctx, const struct redisReply *reply)
{
	struct call *call = ctx;
	struct publish_answer answer;

	answer_read(reply, &answer);
	if (call->fn)
		call->fn(call->ctx, &answer);
	free(call);
}

static struct str number_text(char out[NUMBER_SIZE], int64_t number)
{
	return str_of(out, (size_t)snprintf(out, NUMBER_SIZE, "%" PRId64, number));
}

/* attempt is also the number of a batch change. */
static int run(const struct publisher *p, struct str user, struct str batch, struct str cv, struct str status, int64_t attempt,
	       int64_t progress, struct str rest, publish_fn *fn, void *ctx)
{
	char prefix[KEY_SIZE], numbers[5][NUMBER_SIZE];
	struct call *call = malloc(sizeof(*call));
	int rc;

	if (!call)
		return -ENOMEM;
	*call = (struct call){ fn, ctx };
	rc = script_call(p->redis, &script, on_reply, call, 1, 11, (struct str[]){
		key_user(prefix, p->cfg->redis_key_form, user, ""),
		user, batch, cv, status, number_text(numbers[0], attempt), number_text(numbers[1], progress), rest,
		number_text(numbers[2], p->cfg->redis_history_length), number_text(numbers[3], p->cfg->redis_history_ttl_ms / 1000),
		number_text(numbers[4], p->cfg->worker_retention_days * SECONDS_A_DAY) });
	if (rc < 0)
		free(call);
	return rc;
}

static void add_text(struct buf *b, const char *name, struct str value)
{
	if (value.n == 0)
		return;
	buf_addf(b, ",\"%s\":", name);
	buf_add_json(b, value);
}

static void add_error(struct buf *b, enum error_code code)
{
	if (code == ERR_NONE)
		return;
	buf_addf(b, ",\"error\":{\"code\":\"%s\",\"message\":", error_name(code));
	buf_add_json(b, str_c(error_sentence(code)));
	buf_addf(b, ",\"retryable\":%s}", error_retryable(code) ? "true" : "false");
}

static void add_rest(struct buf *b, const struct cv_frame *frame)
{
	buf_addf(b, "\"stage\":\"%s\"", cv_stage_name(frame->stage));
	add_text(b, "filename", frame->filename);
	add_text(b, "message", frame->message);
	add_error(b, frame->error);
	add_text(b, "duplicate_of", frame->duplicate_of);
	add_text(b, "result_url", frame->result_url);
	if (frame->eta_ms > 0)
		buf_addf(b, ",\"eta_ms\":%" PRId64, frame->eta_ms);
	if (frame->early_json.n)
		buf_addf(b, ",\"early\":" STR_FMT, STR_ARG(frame->early_json));
	if (frame->result_json.n) {
		buf_addz(b, ",\"result\":");
		buf_adds(b, frame->result_json);
	}
}

int publish_cv(const struct publisher *p, const struct cv_frame *frame, publish_fn *fn, void *ctx)
{
	struct buf rest;
	int rc;

	buf_init(&rest, REST_MAX_BYTES);
	add_rest(&rest, frame);
	rc = rest.failed ? -EMSGSIZE :
		run(p, frame->user, frame->batch, frame->cv, str_c(cv_status_name(frame->status)), frame->attempt,
		    frame->progress, buf_str(&rest), fn, ctx);
	buf_free(&rest);
	return rc;
}

int publish_cv_text(const struct publisher *p, struct str user, struct str batch, struct str cv, struct str status,
		    int64_t attempt, int64_t progress, struct str rest, publish_fn *fn, void *ctx)
{
	if (rest.n > REST_MAX_BYTES)
		return -EMSGSIZE;
	return run(p, user, batch, cv, status, attempt, progress, rest, fn, ctx);
}

int publish_batch(const struct publisher *p, struct str user, struct str batch, enum batch_change change, int64_t number,
		  publish_fn *fn, void *ctx)
{
	static const char *const names[] = {
		[BATCH_OPEN] = "open", [BATCH_CLOSE] = "close", [BATCH_CANCEL] = "cancel", [BATCH_IDLE] = "idle",
	};

	return run(p, user, batch, STR(""), str_c(names[change]), number, 0, STR(""), fn, ctx);
}
