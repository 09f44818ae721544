/* POST /jobs: another program names a user and the address of a file; the file is fetched later, and answered at once is only
 * what the address itself says. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>

#include "calls.h"
#include "handover.h"
#include "http_client.h"

static void on_taken(void *ctx, const struct handover_result *result)
{
	struct call *call = ctx;
	struct buf body;

	switch (result->answer) {
	case ACCEPT_OK:
	case ACCEPT_SAME:
	case ACCEPT_OVER:
		buf_init(&body, 1024);
		buf_addf(&body, "{\"cv_id\":\"" STR_FMT "\",\"batch_id\":\"" STR_FMT "\"}", STR_ARG(result->cv), STR_ARG(result->batch));
		call_json(call, 202, &body);
		buf_free(&body);
		break;
	case ACCEPT_FULL:
		call_problem(call, 503, "queue_full", "too many files wait already; please try again later");
		break;
	case ACCEPT_USER_FULL:
		call_problem(call, 429, "too_many_pending", "too many of this user's files wait already; please try again when some have ended");
		break;
	case ACCEPT_DRAINING:
		call_problem(call, 503, "draining", "no new files are taken for now; please try again later");
		break;
	case ACCEPT_UNAVAILABLE:
		call_failed(call, -ENOTCONN);
		break;
	}
	call_release(call);
}

static struct str text_of(const cJSON *json, const char *name)
{
	return str_c(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name)));
}

/* A member that this version does not know must not be passed over: whoever sent it expects something of it. */
static const char *find_wrong_member(const cJSON *json)
{
	static const char *const texts[] = { "user_id", "url", "batch_id", "filename", "idempotency_key", "webhook" };
	const cJSON *item;

	cJSON_ArrayForEach(item, json) {
		bool known = strcmp(item->string, "priority") == 0 && cJSON_IsNumber(item);

		for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
			known = known || (strcmp(item->string, texts[i]) == 0 && cJSON_IsString(item));
		if (!known)
			return item->string;
	}
	return NULL;
}

static int priority_of(const cJSON *json)
{
	const cJSON *number = cJSON_GetObjectItemCaseSensitive(json, "priority");

	if (!number)
		return QUEUE_PRIORITY_DEFAULT;
	return number->valuedouble >= 0 && number->valuedouble <= QUEUE_PRIORITY_MAX ? (int)number->valuedouble : -1;
}

/* 422 names the member, which is an outsider's text. */
static void refuse_member(struct call *call, const char *member)
{
	char detail[128];

	snprintf(detail, sizeof(detail), "\"%.40s\" is unknown or of the wrong kind", member);
	call_problem(call, 422, "bad_field", utf8_valid(detail, strlen(detail)) ? detail : "a member is unknown or of the wrong kind");
}

static void take(struct call *call, const cJSON *json)
{
	const struct handover h = {
		.user = text_of(json, "user_id"), .url = text_of(json, "url"), .batch = text_of(json, "batch_id"),
		.filename = text_of(json, "filename"), .idempotency_key = text_of(json, "idempotency_key"),
		.webhook = text_of(json, "webhook"), .priority = priority_of(json),
	};
	const char *problem = handover_problem(call->worker, &h), *member = find_wrong_member(json);
	enum net_url_verdict verdict;
	int rc;

	if (member) {
		refuse_member(call, member);
		return;
	}
	if (problem) {
		call_problem(call, 422, "bad_field", problem);
		return;
	}
	verdict = http_url_judge(&call->worker->guard, h.url.p);
	if (verdict != NET_URL_OK) {
		call_problem(call, 422, "fetch_blocked", net_url_sentence(verdict));
		return;
	}
	call_hold(call);
	rc = handover_take(call->worker, &h, on_taken, call);
	if (rc < 0) {
		call_failed(call, rc);
		call_release(call);
	}
}

void jobs_create(struct call *call)
{
	cJSON *json;

	if (!call->who.any_user) {
		call_problem(call, 403, "forbidden", "this needs a token with the scope \"service\"");
		return;
	}
	json = cJSON_ParseWithLength(call->body.p, call->body.n);
	if (cJSON_IsObject(json))
		take(call, json);
	else
		call_problem(call, 422, "bad_field", "the body is a JSON object with user_id and url");
	cJSON_Delete(json);
}
