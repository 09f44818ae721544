/*
 * See websocket.h. libwebsockets gets each socket with a short, clean upgrade request made here, never the client's own
 * bytes: its header parser need not be trusted, and its header tables can be small.
 *
 * Measured (docs of the design): writing straight from the event that brings a message is twice as fast as
 * lws_callback_on_writable; a 512-byte receive buffer saves 3.5 KiB a connection; its timers are a sorted list, so none are
 * used for living connections (zeroed retry policy).
 */
#include "websocket.h"

#include <errno.h>
#include <libwebsockets.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "server_internal.h"
#include "websocket_internal.h"

#define RX_BUFFER_BYTES 512
#define TX_PACKET_BYTES 65536
#define PIECES_MAX 512
#define LOOK_EVERY 64           /* so many ends take about 2 ms */
#define SESSION_BYTES 1         /* not used, but without it libwebsockets leaves out LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL */

/* When a connection has ended, Debian's build of libwebsockets looks at every other one of the same context, to be sure that none
 * has its descriptor. Each look is a cache miss: with 10,000 connections 20 µs on a quiet machine, and 0.7 ms on a crowded one
 * (perf: nine tenths of the notifier's time while 100 a second came and went). So there are several contexts. A table of a
 * context has an entry for each descriptor; neighbours share one, so that its pages are not spread over all tables. */
#define CONTEXTS 4
#define NEIGHBOURS 512

_Static_assert(WEBSOCKET_HEADROOM >= LWS_PRE, "headroom");

struct websockets {
	struct lws_vhost *vhosts[CONTEXTS];
	struct websocket_handler handler;
	struct server *server;
	uint32_t ended;
	struct websocket *adopting;     /* the one whose upgrade is being made */
	struct websocket *running;      /* the one whose callback runs */
	bool writing;                   /* and that callback is on_writable */
};

/* The one of this process: see websockets_close. */
static struct websockets *only;

static struct websockets *websockets_of(struct lws *wsi)
{
	return lws_context_user(lws_get_context(wsi));
}

static void forget_partial(struct websocket *ws)
{
	free(ws->partial);
	ws->partial = NULL;
	ws->partial_bytes = ws->pieces = 0;
}

/* Adds a piece. false: too much, now or by what the frame's head has announced. */
static bool keep_piece(struct websocket *ws, struct str piece, size_t announced)
{
	char *grown;

	if (++ws->pieces > PIECES_MAX || announced > WEBSOCKET_MESSAGE_MAX_BYTES ||
	    ws->partial_bytes + piece.n + announced > WEBSOCKET_MESSAGE_MAX_BYTES)
		return false;
	grown = realloc(ws->partial, ws->partial_bytes + piece.n + 1);
	if (!grown)
		return false;
	if (piece.n)
		memcpy(grown + ws->partial_bytes, piece.p, piece.n);
	ws->partial = grown;
	ws->partial_bytes = (uint16_t)(ws->partial_bytes + piece.n);
	return true;
}

static void on_piece(struct websockets *w, struct websocket *ws, struct lws *wsi, struct str piece)
{
	bool final = lws_is_final_fragment(wsi);

	if (lws_frame_is_binary(wsi)) {
		if (final)
			w->handler.on_frame(ws);
		return;
	}
	if (final && !ws->pieces) {
		w->handler.on_message(ws, piece);
		return;
	}
	if (!keep_piece(ws, piece, lws_remaining_packet_payload(wsi))) {
		forget_partial(ws);
		w->handler.on_message(ws, str_of(NULL, 0));
		return;
	}
	if (!final)
		return;
	w->handler.on_message(ws, str_of(ws->partial, ws->partial_bytes));
	forget_partial(ws);
}

static void protocol_error(struct lws *wsi)
{
	static unsigned char reason[] = "protocol error";

	lws_close_reason(wsi, LWS_CLOSE_STATUS_PROTOCOL_ERR, reason, sizeof(reason) - 1);
}

/* RFC 6455, 5.5.1 and 7.4: a close frame is empty or begins with a code below 5000, and its text is UTF-8. libwebsockets looks
 * at the lower codes itself. */
static void on_peer_close(struct websocket *ws, struct lws *wsi, struct str payload)
{
	int code = payload.n >= 2 ? (unsigned char)payload.p[0] << 8 | (unsigned char)payload.p[1] : 1005;

	ws->peer_code = (uint16_t)code;
	if (payload.n == 1 || code >= 5000 || !utf8_valid(str_skip(payload, 2).p, str_skip(payload, 2).n)) {
		protocol_error(wsi);
		ws->dropping = true;
	}
}

/* libwebsockets hangs up without a word on some malformed frames (a control frame over 125 bytes). Before an end that neither
 * side has asked for, while the peer is still there, it must be said why. */
static void on_end_begins(struct websocket *ws, struct lws *wsi)
{
	char byte;
	ssize_t n;

	if (ws->peer_code || ws->closing || lws_get_close_length(wsi) > 0)
		return;
	n = recv(lws_get_socket_fd(wsi), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		return;
	protocol_error(wsi);
}

static void on_closed(struct websockets *w, struct websocket *ws, struct lws *wsi)
{
	lws_set_opaque_user_data(wsi, NULL);
	ws->wsi = NULL;
	forget_partial(ws);
	if (ws != w->adopting)
		w->handler.on_closed(ws, ws->peer_code);
}

/* libwebsockets has done all its work for a connection. When a proxy falls, thousands of ends come in one turn of the loop, and
 * in that time the same thousands come back. The kernel keeps 4096 of them and forgets the others, who try again after 1 s,
 * then 3 s: 10,000 took 3.5 s to come back without this look at the listening sockets. */
static void on_end_done(struct websockets *w)
{
	if (++w->ended % LOOK_EVERY == 0 && w->server)
		server_look_for_arrivals(w->server);
}

/* The router. Its result tells libwebsockets whether to go on (0) or to end the connection (-1). */
static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct websockets *w = websockets_of(wsi);
	struct websocket *ws = lws_get_opaque_user_data(wsi), *outer = w ? w->running : NULL;
	bool dropping;

	if (reason == LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED) {
		lws_set_opaque_user_data(wsi, w->adopting);
		return 0;
	}
	if (reason == LWS_CALLBACK_WSI_DESTROY && w)
		on_end_done(w);
	if (!ws || (!ws->wsi && reason != LWS_CALLBACK_ESTABLISHED))
		return 0;
	w->running = ws;
	switch ((int)reason) {
	case LWS_CALLBACK_ESTABLISHED:
		ws->wsi = wsi;
		break;
	case LWS_CALLBACK_RECEIVE:
		if (!ws->peer_code) /* nothing counts after its close frame */
			on_piece(w, ws, wsi, str_of(in, len));
		break;
	case LWS_CALLBACK_RECEIVE_PONG:
		w->handler.on_frame(ws);
		break;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		if (ws->closing) /* there is nothing more to say */
			break;
		w->writing = true;
		w->handler.on_writable(ws);
		w->writing = false;
		break;
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		on_peer_close(ws, wsi, str_of(in, len));
		break;
	case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
		on_end_begins(ws, wsi);
		break;
	case LWS_CALLBACK_CLOSED:
		w->running = outer;
		on_closed(w, ws, wsi);
		return 0;
	default:
		break;
	}
	w->running = outer;
	dropping = ws->dropping;
	ws->dropping = false;
	return dropping ? -1 : 0;
}

#define SPARE_DESCRIPTORS 1024

/* libwebsockets makes a table of as many entries as descriptors may be open, and in Debian's build looks through all of it
 * whenever a connection has ended. Measured: 0.4 ns an entry, so 0.4 ms with the 1048576 that services are often granted:
 * 10,000 browsers that leave at once would stop everybody for 4 s. */
static void bound_descriptors(const struct server *s, int64_t max_websockets)
{
	rlim_t needed = (rlim_t)(max_websockets + s->max_connections + SPARE_DESCRIPTORS);
	struct rlimit limit;

	if (max_websockets && s->max_connections && getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > needed) {
		limit.rlim_cur = needed;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int websockets_open(struct server *s, const struct websocket_handler *handler, int64_t max)
{
	static const struct lws_protocols protocols[] = {
		{ "cvpulse", callback, SESSION_BYTES, RX_BUFFER_BYTES, 0, NULL, TX_PACKET_BYTES },
		{ NULL, NULL, 0, 0, 0, NULL, 0 },
	};
	static const lws_retry_bo_t no_timers = { .secs_since_valid_ping = 0, .secs_since_valid_hangup = 0 };
	void *loops[] = { s->loop };
	struct websockets *w = calloc(1, sizeof(*w));
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.protocols = protocols,
		.gid = -1,
		.uid = -1,
		.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_VALIDATE_UTF8 | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
			LWS_SERVER_OPTION_UV_NO_SIGSEGV_SIGFPE_SPIN,
		.foreign_loops = loops,
		.user = w,
		.max_http_header_data = 1024,
		.max_http_header_pool = 64,
		.pt_serv_buf_size = 4096,
		.timeout_secs = 10,
		.retry_and_idle_policy = &no_timers,
	};

	if (!w || only) {
		free(w);
		return only ? -EBUSY : -ENOMEM;
	}
	only = w;
	lws_set_log_level(0, NULL);
	bound_descriptors(s, max);
	w->server = s;
	w->handler = *handler;
	s->websockets = w;
	for (int i = 0; i < CONTEXTS; i++) {
		struct lws_context *context = lws_create_context(&info);

		w->vhosts[i] = context ? lws_create_vhost(context, &info) : NULL;
		if (!w->vhosts[i])
			return -ELIBACC;
	}
	return 0;
}

/* libwebsockets 4.1.6 cannot end a context on a foreign libuv loop: it unloads its event library while that library's close
 * callbacks are still to come (seen: a jump into unmapped memory). A process has one server, so the context stays until the
 * process ends; its handles are closed with the loop. */
void websockets_close(struct server *s)
{
	if (s->websockets)
		s->websockets->server = NULL;
	s->websockets = NULL;
}

int websocket_accept(struct request *rq, struct websocket *ws)
{
	struct http_connection *c = connection_of(rq);
	struct websockets *w = rq->server->websockets;
	struct str key = http_head_field(&rq->server->head, "sec-websocket-key");
	struct buf head;
	struct lws *wsi;
	int fd;

	buf_init(&head, 4 * HTTP_HEAD_MAX_BYTES);
	buf_addf(&head, "GET / HTTP/1.1\r\nHost: -\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		 "Sec-WebSocket-Key: " STR_FMT "\r\n\r\n", STR_ARG(key));
	buf_add(&head, c->in.p + c->in_used, c->in.n - c->in_used); /* frames that came with the request */
	fd = http_connection_give_away(c);
	w->adopting = ws;
	wsi = head.failed ? NULL : lws_adopt_socket_vhost_readbuf(w->vhosts[fd / NEIGHBOURS % CONTEXTS], fd, head.p, head.n);
	w->adopting = NULL;
	buf_free(&head);
	return wsi && ws->wsi ? 0 : -EPIPE;
}

#define FIN_TEXT 0x81

/* The header of a whole text frame (RFC 6455, 5.2), before its payload; its length. */
static size_t write_header(unsigned char *payload, size_t n)
{
	size_t size = n < 126 ? 2 : n < 65536 ? 4 : 10, extended = size - 2;
	unsigned char *head = payload - size;

	head[0] = FIN_TEXT;
	head[1] = (unsigned char)(extended == 0 ? n : extended == 2 ? 126 : 127);
	for (size_t i = 0; i < extended; i++)
		head[size - 1 - i] = (unsigned char)((uint64_t)n >> 8 * i);
	return size;
}

/* Straight to the socket: lws_write() costs a frame 480 instructions (callgrind), this 60. What the socket does not take is
 * libwebsockets' to keep: LWS_WRITE_HTTP means bytes as they are. */
int websocket_write_text(struct websocket *ws, char *payload, size_t n)
{
	size_t size = write_header((unsigned char *)payload, n);
	unsigned char *bytes = (unsigned char *)payload - size;
	ssize_t sent;

	if (ws->peer_code) /* after its close frame libwebsockets says what may still be sent */
		return lws_write(ws->wsi, (unsigned char *)payload, n, LWS_WRITE_TEXT) < 0 ? -EPIPE : 0;
	n += size;
	sent = send(lws_get_socket_fd(ws->wsi), bytes, n, MSG_NOSIGNAL);
	if (sent == (ssize_t)n)
		return 0;
	if (sent < 0 && errno != EAGAIN && errno != EINTR)
		return -EPIPE;
	if (sent > 0) {
		bytes += sent;
		n -= (size_t)sent;
	}
	return lws_write(ws->wsi, bytes, n, LWS_WRITE_HTTP) < 0 ? -EPIPE : 0;
}

/* Not an empty one: of the pong that answers it libwebsockets would tell nothing. */
int websocket_ping(struct websocket *ws)
{
	unsigned char frame[LWS_PRE + 1];

	frame[LWS_PRE] = '.';
	return lws_write(ws->wsi, frame + LWS_PRE, 1, LWS_WRITE_PING) < 0 ? -EPIPE : 0;
}

bool websocket_is_blocked(const struct websocket *ws)
{
	return lws_partial_buffered(ws->wsi);
}

void websocket_want_write(struct websocket *ws)
{
	lws_callback_on_writable(ws->wsi);
}

/* Starts libwebsockets' way of ending a connection, now. */
static void end_now(struct websocket *ws)
{
	lws_set_timeout(ws->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

/* Inside its own callback the connection must not be pulled away from under libwebsockets: the callback's result ends it. But
 * Debian's build ends it twice after on_writable (a self-test for libuv), and the second time without the close frame. With a
 * close frame to send nothing is freed yet, so there it may be started at once. */
void websocket_close(struct websocket *ws, int code, struct str reason)
{
	struct websockets *w = websockets_of(ws->wsi);
	unsigned char text[WEBSOCKET_REASON_MAX];
	size_t n = reason.n < sizeof(text) ? reason.n : sizeof(text);

	if (ws->closing)
		return;
	ws->closing = true;
	memcpy(text, reason.p, n);
	lws_close_reason(ws->wsi, (enum lws_close_status)code, text, n);
	if (w->running == ws && !w->writing)
		ws->dropping = true;
	else
		end_now(ws);
}

void websocket_drop(struct websocket *ws)
{
	ws->closing = true; /* without a word: see on_end_begins */
	if (websockets_of(ws->wsi)->running == ws)
		ws->dropping = true;
	else
		end_now(ws);
}
