/* See cors.h. (https://fetch.spec.whatwg.org/, "CORS protocol") */
#include "cors.h"

/* tus' own, and what else an answer says that a page needs. */
#define EXPOSED "Location, Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, Upload-Offset, " \
	"Upload-Length, Upload-Metadata, Upload-Expires, X-Batch-Id, Retry-After, ETag, Content-Disposition"
#define ALLOWED "Authorization, Content-Type, If-None-Match, Idempotency-Key, Tus-Resumable, Upload-Checksum, Upload-Length, " \
	"Upload-Metadata, Upload-Offset, X-HTTP-Method-Override, X-Request-Id, X-Requested-With"

static struct str allowed_origin(const struct call *call)
{
	struct str origin = call->request ? request_field(call->request, "origin") : STR("");

	if (origin.n && auth_origin_allowed(call->worker->auth, origin, request_field(call->request, "host")))
		return origin;
	return str_of(NULL, 0);
}

size_t cors_answer_headers(const struct call *call, struct http_header out[CORS_HEADERS_MAX])
{
	struct str origin = allowed_origin(call);

	out[0] = (struct http_header){ "Vary", STR("Origin") };
	if (!origin.n)
		return 1;
	out[1] = (struct http_header){ "Access-Control-Allow-Origin", origin };
	out[2] = (struct http_header){ "Access-Control-Allow-Credentials", STR("true") };
	out[3] = (struct http_header){ "Access-Control-Expose-Headers", STR(EXPOSED) };
	return CORS_HEADERS_MAX;
}

bool cors_preflight(struct call *call)
{
	struct request *rq = call->request;

	if (rq->method != HTTP_OPTIONS || !str_starts(rq->path, STR(API_BASE "/")) ||
	    !request_field(rq, "access-control-request-method").n)
		return false;
	if (allowed_origin(call).n) {
		call_header(call, "Access-Control-Allow-Methods", STR("GET, HEAD, POST, PATCH, DELETE, OPTIONS"));
		call_header(call, "Access-Control-Allow-Headers", STR(ALLOWED));
		call_header(call, "Access-Control-Max-Age", STR("600"));
	}
	call_empty(call, 204);
	return true;
}
