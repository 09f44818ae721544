/* See doctor.h: what plain HTTP shows. */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "doctor.h"
#include "http.h"

#define ANSWER_TIMEOUT_MS 15000
#define FIRST_EVENT_MS 5000             /* a stream with snapshot=1 has something to say at once */
#define LONG_POLL_S 2
#define CLOCK_WARNING_S 5
#define CLOCK_FAULT_S 30                /* tokens are given 60 s of leeway */
#define CERTIFICATE_WARNING_DAYS 14

static void look(const struct doctor *d, const char *method, const char *url, struct probe_answer *out)
{
	const struct probe_request rq = { .method = method, .url = url, .token = d->target.token, .ca_file = d->ca_file, .timeout_ms = ANSWER_TIMEOUT_MS };

	probe(&rq, out);
}

static bool is_https(const struct doctor *d)
{
	return str_starts(str_c(d->target.base), STR("https://"));
}

static void judge_tls(struct doctor *d, const struct probe_answer *a)
{
	if (!is_https(d)) {
		if (d->loopback)
			found(d, "tls", VERDICT_NOTE, NULL, "none, as may be on this machine itself");
		else
			found(d, "tls", VERDICT_FAULT, "serve https (nginx: listen 443 ssl, with a certificate): tokens must not travel readable, and a page on https cannot open ws://",
			      "the address is not https: what is sent is readable on the way");
		return;
	}
	if (a->certificate_days >= 0 && a->certificate_days < CERTIFICATE_WARNING_DAYS)
		found(d, "tls", VERDICT_WARNING, "renew it", "the certificate ends in %" PRId64 " days", a->certificate_days);
	else
		found(d, "tls", VERDICT_OK, NULL, "the certificate is good for %" PRId64 " days", a->certificate_days);
}

/* Only for https: whoever types the name alone must come there. */
static void judge_redirect(struct doctor *d)
{
	struct str host = str_skip(str_c(d->target.base), sizeof("https://") - 1);
	struct probe_answer a;
	char url[PROBE_URL_SIZE];

	if (!is_https(d) || memchr(host.p, ':', host.n))
		return;
	snprintf(url, sizeof(url), "http://" STR_FMT "/", STR_ARG(host));
	look(&(struct doctor){ .n = 0 }, "GET", url, &a); /* no token over http */
	if (a.status >= 301 && a.status <= 308 && str_starts(str_c(a.location), STR("https://")))
		found(d, "redirect", VERDICT_OK, NULL, "http leads to https");
	else
		found(d, "redirect", VERDICT_WARNING, "answer port 80 with a redirect (nginx), or \"Always Use HTTPS\" (Cloudflare)",
		      "http does not lead to https (%s%d)", a.status ? "status " : "", a.status);
	buf_free(&a.body);
}

static void judge_clock(struct doctor *d, int64_t date_s)
{
	int64_t off = date_s - clock_wall_ms() / 1000;

	if (date_s < 0)
		found(d, "clock", VERDICT_NOTE, NULL, "the answer has no date to compare");
	else if (llabs(off) > CLOCK_FAULT_S)
		found(d, "clock", VERDICT_FAULT, "set both clocks (timedatectl set-ntp true): tokens are refused when they differ by a minute",
		      "this machine's clock and the server's differ by %lld s", llabs(off));
	else
		found(d, "clock", llabs(off) > CLOCK_WARNING_S ? VERDICT_WARNING : VERDICT_OK, NULL, "%lld s apart from the server's", llabs(off));
}

bool doctor_reach(struct doctor *d)
{
	struct probe_answer a;
	char url[PROBE_URL_SIZE];

	snprintf(url, sizeof(url), "%s/health", d->target.base);
	look(d, "GET", url, &a);
	if (a.no_such_name)
		found(d, "name", VERDICT_FAULT, "make an A or AAAA record for it, or correct the address", "%s", a.why);
	else if (a.bad_certificate)
		found(d, "tls", VERDICT_FAULT, "install a certificate for this name that browsers trust, with its whole chain", "%s", a.why);
	else if (a.status == 0)
		found(d, "connection", VERDICT_FAULT, "is nginx running, does it listen there, does a firewall stand between?", "%s", a.why);
	if (a.status) {
		found(d, "connection", VERDICT_OK, NULL, "%s answers", a.address);
		judge_tls(d, &a);
		judge_redirect(d);
		if (a.cf_ray[0])
			found(d, "cloudflare", VERDICT_NOTE, NULL, "in front (cf-ray %s): it cuts connections that are silent for about 100 s", a.cf_ray);
		else
			found(d, "cloudflare", VERDICT_NOTE, NULL, "not in front");
		judge_clock(d, a.date_s);
	}
	buf_free(&a.body);
	return a.status != 0;
}

void doctor_health(struct doctor *d)
{
	struct probe_answer a;
	char url[PROBE_URL_SIZE];
	cJSON *body;
	const char *message;

	snprintf(url, sizeof(url), "%s/health/ready", d->target.base);
	look(d, "GET", url, &a);
	body = cJSON_ParseWithLength(a.body.p, a.body.n);
	message = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, "message"));
	if (a.status == 200 && message)
		found(d, "health", VERDICT_OK, NULL, "the notifier is ready");
	else if (a.status == 503 && message)
		found(d, "health", VERDICT_FAULT, "is Redis running and [redis] url right? systemctl status redis-server; journalctl -u 'cvpulse-notifier@*'",
		      "the notifier is not ready: %s", message);
	else if (a.status == 502 || a.status == 503 || a.status == 504)
		found(d, "health", VERDICT_FAULT, "start it: systemctl start cvpulse.target; compare nginx/upstreams.conf with [notifier] listen",
		      "the proxy does not reach the notifier (status %d)", a.status);
	else
		found(d, "health", VERDICT_WARNING, "let the proxy pass /health/ready on to the notifier, as nginx/cvpulse.conf does",
		      "/health/ready is not the notifier's (status %d)", a.status);
	cJSON_Delete(body);
	buf_free(&a.body);
}

static void judge_events(struct doctor *d)
{
	struct probe_request rq = { .method = "GET", .token = d->target.token, .ca_file = d->ca_file, .accept = "text/event-stream", .timeout_ms = FIRST_EVENT_MS, .first_bytes = true };
	struct probe_answer a;
	char url[PROBE_URL_SIZE];

	doctor_url(d, "/events/", "?snapshot=1", url);
	rq.url = url;
	probe(&rq, &a);
	if (a.status == 200 && a.first_byte_ms >= 0 && str_starts(str_c(a.content_type), STR("text/event-stream")))
		found(d, "sse", VERDICT_OK, NULL, "server-sent events arrive after %" PRId64 " ms", a.first_byte_ms);
	else if (a.first_byte_ms < 0 && (a.status == 200 || a.status == 0))
		found(d, "sse", VERDICT_FAULT, "switch buffering and compression off for …/events/ (nginx: proxy_buffering off, gzip off, no "
		      "proxy_ignore_headers X-Accel-Buffering; Cloudflare: response_body_buffering none)",
		      "nothing of the event stream came in %d s: a proxy holds it back%s%s", FIRST_EVENT_MS / 1000, a.status ? "" : "; ", a.status ? "" : a.why);
	else
		found(d, "sse", VERDICT_FAULT, "let the proxy pass …/events/ on to the notifier", "server-sent events: status %d, %s", a.status, a.content_type);
	buf_free(&a.body);
}

static void judge_poll(struct doctor *d)
{
	struct probe_request rq = { .method = "GET", .token = d->target.token, .ca_file = d->ca_file, .accept = "application/json", .timeout_ms = ANSWER_TIMEOUT_MS };
	struct probe_answer first, second;
	char url[PROBE_URL_SIZE], tail[160];
	cJSON *body;
	const char *last;
	int64_t began;

	doctor_url(d, "/events/", "", url);
	rq.url = url;
	probe(&rq, &first);
	body = cJSON_ParseWithLength(first.body.p, first.body.n);
	last = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, "last_id"));
	if (first.status != 200 || !last) {
		found(d, "poll", VERDICT_FAULT, "let the proxy pass …/events/ on to the notifier", "polling does not work (status %d)", first.status);
	} else {
		snprintf(tail, sizeof(tail), "?wait=%d&after_id=%.128s", LONG_POLL_S, last);
		doctor_url(d, "/events/", tail, url);
		began = clock_monotonic_ms();
		probe(&rq, &second);
		if (second.status == 200)
			found(d, "poll", VERDICT_OK, NULL, "a long poll came back after %" PRId64 " ms", clock_monotonic_ms() - began);
		else
			found(d, "poll", VERDICT_FAULT, "raise the proxy's read time-out for …/events/ above 25 s", "a long poll ended badly (status %d) %s", second.status, second.why);
		buf_free(&second.body);
	}
	cJSON_Delete(body);
	buf_free(&first.body);
}

void doctor_streams(struct doctor *d)
{
	if (!d->accepted)
		return; /* the WebSocket's lines say why */
	judge_events(d);
	judge_poll(d);
}

void doctor_uploads(struct doctor *d)
{
	struct probe_answer a;
	char url[PROBE_URL_SIZE];

	snprintf(url, sizeof(url), "%s" API_BASE "/files", d->target.base);
	look(d, "OPTIONS", url, &a);
	if (a.tus_resumable[0])
		found(d, "uploads", VERDICT_OK, NULL, "resumable uploads, tus %s (%s)", a.tus_resumable, a.tus_extension);
	else if (a.status == 423 || a.status == 502 || a.status == 503 || a.status == 504)
		found(d, "uploads", VERDICT_FAULT, "start it: systemctl start cvpulse.target; compare nginx/upstreams.conf with [worker] listen",
		      "the proxy does not reach the worker (status %d)", a.status);
	else
		found(d, "uploads", VERDICT_NOTE, NULL, "no worker of cvpulse serves uploads here (status %d)", a.status);
	buf_free(&a.body);
}
