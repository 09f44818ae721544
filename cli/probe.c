/* See probe.h: one HTTP request. */
#include "probe.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "clock.h"

#define CONNECT_TIMEOUT_MS 10000L

struct look {
	struct probe_answer *out;
	CURL *curl;
	int64_t began_ms;
	bool first_bytes;
};

static void keep(char *out, size_t cap, struct str value)
{
	snprintf(out, cap, STR_FMT, STR_ARG(value));
}

static size_t on_header(char *bytes, size_t one, size_t n, void *ctx)
{
	struct probe_answer *a = ((struct look *)ctx)->out;
	const struct { const char *name; char *out; size_t cap; } fields[] = {
		{ "cf-ray", a->cf_ray, sizeof(a->cf_ray) },
		{ "location", a->location, sizeof(a->location) },
		{ "content-type", a->content_type, sizeof(a->content_type) },
		{ "tus-resumable", a->tus_resumable, sizeof(a->tus_resumable) },
		{ "tus-extension", a->tus_extension, sizeof(a->tus_extension) },
	};
	struct str value = str_of(bytes, n), name;
	char date[64];

	while (value.n && (value.p[value.n - 1] == '\r' || value.p[value.n - 1] == '\n'))
		value.n--;
	name = str_cut(&value, ':');
	if (str_eq_nocase(name, STR("date"))) {
		keep(date, sizeof(date), str_trim(value));
		a->date_s = (int64_t)curl_getdate(date, NULL);
	}
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (str_eq_nocase(name, str_c(fields[i].name)))
			keep(fields[i].out, fields[i].cap, str_trim(value));
	return n;
}

static size_t on_body(char *bytes, size_t one, size_t n, void *ctx)
{
	struct look *look = ctx;

	if (look->out->first_byte_ms < 0)
		look->out->first_byte_ms = clock_monotonic_ms() - look->began_ms;
	buf_add(&look->out->body, bytes, n);
	return look->first_bytes || look->out->body.failed ? 0 : n;
}

static int64_t days_of_certificate(CURL *curl)
{
	struct curl_certinfo *chain = NULL;

	if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &chain) != CURLE_OK || !chain || chain->num_of_certs < 1)
		return -1;
	for (struct curl_slist *line = chain->certinfo[0]; line; line = line->next)
		if (str_starts(str_c(line->data), STR("Expire date:")))
			return ((int64_t)curl_getdate(line->data + sizeof("Expire date:") - 1, NULL) - clock_wall_ms() / 1000) / 86400;
	return -1;
}

static void read_outcome(struct look *look, CURLcode rc, const char *problem)
{
	struct probe_answer *a = look->out;
	char *address = NULL;
	long status = 0;

	curl_easy_getinfo(look->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(look->curl, CURLINFO_PRIMARY_IP, &address);
	a->status = (int)status;
	a->no_such_name = rc == CURLE_COULDNT_RESOLVE_HOST;
	a->bad_certificate = rc == CURLE_PEER_FAILED_VERIFICATION;
	a->certificate_days = days_of_certificate(look->curl);
	snprintf(a->address, sizeof(a->address), "%s", address ? address : "");
	if (rc != CURLE_OK)
		snprintf(a->why, sizeof(a->why), "%s", problem[0] ? problem : curl_easy_strerror(rc));
}

void probe(const struct probe_request *rq, struct probe_answer *out)
{
	struct look look = { .out = out, .curl = curl_easy_init(), .began_ms = clock_monotonic_ms(), .first_bytes = rq->first_bytes };
	struct curl_slist *headers = NULL;
	char problem[CURL_ERROR_SIZE] = "", line[8300];

	*out = (struct probe_answer){ .date_s = -1, .first_byte_ms = -1, .certificate_days = -1 };
	buf_init(&out->body, PROBE_BODY_MAX);
	if (!look.curl) {
		snprintf(out->why, sizeof(out->why), "out of memory");
		return;
	}
	if (rq->token[0]) {
		snprintf(line, sizeof(line), "Authorization: Bearer %s", rq->token);
		headers = curl_slist_append(headers, line);
	}
	if (rq->accept) {
		snprintf(line, sizeof(line), "Accept: %s", rq->accept);
		headers = curl_slist_append(headers, line);
	}
	curl_easy_setopt(look.curl, CURLOPT_URL, rq->url);
	curl_easy_setopt(look.curl, CURLOPT_CUSTOMREQUEST, rq->method);
	curl_easy_setopt(look.curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(look.curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(look.curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(look.curl, CURLOPT_CERTINFO, 1L);
	if (rq->ca_file)
		curl_easy_setopt(look.curl, CURLOPT_CAINFO, rq->ca_file);
	curl_easy_setopt(look.curl, CURLOPT_USERAGENT, "cvpulse-doctor/" PACKAGE_VERSION);
	curl_easy_setopt(look.curl, CURLOPT_ERRORBUFFER, problem);
	curl_easy_setopt(look.curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(look.curl, CURLOPT_TIMEOUT_MS, (long)rq->timeout_ms);
	curl_easy_setopt(look.curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(look.curl, CURLOPT_HEADERDATA, &look);
	curl_easy_setopt(look.curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(look.curl, CURLOPT_WRITEDATA, &look);
	read_outcome(&look, curl_easy_perform(look.curl), problem);
	curl_slist_free_all(headers);
	curl_easy_cleanup(look.curl);
}
