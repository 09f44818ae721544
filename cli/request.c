/* See request.h. */
#include "request.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sse.h"

#define ANSWER_MAX_BYTES (16 << 20)
#define CONNECT_TIMEOUT_S 10L
#define ANSWER_TIMEOUT_S 60L
#define SILENCE_S 60L                   /* a stream sends a comment every 15 s */

struct http {
	CURL *curl;
	const struct http_target *target;
	struct curl_slist *headers;
	char curl_problem[CURL_ERROR_SIZE];
};

int http_target_set(struct http_target *t, const char *url)
{
	struct str u = str_c(url);
	int n;

	t->base[0] = t->socket[0] = '\0';
	if (str_starts(u, STR("unix:"))) {
		n = snprintf(t->socket, sizeof(t->socket), "%s", url + 5);
		snprintf(t->base, sizeof(t->base), "http://localhost");
		return n > 0 && (size_t)n < sizeof(t->socket) ? 0 : -EINVAL;
	}
	if (!str_starts(u, STR("http://")) && !str_starts(u, STR("https://")))
		return -EINVAL;
	while (u.n && u.p[u.n - 1] == '/')
		u.n--;
	n = snprintf(t->base, sizeof(t->base), STR_FMT, STR_ARG(u));
	return (size_t)n < sizeof(t->base) ? 0 : -EINVAL;
}

int http_new(const struct http_target *target, struct http **out)
{
	struct http *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	h->target = target;
	h->curl = curl_easy_init();
	if (!h->curl) {
		free(h);
		return -ENOMEM;
	}
	*out = h;
	return 0;
}

void http_free(struct http *h)
{
	curl_slist_free_all(h->headers);
	curl_easy_cleanup(h->curl);
	curl_global_cleanup();
	free(h);
}

static void add_header(struct http *h, const char *line)
{
	struct curl_slist *more = curl_slist_append(h->headers, line);

	if (more)
		h->headers = more;
}

static size_t on_body(char *bytes, size_t one, size_t n, void *ctx)
{
	buf_add(ctx, bytes, n);
	return ((struct buf *)ctx)->failed ? 0 : n;
}

/* What all requests share; the connection is kept. */
static void prepare(struct http *h, const char *path)
{
	char line[sizeof(h->target->token) + 32], url[4096];

	curl_easy_reset(h->curl);
	curl_slist_free_all(h->headers);
	h->headers = NULL;
	h->curl_problem[0] = '\0';
	snprintf(url, sizeof(url), "%s%s", h->target->base, path);
	curl_easy_setopt(h->curl, CURLOPT_URL, url);
	curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, h->curl_problem);
	curl_easy_setopt(h->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h->curl, CURLOPT_USERAGENT, "cvpulse/" PACKAGE_VERSION);
	curl_easy_setopt(h->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
	if (h->target->socket[0])
		curl_easy_setopt(h->curl, CURLOPT_UNIX_SOCKET_PATH, h->target->socket);
	if (h->target->token[0]) {
		snprintf(line, sizeof(line), "Authorization: Bearer %s", h->target->token);
		add_header(h, line);
	}
	add_header(h, "Expect:"); /* no round trip before the body */
}

/* The sentence for a person: what problem+json says, else the bare status. */
static void describe(const struct buf *body, int status, char out[HTTP_PROBLEM_SIZE])
{
	cJSON *problem = body->n ? cJSON_ParseWithLength(body->p, body->n) : NULL;
	const char *detail = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(problem, "detail"));
	const char *title = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(problem, "title"));

	if (!detail)
		detail = title;
	snprintf(out, HTTP_PROBLEM_SIZE, "HTTP %d%s%.400s", status, detail ? ": " : "", detail ? detail : "");
	cJSON_Delete(problem);
}

static int perform(struct http *h, struct http_answer *out)
{
	CURLcode rc;
	long status = 0;

	buf_init(&out->body, ANSWER_MAX_BYTES);
	out->status = 0;
	out->problem[0] = '\0';
	curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, h->headers);
	curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, &out->body);
	rc = curl_easy_perform(h->curl);
	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	/* A refusal in the middle of an upload may come with a broken connection: then the answer counts. */
	if (rc != CURLE_OK && status < 400) {
		snprintf(out->problem, sizeof(out->problem), "%s", h->curl_problem[0] ? h->curl_problem : curl_easy_strerror(rc));
		return -EIO;
	}
	out->status = (int)status;
	if (status < 200 || status > 299)
		describe(&out->body, out->status, out->problem);
	return 0;
}

int http_call(struct http *h, const char *method, const char *path, const char *json, struct http_answer *out)
{
	prepare(h, path);
	curl_easy_setopt(h->curl, CURLOPT_TIMEOUT, ANSWER_TIMEOUT_S);
	if (json) {
		add_header(h, "Content-Type: application/json");
		curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, json);
	} else if (strcmp(method, "POST") == 0) {
		curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, "");
	}
	curl_easy_setopt(h->curl, CURLOPT_CUSTOMREQUEST, method);
	return perform(h, out);
}

static int on_progress(void *ctx, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	const struct http_upload *upload = ctx;

	if (upload->progress && up_total > 0)
		upload->progress(upload->ctx, up, up_total);
	return 0;
}

int http_call_upload(struct http *h, const char *path, const struct http_upload *up, struct http_answer *out)
{
	curl_mime *form;
	curl_mimepart *part;
	int rc;

	prepare(h, path);
	form = curl_mime_init(h->curl);
	if (up->batch_id && up->batch_id[0]) {
		part = curl_mime_addpart(form);
		curl_mime_name(part, "batch_id");
		curl_mime_data(part, up->batch_id, CURL_ZERO_TERMINATED);
	}
	part = curl_mime_addpart(form);
	curl_mime_name(part, "file");
	curl_mime_filedata(part, up->file);
	curl_easy_setopt(h->curl, CURLOPT_MIMEPOST, form);
	curl_easy_setopt(h->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(h->curl, CURLOPT_LOW_SPEED_TIME, ANSWER_TIMEOUT_S);
	curl_easy_setopt(h->curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(h->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(h->curl, CURLOPT_XFERINFODATA, up);
	rc = perform(h, out);
	curl_mime_free(form);
	return rc;
}

struct stream {
	struct http *http;
	struct sse sse;
	struct buf refusal;             /* the body when the status is no 200 */
};

static size_t on_stream(char *bytes, size_t one, size_t n, void *ctx)
{
	struct stream *s = ctx;
	long status = 0;

	curl_easy_getinfo(s->http->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200) {
		buf_add(&s->refusal, bytes, n);
		return n;
	}
	return sse_feed(&s->sse, str_of(bytes, n)) ? n : 0;
}

int http_stream(struct http *h, const char *path, const char *last_id, bool (*on_event)(void *ctx, struct str id, struct str data),
		void *ctx, char problem[HTTP_PROBLEM_SIZE])
{
	struct stream s = { .http = h };
	char line[128];
	long status = 0;
	CURLcode rc;

	prepare(h, path);
	sse_init(&s.sse, on_event, ctx);
	buf_init(&s.refusal, 65536);
	add_header(h, "Accept: text/event-stream");
	if (last_id && last_id[0]) {
		snprintf(line, sizeof(line), "Last-Event-ID: %s", last_id);
		add_header(h, line);
	}
	curl_easy_setopt(h->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(h->curl, CURLOPT_LOW_SPEED_TIME, SILENCE_S);
	curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, h->headers);
	curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, on_stream);
	curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, &s);
	rc = curl_easy_perform(h->curl);
	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	problem[0] = '\0';
	if (status != 200 && status)
		describe(&s.refusal, (int)status, problem);
	else if (rc != CURLE_OK && !s.sse.ended)
		snprintf(problem, HTTP_PROBLEM_SIZE, "%s", h->curl_problem[0] ? h->curl_problem : curl_easy_strerror(rc));
	sse_free(&s.sse);
	buf_free(&s.refusal);
	return problem[0] ? -EIO : 0;
}

void http_add_encoded(struct buf *out, struct str id)
{
	for (size_t i = 0; i < id.n; i++) {
		unsigned char c = (unsigned char)id.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-._~", c)))
			buf_add(out, &c, 1);
		else
			buf_addf(out, "%%%02X", c);
	}
}
