/* See api.h: a call's life and its answers. */
#include "api.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "keys.h"
#include "log.h"

#define RETRY_AFTER_S "5"
#define PROBLEM_MAX_BYTES 8192

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

/* further: one header more, or NULL. */
static void respond(struct call *call, int status, const char *type, struct str body, const struct http_header *further)
{
	struct http_header headers[] = {
		{ "Cache-Control", STR("private, no-store") },
		{ "X-Content-Type-Options", STR("nosniff") },
		{ NULL, { NULL, 0 } },
	};

	if (further)
		headers[2] = *further;
	if (call->request)
		request_respond(call->request, status, type, body, headers, further ? 3 : 2);
}

static void respond_problem(struct call *call, int status, const char *code, const char *detail, const struct http_header *further)
{
	struct buf body;

	buf_init(&body, PROBLEM_MAX_BYTES);
	problem_write(&body, status, code, str_c(detail));
	respond(call, status, "application/problem+json", buf_str(&body), further);
	buf_free(&body);
}

void call_json(struct call *call, int status, const struct buf *body)
{
	if (body->failed)
		call_problem(call, 500, "internal", "the answer could not be put together");
	else
		respond(call, status, "application/json", buf_str(body), NULL);
}

void call_text(struct call *call, const char *type, const struct buf *body)
{
	if (body->failed)
		call_problem(call, 500, "internal", "the answer could not be put together");
	else
		respond(call, 200, type, buf_str(body), NULL);
}

void call_problem(struct call *call, int status, const char *code, const char *detail)
{
	const struct http_header later = { "Retry-After", STR(RETRY_AFTER_S) };

	respond_problem(call, status, code, detail, status == 429 || status == 503 ? &later : NULL);
}

void call_method_refused(struct call *call, struct str allowed)
{
	const struct http_header allow = { "Allow", allowed };

	respond_problem(call, 405, "method_not_allowed", "this address knows other methods", &allow);
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
	respond(call, status, NULL, STR(""), NULL);
}

int call_query_number(struct call *call, const char *key, uint64_t min, uint64_t max, uint64_t *out)
{
	char text[32], detail[128];
	int rc = query_get(call->request->query, key, text, sizeof(text));

	if (rc == -ENOENT)
		return rc;
	if (rc >= 0 && str_to_u64(str_c(text), min, max, out) == 0)
		return 0;
	snprintf(detail, sizeof(detail), "%s must be a number from %llu to %llu", key, (unsigned long long)min, (unsigned long long)max);
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
