/* See doctor.h: what a WebSocket shows. */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "doctor.h"
#include "keys.h"
#include "session.h"

#define ANSWER_MS 5000
#define HEARTBEAT_MAX_MS 46000          /* the longest interval that checkconfig accepts, and a second */

static void open_socket(const struct doctor *d, const char *token, struct probe_socket **out, int *status, char why[PROBE_WHY_SIZE], struct buf *body)
{
	char url[PROBE_URL_SIZE];

	buf_init(body, PROBE_BODY_MAX);
	doctor_url(d, "/ws/", "", url);
	probe_socket_open(url, d->target.base, token, d->ca_file, out, status, why, body);
}

/* What stands between when the upgrade did not come through: the notifier's own words where it was reached. */
static void judge_refusal(struct doctor *d, int status, const char *why, const struct buf *body)
{
	cJSON *problem = cJSON_ParseWithLength(body->p, body->n);
	const char *code = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(problem, "code"));
	const char *detail = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(problem, "detail"));

	if (status == 426 && code && strcmp(code, "upgrade_required") == 0)
		found(d, "websocket", VERDICT_FAULT, "nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header "
		      "Connection $cvpulse_connection; (nginx/cvpulse.conf). Cloudflare: Network, WebSockets: on",
		      "a proxy does not pass the upgrade on: %s", detail ? detail : "status 426");
	else if (status == 502 || status == 503 || status == 504)
		found(d, "websocket", VERDICT_FAULT, "start it: systemctl start cvpulse.target; compare nginx/upstreams.conf with [notifier] listen",
		      "the proxy does not reach the notifier (status %d)", status);
	else if (status == 429)
		found(d, "websocket", VERDICT_FAULT, "wait a minute; if browsers see this too: limit_req and [notifier] connects_per_second", "too many connections (status 429)");
	else if (status)
		found(d, "websocket", VERDICT_FAULT, "let the proxy pass …/ws/ on to the notifier, as nginx/cvpulse.conf does",
		      "no upgrade: status %d%s%s", status, detail ? ", " : "", detail ? detail : "");
	else
		found(d, "websocket", VERDICT_FAULT, "see the proxy's error log", "no upgrade: %s", why);
	cJSON_Delete(problem);
}

static void judge_close(struct doctor *d, const struct probe_message *m)
{
	const char *remedy = "docs/close-codes.md tells what this code means";

	if (m->code == 4401 && !d->target.token[0])
		remedy = "give a token: cvpulse token USER >FILE, then --user USER --token-file FILE";
	else if (m->code == 4401)
		remedy = "make a new token (cvpulse token USER); compare [auth] keys, issuer and audience with those of who signs";
	else if (m->code == 4403)
		remedy = "the token must be for the user of --user; the page's origin must be in [auth] allowed_origins";
	found(d, "token", VERDICT_FAULT, remedy, "the connection is refused with code %d" "%s" STR_FMT, m->code, m->text.n ? ": " : "", STR_ARG(m->text));
}

static bool judge_ping(struct doctor *d, struct probe_socket *s)
{
	int64_t began = clock_monotonic_ms();
	struct probe_message m;

	probe_socket_send(s, STR("ping"));
	do {
		probe_socket_next(s, began + ANSWER_MS, &m);
	} while (m.event == PROBE_TEXT && !str_eq(m.text, STR("{\"type\": \"pong\"}")));
	if (m.event == PROBE_CLOSE) {
		judge_close(d, &m);
		return false;
	}
	found(d, "token", VERDICT_OK, NULL, "%s", d->target.token[0] ? "accepted" : "none needed");
	if (m.event == PROBE_TEXT)
		found(d, "ping", VERDICT_OK, NULL, "pong after %" PRId64 " ms", clock_monotonic_ms() - began);
	else
		found(d, "ping", VERDICT_FAULT, "a proxy passes the upgrade but not what follows; look at its WebSocket support and buffering",
		      "no pong in %d s%s", ANSWER_MS / 1000, m.event == PROBE_CUT ? ": the connection was cut" : "");
	return m.event == PROBE_TEXT;
}

struct delivery {
	int64_t receivers;              /* -1: no answer */
};

static void on_published(void *ctx, const struct redisReply *reply)
{
	struct delivery *delivery = ctx;

	delivery->receivers = reply_int(reply, -1);
}

/* A frame of nobody's: it is forwarded as it is and kept nowhere. */
static void judge_event(struct doctor *d, struct probe_socket *s)
{
	struct delivery delivery = { -1 };
	struct session session;
	struct probe_message m;
	char channel[KEY_SIZE], frame[128];
	int64_t began = clock_monotonic_ms();
	struct str argv[3] = { STR("PUBLISH") };

	if (!d->publish)
		return;
	if (session_open(&session, &command_doctor, d->cfg) < 0) {
		found(d, "event", VERDICT_FAULT, "give the configuration that the notifier uses: -c FILE", "Redis could not be reached, so no event was sent");
		return;
	}
	key_user(channel, d->cfg->redis_key_form, str_c(d->user), "events");
	snprintf(frame, sizeof(frame), "{\"type\":\"doctor\",\"nonce\":\"%016" PRIx64 "\"}", random_below(UINT64_MAX));
	argv[1] = str_c(channel);
	argv[2] = str_c(frame);
	session_ask(&session, on_published, &delivery, 3, argv);
	session_close(&session);
	do {
		probe_socket_next(s, began + ANSWER_MS, &m);
	} while (m.event == PROBE_TEXT && !str_eq(m.text, str_c(frame)));
	if (m.event == PROBE_TEXT)
		found(d, "event", VERDICT_OK, NULL, "from Redis to here in %" PRId64 " ms", clock_monotonic_ms() - began);
	else if (delivery.receivers == 0)
		found(d, "event", VERDICT_FAULT, "compare [redis] url, its database and key_form on both machines",
		      "nobody subscribes to the user's channel in this Redis: the notifier uses another one");
	else
		found(d, "event", VERDICT_FAULT, "look at the notifier's log and at /health/ready", "an event that was published did not arrive");
}

/* Says nothing, as a page that only watches. Heartbeats must come, and nobody may cut. */
static void judge_silence(struct doctor *d, struct probe_socket *s)
{
	int64_t began = clock_monotonic_ms(), end = began + d->idle_ms, heard = began, longest = 0, now;
	struct probe_message m;
	int heartbeats = 0;

	if (!d->idle_ms)
		return;
	do {
		probe_socket_next(s, end, &m);
		now = clock_monotonic_ms();
		longest = now - heard > longest ? now - heard : longest;
		if (m.event == PROBE_TEXT) {
			heartbeats += str_eq(m.text, STR("{\"type\": \"heartbeat\"}"));
			heard = now;
		}
	} while (m.event == PROBE_TEXT);
	if (m.event == PROBE_CUT)
		found(d, "silence", VERDICT_FAULT, "raise the proxy's time-outs (nginx: proxy_read_timeout 7200s and proxy_send_timeout 7200s for …/ws/); "
		      "[notifier] heartbeat_interval_s must be shorter than every proxy's",
		      "the connection was cut without a close code after %.1f s, %.1f s after the last frame: a proxy's time-out",
		      (double)(now - began) / 1000, (double)(now - heard) / 1000);
	else if (m.event == PROBE_CLOSE)
		found(d, "silence", VERDICT_FAULT, "docs/close-codes.md tells what this code means", "the server closed with code %d after %.1f s", m.code, (double)(now - began) / 1000);
	else if (heartbeats)
		found(d, "silence", VERDICT_OK, NULL, "%.0f s without a word of ours: %d heartbeats, at most %.1f s between them", (double)d->idle_ms / 1000,
		      heartbeats, (double)longest / 1000);
	else
		found(d, "silence", d->idle_ms > HEARTBEAT_MAX_MS ? VERDICT_FAULT : VERDICT_NOTE,
		      d->idle_ms > HEARTBEAT_MAX_MS ? "is this the notifier? a proxy that answers WebSockets itself must pass them on" : NULL,
		      "%.0f s without a heartbeat", (double)d->idle_ms / 1000);
}

static void judge_bad_token(struct doctor *d)
{
	struct probe_socket *s;
	struct probe_message m = { .event = PROBE_SILENCE };
	char why[PROBE_WHY_SIZE];
	struct buf body;
	int status;

	open_socket(d, "not.a.token", &s, &status, why, &body);
	if (s) {
		probe_socket_send(s, STR("ping"));
		probe_socket_next(s, clock_monotonic_ms() + ANSWER_MS, &m);
	}
	if (status == 401 || (m.event == PROBE_CLOSE && m.code == 4401))
		found(d, "bad token", VERDICT_OK, NULL, "refused with %d", s ? m.code : status);
	else if (m.event == PROBE_TEXT)
		found(d, "bad token", d->loopback ? VERDICT_NOTE : VERDICT_FAULT, d->loopback ? NULL : "set [auth] mode = jwt and a key: anybody can read anybody's events",
		      "accepted: authentication is off");
	else
		found(d, "bad token", VERDICT_WARNING, "browsers need the code 4401 to know that they must fetch a new token; a proxy may swallow it",
		      "neither code 4401 nor status 401 came (status %d, code %d)", status, m.code);
	probe_socket_free(s);
	buf_free(&body);
}

void doctor_socket(struct doctor *d)
{
	struct probe_socket *s;
	char why[PROBE_WHY_SIZE];
	struct buf body;
	int status;

	open_socket(d, d->target.token, &s, &status, why, &body);
	if (s) {
		found(d, "websocket", VERDICT_OK, NULL, "101, the upgrade came through");
		d->accepted = judge_ping(d, s);
		if (d->accepted) {
			judge_event(d, s);
			judge_bad_token(d);
			judge_silence(d, s);
		}
		probe_socket_free(s);
	} else if (status == 401 || status == 403) {
		judge_close(d, &(struct probe_message){ .code = status == 401 ? 4401 : 4403 });
	} else {
		judge_refusal(d, status, why, &body);
	}
	buf_free(&body);
}
