/* See admit.h. */
#include "admit.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "http_client.h"
#include "log.h"
#include "quota.h"
#include "vault.h"

#define QUESTION_MAX_BYTES 8192
#define ANSWER_MAX_BYTES 65536
#define REASON_MAX_BYTES 512

struct admission {
	struct call *call;
	int64_t bytes;
	struct buf question;
	void (*then)(struct call *call);
};

static void end(struct admission *a, const struct problem *problem)
{
	struct call *call = a->call;
	void (*then)(struct call *call) = a->then;

	buf_free(&a->question);
	free(a);
	if (problem)
		call_refuse(call, problem);
	else
		then(call);
	call_resume(call);
	call_release(call);
}

/* The sentence of a refusal: "detail" (RFC 9457) or "message" of a JSON object. */
static bool read_reason(struct str body, char out[REASON_MAX_BYTES])
{
	cJSON *json = cJSON_ParseWithLength(body.p, body.n);
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "detail"));
	bool good;

	if (!text)
		text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "message"));
	good = text && *text && strlen(text) < REASON_MAX_BYTES;
	if (good)
		memcpy(out, text, strlen(text) + 1);
	cJSON_Delete(json);
	return good;
}

static void on_judged(void *ctx, int status, struct str body)
{
	struct admission *a = ctx;
	char reason[REASON_MAX_BYTES] = "this upload is not wanted here";

	if (status >= 200 && status < 300) {
		end(a, NULL);
	} else if (status >= 400 && status < 500) {
		read_reason(body, reason);
		end(a, &PROBLEM(403, "upload_refused", reason));
	} else {
		LOG(WARNING, "pre_create_failed", LOG_INT("status", status));
		end(a, &PROBLEM(503, "unavailable", "whether this upload is wanted cannot be asked now; please try again"));
	}
}

static void ask_url(struct admission *a)
{
	static const char *const headers[] = { "Content-Type: application/json", NULL };
	struct worker *w = a->call->worker;
	const struct http_options options = {
		.url = w->cfg->worker_pre_create_url, .method = "POST", .body = buf_str(&a->question), .headers = headers,
		.timeout_ms = w->cfg->worker_pre_create_timeout_ms, .max_answer_bytes = ANSWER_MAX_BYTES,
	};
	int rc = 0;

	if (!*options.url) {
		end(a, NULL);
		return;
	}
	rc = a->question.failed ? -EMSGSIZE : http_client_start(w->http_client, &options, on_judged, a, NULL);
	if (rc < 0)
		on_judged(a, rc, STR(""));
}

static void on_used(void *ctx, const struct redisReply *reply)
{
	struct admission *a = ctx;
	const struct config *cfg = a->call->worker->cfg;
	const struct problem over = quota_problem(clock_wall_ms()), away = problem_of(-ENOTCONN);

	if (reply_failed(reply))
		end(a, &away);
	else if (reply_int(reply, 0) + a->bytes > cfg->worker_max_bytes_per_day)
		end(a, &over);
	else
		ask_url(a);
}

static void add_member(struct buf *out, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	buf_addf(out, ",\"%s\":", name);
	buf_add_json(out, str_c(value));
}

void admit(struct call *call, const struct upload_offer *offer, void (*then)(struct call *call))
{
	struct worker *w = call->worker;
	struct str user = str_c(call->who.user);
	struct admission *a = calloc(1, sizeof(*a));
	int rc = a ? 0 : -ENOMEM;

	if (rc == 0 && w->vault && vault_problem(w->vault))
		rc = -EREMOTEIO;
	if (rc < 0) {
		free(a);
		call_failed(call, rc);
		return;
	}
	*a = (struct admission){ .call = call, .bytes = offer->bytes, .then = then };
	buf_init(&a->question, QUESTION_MAX_BYTES);
	buf_addz(&a->question, "{\"user_id\":");
	buf_add_json(&a->question, user);
	add_member(&a->question, "batch_id", offer->batch);
	add_member(&a->question, "filename", offer->filename);
	add_member(&a->question, "filetype", offer->filetype);
	buf_addf(&a->question, ",\"bytes\":%lld}", (long long)offer->bytes);
	call_hold(call);
	call_pause(call);
	if (!quota_is_on(w->cfg)) {
		ask_url(a);
		return;
	}
	rc = quota_used(w->redis, w->cfg, user, clock_wall_ms(), on_used, a);
	if (rc < 0)
		on_used(a, NULL);
}
