/* See api.h: a call's life and its answers. */
#include "api.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cors.h"
#include "keys.h"
#include "log.h"

#define RETRY_AFTER_S 5
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
	buf_free(&call->header_values);
	free(call);
	w->calls--;
	w->call_over(w);
}

void call_pause(struct call *call)
{
	if (call->pauses++ == 0 && call->request)
		request_pause(call->request);
}

void call_resume(struct call *call)
{
	assert(call->pauses > 0);
	if (--call->pauses == 0 && call->request)
		request_resume(call->request);
}

void call_header(struct call *call, const char *name, struct str value)
{
	int n = call->n_headers;

	assert(n < CALL_HEADERS_MAX);
	call->headers[n].name = name;
	call->headers[n].at = call->header_values.n;
	call->headers[n].n = value.n;
	buf_adds(&call->header_values, value);
	call->n_headers++;
}

void call_headerf(struct call *call, const char *name, const char *format, ...)
{
	char text[512];
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	assert(n >= 0 && n < (int)sizeof(text));
	call_header(call, name, str_of(text, (size_t)n));
}

#define STANDARD_HEADERS 2
#define ALL_HEADERS_MAX (STANDARD_HEADERS + CALL_HEADERS_MAX + CORS_HEADERS_MAX)

static size_t all_headers(const struct call *call, struct http_header out[ALL_HEADERS_MAX])
{
	size_t n = STANDARD_HEADERS;

	out[0] = (struct http_header){ "Cache-Control", STR("private, no-store") };
	out[1] = (struct http_header){ "X-Content-Type-Options", STR("nosniff") };
	for (int i = 0; i < call->n_headers && !call->header_values.failed; i++)
		out[n++] = (struct http_header){ call->headers[i].name, str_of(call->header_values.p + call->headers[i].at, call->headers[i].n) };
	return n + cors_answer_headers(call, out + n);
}

/* A button of the queue page, pressed in a browser: what it did shows on the page. */
static bool is_button(const struct call *call)
{
	return call->request && call->route && call->route->kind == ROUTE_ADMIN && call->route->method == HTTP_POST &&
	       str_starts(request_field(call->request, "content-type"), STR("application/x-www-form-urlencoded"));
}

static void respond(struct call *call, int status, const char *type, struct str body)
{
	struct http_header headers[ALL_HEADERS_MAX];

	if (status < 300 && is_button(call)) {
		call_header(call, "Location", STR("/queue"));
		status = 303;
		type = NULL;
		body = STR("");
	}
	if (call->request)
		request_respond(call->request, status, type, body, headers, all_headers(call, headers));
}

void call_file(struct call *call, int fd, int64_t length)
{
	struct http_header headers[ALL_HEADERS_MAX];

	call_header(call, "Content-Security-Policy", STR("sandbox; default-src 'none'"));
	if (call->request)
		request_respond_file(call->request, 200, "application/octet-stream", fd, 0, length, headers, all_headers(call, headers));
	else
		close(fd);
}

void call_json(struct call *call, int status, const struct buf *body)
{
	if (body->failed)
		call_problem(call, 500, "internal", "the answer could not be put together");
	else
		respond(call, status, "application/json", buf_str(body));
}

void call_text(struct call *call, const char *type, const struct buf *body)
{
	if (body->failed)
		call_problem(call, 500, "internal", "the answer could not be put together");
	else
		respond(call, 200, type, buf_str(body));
}

void call_problem(struct call *call, int status, const char *code, const char *detail)
{
	call_refuse(call, &PROBLEM(status, code, detail));
}

void call_refuse(struct call *call, const struct problem *problem)
{
	struct buf body;

	if (problem->status == 423 || problem->status == 429 || problem->status == 503)
		call_headerf(call, "Retry-After", "%lld", (long long)(problem->retry_after_s ? problem->retry_after_s : RETRY_AFTER_S));
	buf_init(&body, PROBLEM_MAX_BYTES);
	problem_write(&body, problem->status, problem->code, str_c(problem->sentence));
	respond(call, problem->status, "application/problem+json", buf_str(&body));
	buf_free(&body);
}

void call_method_refused(struct call *call, struct str allowed)
{
	call_header(call, "Allow", allowed);
	call_problem(call, 405, "method_not_allowed", "this address knows other methods");
}

void call_failed(struct call *call, int rc)
{
	const struct problem problem = problem_of(rc);

	if (problem.status == 500)
		LOG(ERROR, "call_failed", LOG_TEXT("route", call->route->pattern), LOG_ERRNO(rc));
	call_refuse(call, &problem);
}

void call_empty(struct call *call, int status)
{
	respond(call, status, NULL, STR(""));
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
