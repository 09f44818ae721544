/* See probe.h: a WebSocket client (RFC 6455) of the size that a diagnosis needs, over a connection that libcurl made. */
#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "id.h"
#include "probe.h"

#define HANDSHAKE_TIMEOUT_MS 10000
#define INPUT_MAX (1 << 20)

/* The key and its answer of RFC 6455, section 1.3: a server that answers the right thing to this one understands WebSockets. */
#define HANDSHAKE_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define HANDSHAKE_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

enum opcode { OPCODE_TEXT = 1, OPCODE_CLOSE = 8, OPCODE_PING = 9, OPCODE_PONG = 10 };

struct probe_socket {
	CURL *curl;
	struct buf in;                  /* received, not yet used */
	size_t used;                    /* what the last message took of it */
	char problem[CURL_ERROR_SIZE];
};

static int wait_for(struct probe_socket *s, short events, int64_t until_ms)
{
	int64_t left = until_ms - clock_monotonic_ms();
	curl_socket_t fd = CURL_SOCKET_BAD;
	struct pollfd p = { .events = events };

	curl_easy_getinfo(s->curl, CURLINFO_ACTIVESOCKET, &fd);
	p.fd = fd;
	return fd == CURL_SOCKET_BAD ? -1 : poll(&p, 1, left > 0 ? (int)left : 0);
}

static bool send_all(struct probe_socket *s, const char *bytes, size_t n)
{
	int64_t until = clock_monotonic_ms() + HANDSHAKE_TIMEOUT_MS;

	while (n > 0) {
		size_t sent = 0;
		CURLcode rc = curl_easy_send(s->curl, bytes, n, &sent);

		if (rc == CURLE_AGAIN && wait_for(s, POLLOUT, until) <= 0)
			return false;
		if (rc != CURLE_OK && rc != CURLE_AGAIN)
			return false;
		bytes += sent;
		n -= sent;
	}
	return true;
}

/* More input. 1: some came; 0: none until then; -1: the connection is over. */
static int receive(struct probe_socket *s, int64_t until_ms)
{
	char piece[16384];

	for (;;) {
		size_t n = 0;
		CURLcode rc = curl_easy_recv(s->curl, piece, sizeof(piece), &n);

		if (rc == CURLE_OK && n > 0) {
			buf_add(&s->in, piece, n);
			return s->in.failed ? -1 : 1;
		}
		if (rc != CURLE_AGAIN)
			return -1;
		if (wait_for(s, POLLIN, until_ms) <= 0)
			return 0;
	}
}

static void consume(struct probe_socket *s, size_t n)
{
	s->in.n -= n;
	memmove(s->in.p, s->in.p + n, s->in.n);
}

/* The end of the head of the answer, 0 when it is not there yet. */
static size_t head_length(struct str in)
{
	const char *end = in.n ? memmem(in.p, in.n, "\r\n\r\n", 4) : NULL;

	return end ? (size_t)(end - in.p) + 4 : 0;
}

static int read_status(struct probe_socket *s, char why[PROBE_WHY_SIZE])
{
	int64_t until = clock_monotonic_ms() + HANDSHAKE_TIMEOUT_MS;
	uint64_t status = 0;
	size_t head;
	int got = 1;

	while ((head = head_length(buf_str(&s->in))) == 0 && got > 0)
		got = receive(s, until);
	if (!head || s->in.n < 12 || !str_starts(buf_str(&s->in), STR("HTTP/1.1 "))
	    || str_to_u64(str_of(s->in.p + 9, 3), 100, 599, &status) < 0) {
		snprintf(why, PROBE_WHY_SIZE, "%s", got < 0 ? "the connection was closed without an answer" : "no answer of HTTP came");
		return 0;
	}
	if (status == 101 && !memmem(s->in.p, head, HANDSHAKE_ACCEPT, sizeof(HANDSHAKE_ACCEPT) - 1)) {
		snprintf(why, PROBE_WHY_SIZE, "the answer's Sec-WebSocket-Accept is wrong");
		return 0;
	}
	consume(s, head);
	return (int)status;
}

static bool shake_hands(struct probe_socket *s, const char *url, const char *origin, const char *token)
{
	struct str rest = str_c(url), host;
	struct buf request;
	bool sent;

	str_cut(&rest, '/');
	str_cut(&rest, '/');
	host = str_cut(&rest, '/');
	buf_init(&request, 32768);
	buf_addf(&request, "GET /" STR_FMT " HTTP/1.1\r\nHost: " STR_FMT "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " HANDSHAKE_KEY "\r\nOrigin: %s\r\n", STR_ARG(rest), STR_ARG(host), origin);
	if (token[0])
		buf_addf(&request, "Authorization: Bearer %s\r\n", token);
	buf_addz(&request, "\r\n");
	sent = !request.failed && send_all(s, request.p, request.n);
	buf_free(&request);
	return sent;
}

void probe_socket_open(const char *url, const char *origin, const char *token, const char *ca_file, struct probe_socket **out, int *status,
		       char why[PROBE_WHY_SIZE], struct buf *body)
{
	struct probe_socket *s = calloc(1, sizeof(*s));
	CURLcode rc = CURLE_OUT_OF_MEMORY;

	*out = NULL;
	*status = 0;
	why[0] = '\0';
	if (!s || !(s->curl = curl_easy_init())) {
		free(s);
		snprintf(why, PROBE_WHY_SIZE, "out of memory");
		return;
	}
	buf_init(&s->in, INPUT_MAX);
	curl_easy_setopt(s->curl, CURLOPT_URL, url);
	curl_easy_setopt(s->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(s->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(s->curl, CURLOPT_CONNECT_ONLY, 1L);
	if (ca_file)
		curl_easy_setopt(s->curl, CURLOPT_CAINFO, ca_file);
	curl_easy_setopt(s->curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1); /* or ALPN would choose HTTP/2, without Upgrade */
	curl_easy_setopt(s->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)HANDSHAKE_TIMEOUT_MS);
	curl_easy_setopt(s->curl, CURLOPT_ERRORBUFFER, s->problem);
	rc = curl_easy_perform(s->curl);
	if (rc != CURLE_OK)
		snprintf(why, PROBE_WHY_SIZE, "%s", s->problem[0] ? s->problem : curl_easy_strerror(rc));
	else if (!shake_hands(s, url, origin, token))
		snprintf(why, PROBE_WHY_SIZE, "the request could not be sent");
	else
		*status = read_status(s, why);
	if (*status == 101) {
		*out = s;
		return;
	}
	receive(s, clock_monotonic_ms() + 200); /* a body may stand in the next packet */
	buf_adds(body, buf_str(&s->in));
	probe_socket_free(s);
}

void probe_socket_free(struct probe_socket *s)
{
	if (!s)
		return;
	buf_free(&s->in);
	curl_easy_cleanup(s->curl);
	free(s);
}

/* A client's frames are masked (RFC 6455, section 5.3). Short ones only: n <= 125. */
static bool send_frame(struct probe_socket *s, enum opcode opcode, struct str payload)
{
	char frame[6 + 125];
	uint64_t mask = random_below(UINT32_MAX);

	if (payload.n > 125)
		return false;
	frame[0] = (char)(0x80 | opcode);
	frame[1] = (char)(0x80 | payload.n);
	memcpy(frame + 2, &mask, 4);
	for (size_t i = 0; i < payload.n; i++)
		frame[6 + i] = (char)(payload.p[i] ^ frame[2 + i % 4]);
	return send_all(s, frame, 6 + payload.n);
}

bool probe_socket_send(struct probe_socket *s, struct str text)
{
	return send_frame(s, OPCODE_TEXT, text);
}

/* One whole frame at the front of the input (a server's are not masked; ours never come in pieces). false: not all is there. */
static bool take_frame(struct probe_socket *s, enum opcode *opcode, struct str *payload)
{
	const unsigned char *p = (const unsigned char *)s->in.p;
	size_t head = 2, n;

	if (s->in.n < 2)
		return false;
	n = p[1] & 0x7f;
	if (n == 126) {
		head = 4;
		n = s->in.n < head ? SIZE_MAX : (size_t)(p[2] << 8 | p[3]);
	} else if (n == 127) {
		head = 10;
		n = s->in.n < head ? SIZE_MAX : (size_t)p[6] << 24 | (size_t)p[7] << 16 | (size_t)p[8] << 8 | p[9];
	}
	if (s->in.n < head || s->in.n - head < n)
		return false;
	*opcode = (enum opcode)(p[0] & 0x0f);
	*payload = str_of(s->in.p + head, n);
	s->used = head + n;
	return true;
}

void probe_socket_next(struct probe_socket *s, int64_t until_ms, struct probe_message *out)
{
	*out = (struct probe_message){ .event = PROBE_SILENCE };
	for (;;) {
		enum opcode opcode;
		int got;

		consume(s, s->used);
		s->used = 0;
		if (take_frame(s, &opcode, &out->text)) {
			out->event = opcode == OPCODE_CLOSE ? PROBE_CLOSE : PROBE_TEXT;
			if (opcode == OPCODE_PING) {
				send_frame(s, OPCODE_PONG, out->text);
			} else if (opcode == OPCODE_CLOSE) {
				out->code = out->text.n >= 2 ? (unsigned char)out->text.p[0] << 8 | (unsigned char)out->text.p[1] : 1005;
				out->text = str_skip(out->text, 2);
				return;
			} else if (opcode == OPCODE_TEXT) {
				return;
			}
			continue;
		}
		got = receive(s, until_ms);
		if (got <= 0) {
			*out = (struct probe_message){ .event = got < 0 ? PROBE_CUT : PROBE_SILENCE };
			return;
		}
	}
}
