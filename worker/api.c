/* See api.h: a call's life and its answers. */
#include "api.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "keys.h"
#include "log.h"

#define RETRY_AFTER_S 5

void call_hold(struct call *call)
{
	call->holds++;
}

void call_release(struct call *call)
{
	struct worker *w = call->worker;

	assert(call->holds > 0);
	if (--call->holds)
		return;
	if (call->on_free)
		call->on_free(call);
	buf_free(&call->body);
	free(call);
	w->calls--;
	w->call_over(w);
}

static void respond(struct call *call, int status, const char *type, struct str body, int retry_after_s)
{
	char seconds[16];
	int n = snprintf(seconds, sizeof(seconds), "%d", retry_after_s);
	struct http_header headers[] = {
		{ "Cache-Control", STR("private, no-store") },
		{ "X-Content-Type-Options", STR("nosniff") },
		{ "Retry-After", { seconds, (size_t)n } },
	};

	if (call->request)
		request_respond(call->request, status, type, body, headers, retry_after_s > 0 ? 3 : 2);
}

void call_json(struct call *call, int status, const struct buf *body)
{
	if (body->failed)
		call_problem(call, 500, "internal", "the answer could not be put together");
	else
		respond(call, status, "application/json", buf_str(body), 0);
}

void call_text(struct call *call, const char *type, const struct buf *body)
{
	if (body->failed)
		call_problem(call, 500, "internal", "the answer could not be put together");
	else
		respond(call, 200, type, buf_str(body), 0);
}

void call_problem(struct call *call, int status, const char *code, const char *detail)
{
	struct buf body;

	buf_init(&body, 8192);
	problem_write(&body, status, code, str_c(detail));
	respond(call, status, "application/problem+json", buf_str(&body), status == 429 || status == 503 ? RETRY_AFTER_S : 0);
	buf_free(&body);
}

void call_failed(struct call *call, int rc)
{
	switch (rc) {
	case -ENOENT:
		call_problem(call, 404, "not_found", "there is nothing of this name");
		break;
	case -ENOSPC:
	case -EDQUOT:
		call_problem(call, 507, "storage_full", "there is no space for more files; please try again later");
		break;
	case -ENOTCONN:
	case -EBUSY:
		call_problem(call, 503, "unavailable", "the queue cannot be reached now; please try again");
		break;
	default:
		LOG(ERROR, "call_failed", LOG_TEXT("route", call->route->pattern), LOG_ERRNO(rc));
		call_problem(call, 500, "internal", "something went wrong on our side; please try again");
	}
}

void call_empty(struct call *call, int status)
{
	respond(call, status, NULL, STR(""), 0);
}

int call_query_number(struct call *call, const char *key, uint64_t max, uint64_t *out)
{
	char text[32], detail[128];
	int rc = query_get(call->request->query, key, text, sizeof(text));

	if (rc == -ENOENT)
		return rc;
	if (rc >= 0 && str_to_u64(str_c(text), 0, max, out) == 0)
		return 0;
	snprintf(detail, sizeof(detail), "%s must be a number up to %llu", key, (unsigned long long)max);
	call_problem(call, 400, "bad_request", detail);
	return -EINVAL;
}

struct str call_key(const struct call *call, char out[KEY_SIZE], const char *suffix)
{
	return key_user(out, call->worker->cfg->redis_key_form, str_c(call->who.user), suffix);
}

struct str call_batch_key(const struct call *call, char out[KEY_SIZE], struct str batch, const char *suffix)
{
	return key_batch(out, call->worker->cfg->redis_key_form, str_c(call->who.user), batch, suffix);
}
