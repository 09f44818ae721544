/* See s3.h. */
#include "s3.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "clock.h"
#include "http_client.h"
#include "jwt.h"
#include "log.h"
#include "metrics.h"

#define BACKOFF_BASE_MS 200
#define BACKOFF_MAX_MS 5000
#define SECRET_MAX_BYTES 4096
#define URL_MAX_BYTES 8192
#define ERROR_MAX_BYTES 4096            /* of an answer that is no object */
#define PROBE_MAX_BYTES 65536
#define SHA256_OF_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct s3 {
	uv_loop_t *loop;
	const struct config *cfg;
	struct http_client *http;
	struct buf base;                        /* address of the bucket, without a slash at its end */
	struct buf credentials;
	struct buf probe_query;
	char sigv4[128];
	char problem[128];                      /* "": it answers */
	int64_t heard_ms;                       /* when it last answered, on the monotonic clock */
	bool stopped, probing;
	uv_timer_t probe;
	LIST_HEAD(, s3_call) calls;
};

struct s3_call {
	struct s3 *s3;
	LIST_ENTRY(s3_call) link;
	struct http_call *http;                 /* NULL while it waits for its next try */
	uv_timer_t timer;
	int tries;
	bool begun_to_come;                     /* on_data has had a piece */
	int refused;                            /* the status of its last try, while a probe says whether it is the store's */
	struct s3_request request;
	struct buf url, body;
	char payload[SHA256_HEX_SIZE];
	s3_done_fn *fn;
	void *ctx;
};

static void try(struct s3_call *call);
static int begin_probe(struct s3 *s3);

const char *s3_problem(const struct s3 *s3)
{
	return *s3->problem ? s3->problem : NULL;
}

/* What stands between <Code> and </Code> of an error answer. */
static struct str error_code(struct str body)
{
	const char *at = body.n ? memmem(body.p, body.n, "<Code>", 6) : NULL, *end;

	if (!at)
		return STR("");
	at += 6;
	end = memchr(at, '<', body.n - (size_t)(at - body.p));
	return end && end - at < 64 ? str_of(at, (size_t)(end - at)) : STR("");
}

static void note_answer(struct s3 *s3)
{
	s3->heard_ms = clock_monotonic_ms();
	if (!*s3->problem)
		return;
	s3->problem[0] = '\0';
	LOG(INFO, "s3_available");
}

static void note_trouble(struct s3 *s3, int status, struct str code)
{
	char was[sizeof(s3->problem)];

	memcpy(was, s3->problem, sizeof(was));
	if (status == -EKEYREJECTED)
		snprintf(s3->problem, sizeof(s3->problem), "the S3 store's certificate is not trusted (s3.ca_file)");
	else if (status < 0)
		snprintf(s3->problem, sizeof(s3->problem), "the S3 store does not answer: %s", strerror(-status));
	else
		snprintf(s3->problem, sizeof(s3->problem), "the S3 store refuses us: %d " STR_FMT, status, STR_ARG(code));
	if (strcmp(was, s3->problem) != 0)
		LOG(ERROR, "s3_unavailable", LOG_TEXT("reason", s3->problem));
}

static void on_closed(uv_handle_t *handle)
{
	struct s3_call *call = handle->data;

	buf_free(&call->url);
	buf_free(&call->body);
	free(call);
}

/* The one end of a call. */
static void finish(struct s3_call *call, int rc, struct str body)
{
	LIST_REMOVE(call, link);
	call->fn(call->ctx, rc, body);
	uv_close((uv_handle_t *)&call->timer, on_closed);
}

static void on_timer(uv_timer_t *timer)
{
	struct s3_call *call = timer->data;

	if (call->s3->stopped)
		finish(call, -ECANCELED, STR(""));
	else if (call->tries >= call->s3->cfg->s3_attempts_max)
		finish(call, -EREMOTEIO, STR(""));
	else
		try(call);
}

/* Whether the same request may be answered otherwise a moment later. */
static bool is_passing(int status)
{
	return (status < 0 && status != -EINVAL && status != -EKEYREJECTED) || status == 429 || status >= 500;
}

static bool is_probe(const struct s3_call *call)
{
	return call->request.query == call->s3->probe_query.p;
}

/* The store answers others: whether what it does to this one is about the object. One that asks for patience is not, nor is one
 * that takes nothing. */
static bool is_about_object(const struct s3_call *call)
{
	int status = call->refused;
	bool reads = strcmp(call->request.method, "GET") == 0 || strcmp(call->request.method, "HEAD") == 0;

	if (call->request.query || status == 408 || status == 429 || status == 503)
		return false;
	return reads || (status >= 400 && status < 500 && status != 403);
}

/* One object that cannot be had must not make the whole store count as away: a probe decides. */
static void give_up(struct s3_call *call, int status, struct str code)
{
	struct s3 *s3 = call->s3;

	if (is_probe(call)) {
		note_trouble(s3, status, code);
		finish(call, -EREMOTEIO, STR(""));
		return;
	}
	call->refused = status;
	if (*s3->problem || begin_probe(s3) < 0) {
		finish(call, -EREMOTEIO, STR(""));
		return;
	}
	LOG(ERROR, "s3_refused", LOG_TEXT("method", call->request.method), LOG_INT("status", status), LOG_STR("code", code));
}

static void trouble(struct s3_call *call, int status, struct str body)
{
	/* While it is known to be away, its callers need not wait for more than one try. */
	bool known = *call->s3->problem || (is_probe(call) && status < 0);
	int64_t most = known && call->tries == 1 ? 1 : call->s3->cfg->s3_attempts_max;
	int64_t wait_ms = BACKOFF_BASE_MS;

	metrics_add(METRIC_s3_failed, 1);
	if (!is_passing(status) || call->begun_to_come || call->tries >= most) {
		give_up(call, status, error_code(body));
		return;
	}
	if (status < 0 && !is_probe(call)) /* then others need not find out each by itself */
		begin_probe(call->s3);
	for (int i = 1; i < call->tries && wait_ms < BACKOFF_MAX_MS; i++)
		wait_ms *= 2;
	uv_timer_start(&call->timer, on_timer, (uint64_t)wait_ms / 2 + random_below((uint64_t)wait_ms), 0);
}

static void on_answer(void *ctx, int status, struct str body)
{
	struct s3_call *call = ctx;

	call->http = NULL; /* freed when this returns */
	if (status >= 200 && status <= 299) {
		note_answer(call->s3);
		finish(call, 0, body);
	} else if (status == 404 && !str_eq(error_code(body), STR("NoSuchBucket"))) {
		if (strcmp(call->request.method, "HEAD") != 0) /* that does not say what is missing: it may be the bucket */
			note_answer(call->s3);
		finish(call, strcmp(call->request.method, "DELETE") == 0 ? 0 : -ENOENT, STR(""));
	} else if (status == -EMSGSIZE) {
		finish(call, -EMSGSIZE, STR(""));
	} else {
		trouble(call, status, body);
	}
}

static bool on_data(void *ctx, struct str piece)
{
	struct s3_call *call = ctx;

	call->begun_to_come = true;
	return call->request.on_data(call->ctx, piece);
}

static void try(struct s3_call *call)
{
	struct s3 *s3 = call->s3;
	char payload[32 + SHA256_HEX_SIZE];
	const char *const headers[] = { payload, "Content-Type: application/octet-stream", NULL };
	const struct http_options options = {
		.url = call->url.p, .method = call->request.method, .headers = headers, .body = buf_str(&call->body),
		.body_fd = call->request.fd, .body_fd_bytes = call->request.fd_bytes, .timeout_ms = s3->cfg->s3_timeout_ms,
		.max_answer_bytes = call->request.max_answer_bytes > ERROR_MAX_BYTES ? call->request.max_answer_bytes : ERROR_MAX_BYTES,
		.aws_sigv4 = s3->sigv4, .aws_credentials = s3->credentials.p, .ca_file = s3->cfg->s3_ca_file,
		.on_data = call->request.on_data ? on_data : NULL,
	};
	int rc;

	call->tries++;
	metrics_add(METRIC_s3_requests, 1);
	snprintf(payload, sizeof(payload), "x-amz-content-sha256: %s", call->payload);
	rc = http_client_start(s3->http, &options, on_answer, call, &call->http);
	if (rc < 0) /* no memory */
		uv_timer_start(&call->timer, on_timer, BACKOFF_BASE_MS, 0);
}

void s3_encode(struct buf *out, struct str text, const char *keep)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] && (strchr(plain, text.p[i]) || strchr(keep, text.p[i])))
			buf_add(out, &text.p[i], 1);
		else
			buf_addf(out, "%%%02X", (unsigned char)text.p[i]);
	}
}

static void write_url(struct s3_call *call)
{
	const struct s3 *s3 = call->s3;

	buf_init(&call->url, URL_MAX_BYTES);
	buf_adds(&call->url, buf_str(&s3->base));
	buf_addz(&call->url, "/");
	if (call->request.query) {
		buf_addf(&call->url, "?%s", call->request.query);
	} else {
		buf_addz(&call->url, s3->cfg->s3_prefix);
		s3_encode(&call->url, str_c(call->request.key), "/");
	}
	buf_add(&call->url, "", 1);
}

int s3_send(struct s3 *s3, const struct s3_request *request, s3_done_fn *fn, void *ctx, struct s3_call **out)
{
	struct s3_call *call;

	if (s3->stopped)
		return -ECANCELED;
	call = calloc(1, sizeof(*call));
	if (!call)
		return -ENOMEM;
	call->s3 = s3;
	call->request = *request;
	call->fn = fn;
	call->ctx = ctx;
	snprintf(call->payload, sizeof(call->payload), "%s", request->sha256 ? request->sha256 : SHA256_OF_NOTHING);
	write_url(call);
	buf_init(&call->body, request->body.n + 1);
	buf_adds(&call->body, request->body);
	if (call->url.failed || call->body.failed) {
		buf_free(&call->url);
		buf_free(&call->body);
		free(call);
		return -ENOMEM;
	}
	uv_timer_init(s3->loop, &call->timer);
	call->timer.data = call;
	LIST_INSERT_HEAD(&s3->calls, call, link);
	if (out)
		*out = call;
	try(call);
	return 0;
}

void s3_resume(struct s3_call *call)
{
	if (call->http)
		http_call_resume(call->http);
}

static struct s3_call *find_refused(struct s3 *s3)
{
	struct s3_call *call;

	LIST_FOREACH(call, &s3->calls, link)
		if (call->refused)
			break;
	return call;
}

static void on_probed(void *ctx, int rc, struct str body)
{
	struct s3 *s3 = ctx;
	struct s3_call *call;

	s3->probing = false;
	while ((call = find_refused(s3)) != NULL)
		finish(call, rc < 0 ? rc : is_about_object(call) ? -EIO : -EREMOTEIO, STR(""));
}

/* 0: one is under way. */
static int begin_probe(struct s3 *s3)
{
	const struct s3_request request = { .method = "GET", .query = s3->probe_query.p, .max_answer_bytes = PROBE_MAX_BYTES };
	int rc = s3->probing ? 0 : s3_send(s3, &request, on_probed, s3, NULL);

	if (rc == 0)
		s3->probing = true;
	return rc;
}

static void on_probe(uv_timer_t *timer)
{
	struct s3 *s3 = timer->data;

	uv_timer_start(&s3->probe, on_probe, (uint64_t)s3->cfg->s3_probe_ms, 0);
	if (*s3->problem || clock_monotonic_ms() - s3->heard_ms >= s3->cfg->s3_probe_ms)
		begin_probe(s3);
}

static int read_secret(struct s3 *s3, struct buf *problem)
{
	struct buf secret;
	int rc;

	buf_init(&secret, SECRET_MAX_BYTES);
	rc = secret_read(s3->cfg->s3_secret_key_file, &secret, problem);
	buf_init(&s3->credentials, 2 * SECRET_MAX_BYTES);
	buf_addf(&s3->credentials, "%s:" STR_FMT, s3->cfg->s3_access_key_id, STR_ARG(buf_str(&secret)));
	buf_add(&s3->credentials, "", 1);
	if (secret.p)
		explicit_bzero(secret.p, secret.cap);
	buf_free(&secret);
	return rc < 0 ? rc : s3->credentials.failed ? -EINVAL : 0;
}

static void write_texts(struct s3 *s3)
{
	struct str url = str_c(s3->cfg->s3_url);

	while (url.n && url.p[url.n - 1] == '/')
		url.n--;
	buf_init(&s3->base, URL_MAX_BYTES);
	buf_adds(&s3->base, url);
	if (*s3->cfg->s3_bucket)
		buf_addf(&s3->base, "/%s", s3->cfg->s3_bucket);
	buf_init(&s3->probe_query, URL_MAX_BYTES);
	buf_addz(&s3->probe_query, "list-type=2&max-keys=1&prefix=");
	s3_encode(&s3->probe_query, str_c(s3->cfg->s3_prefix), "");
	buf_add(&s3->probe_query, "", 1);
	snprintf(s3->sigv4, sizeof(s3->sigv4), "aws:amz:%s:s3", s3->cfg->s3_region);
}

static void release(struct s3 *s3)
{
	if (s3->credentials.p)
		explicit_bzero(s3->credentials.p, s3->credentials.cap);
	buf_free(&s3->credentials);
	buf_free(&s3->base);
	buf_free(&s3->probe_query);
	free(s3);
}

int s3_open(uv_loop_t *loop, const struct config *cfg, struct http_client *http, struct s3 **out, struct buf *problem)
{
	struct s3 *s3 = calloc(1, sizeof(*s3));
	int rc;

	if (!s3)
		return -ENOMEM;
	s3->loop = loop;
	s3->cfg = cfg;
	s3->http = http;
	snprintf(s3->problem, sizeof(s3->problem), "the S3 store has not answered yet");
	write_texts(s3);
	rc = read_secret(s3, problem);
	if (rc < 0) {
		release(s3);
		return rc;
	}
	uv_timer_init(loop, &s3->probe);
	s3->probe.data = s3;
	uv_timer_start(&s3->probe, on_probe, 0, 0);
	*out = s3;
	return 0;
}

void s3_stop(struct s3 *s3)
{
	struct s3_call *call;

	s3->stopped = true;
	uv_timer_stop(&s3->probe);
	LIST_FOREACH(call, &s3->calls, link) {
		if (call->http)
			http_call_cancel(call->http);
		call->http = NULL;
		uv_timer_start(&call->timer, on_timer, 0, 0);
	}
}

static void on_s3_closed(uv_handle_t *handle)
{
	release(handle->data);
}

void s3_close(struct s3 *s3)
{
	if (s3)
		uv_close((uv_handle_t *)&s3->probe, on_s3_closed);
}
