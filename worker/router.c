/* See router.h. */
#include "router.h"

#include <errno.h>
#include <stdlib.h>

#include "api.h"
#include "clock.h"
#include "cors.h"
#include "rate.h"
#include "sign_in.h"
#include "tus.h"

/* Whether the path has the pattern's form; the segment at {id} goes to *id, undecoded. */
static bool path_matches(struct str path, struct str pattern, struct str *id)
{
	while (path.p || pattern.p) {
		struct str have = str_cut(&path, '/'), want = str_cut(&pattern, '/');

		if (!path.p != !pattern.p)
			return false;
		if (str_eq(want, STR("{id}")))
			*id = have;
		else if (!str_eq(have, want))
			return false;
	}
	return true;
}

static bool method_matches(enum http_method have, enum http_method want)
{
	return have == want || (have == HTTP_HEAD && want == HTTP_GET);
}

static bool route_is_here(const struct route *route, const struct request *rq, struct str *id)
{
	return path_matches(rq->path, str_c(route->pattern), id) && (route->kind != ROUTE_ADMIN || rq->admin);
}

static const struct route *find_route(const struct request *rq, struct str *id)
{
	for (const struct route *route = api_routes; route->pattern; route++)
		if (method_matches(rq->method, route->method) && route_is_here(route, rq, id))
			return route;
	return NULL;
}

static void gone(struct call *call)
{
	call->request = NULL;
	sign_in_forget(call);
	if (call->on_gone)
		call->on_gone(call);
	call_release(call);
}

static struct call *call_new(struct worker *w, struct request *rq)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->worker = w;
	call->request = rq;
	call->holds = 1; /* the request itself */
	buf_init(&call->body, API_BODY_MAX_BYTES);
	buf_init(&call->header_values, CALL_HEADERS_MAX_BYTES);
	w->calls++;
	rq->user = call;
	return call;
}

/* The admin listener asks for no token, so a page of another site must not be able to act through an operator's browser. */
static bool check_origin(struct call *call)
{
	struct auth_credentials credentials = auth_credentials_of(call->request);

	if (call->route->method == HTTP_GET || !credentials.origin.p ||
	    auth_origin_allowed(call->worker->auth, credentials.origin, credentials.host))
		return true;
	call_problem(call, 403, "origin_refused", "pages of this origin may not come in");
	return false;
}

static bool take_id(struct call *call, struct str id)
{
	int n = 0;

	if (id.p)
		n = url_decode(id, false, call->id, sizeof(call->id));
	if (n >= 0 && (!id.p || id_valid(str_of(call->id, (size_t)n))))
		return true;
	call_problem(call, 400, "bad_id", "an id has 1 to 128 characters of A-Z a-z 0-9 . _ @ | + ~ = -");
	return false;
}

/* The address is unknown, or known to other methods only, which are named then (RFC 9110, 15.5.6). */
static void refuse(struct call *call)
{
	struct str id;
	struct buf methods;

	buf_init(&methods, 256);
	for (const struct route *route = api_routes; route->pattern; route++)
		if (route_is_here(route, call->request, &id))
			buf_addf(&methods, "%s%s", methods.n ? ", " : "", http_method_name(route->method));
	if (methods.n)
		call_method_refused(call, buf_str(&methods));
	else
		call_problem(call, 404, "not_found", "there is nothing at this address");
	buf_free(&methods);
}

static bool within_rate(struct call *call)
{
	struct worker *w = call->worker;

	if (rate_table_take_name(w->rates, str_c(call->who.user), w->cfg->worker_request_rate_per_user,
				 w->cfg->worker_request_burst_per_user, clock_monotonic_ms()))
		return true;
	call_refuse(call, &(struct problem){ 429, "rate_limited", "too many requests; please wait a little", 1 });
	return false;
}

/* Whoever asks may come in. */
static void handle(struct call *call)
{
	const struct route *route = call->route;

	if (route->kind == ROUTE_UPLOAD || call->request->content_length < 0)
		route->handle(call);
	else if (call->request->content_length > API_BODY_MAX_BYTES)
		call_problem(call, 413, "too_large", "the body is too large for this call");
}

static void on_signed_in(struct call *call)
{
	if (within_rate(call))
		handle(call);
}

static void begin(struct call *call, struct str id)
{
	enum route_kind kind = call->route->kind;

	if (kind == ROUTE_ADMIN && !check_origin(call))
		return;
	if (!take_id(call, id))
		return;
	if (kind == ROUTE_USER || kind == ROUTE_UPLOAD)
		sign_in(call, on_signed_in);
	else
		handle(call);
}

/* tus: where PATCH and DELETE do not get through, POST says which is meant. */
static void apply_override(struct request *rq)
{
	struct str method = request_field(rq, "x-http-method-override");

	if (rq->method == HTTP_POST && method.n && str_starts(rq->path, STR(TUS_BASE)))
		rq->method = http_method_by_name(method);
}

/* An answer may end the request before it returns, and with it the call: each entry holds the call while it works. */
static void on_request(struct request *rq, void *ctx)
{
	struct worker *w = ctx;
	struct str id = { NULL, 0 };
	struct call *call;

	rq->user = NULL;
	call = call_new(w, rq);
	if (!call) {
		request_problem(rq, 503, "unavailable", "out of memory; please try again", 5);
		return;
	}
	apply_override(rq);
	if (str_starts(rq->path, STR(TUS_BASE)))
		call_header(call, "Tus-Resumable", STR(TUS_VERSION));
	call_hold(call);
	if (!cors_preflight(call)) {
		call->route = find_route(rq, &id);
		if (call->route)
			begin(call, id);
		else
			refuse(call);
	}
	call_release(call);
}

static void on_body(struct request *rq, struct str chunk, void *ctx)
{
	struct call *call = rq->user;

	if (!call)
		return;
	call_hold(call);
	if (call->on_body)
		call->on_body(call, chunk);
	else if (call->route && call->route->kind != ROUTE_UPLOAD)
		buf_adds(&call->body, chunk);
	call_release(call);
}

static void on_body_end(struct request *rq, void *ctx)
{
	struct call *call = rq->user;

	if (!call)
		return;
	call_hold(call);
	if (call->on_body_end)
		call->on_body_end(call);
	else if (call->route->kind != ROUTE_UPLOAD)
		call->route->handle(call);
	call_release(call);
}

static void on_request_end(struct request *rq, bool completed, void *ctx)
{
	struct call *call = rq->user;

	rq->user = NULL;
	if (call)
		gone(call);
}

struct server_handler router_handler(struct worker *w)
{
	return (struct server_handler){ .on_request = on_request, .on_body = on_body, .on_body_end = on_body_end,
					.on_request_end = on_request_end, .ctx = w };
}
