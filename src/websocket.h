/*
 * WebSockets (RFC 6455) by libwebsockets: framing, masking, fragments, control frames, the closing handshake. websocket.c is
 * the only file that includes it. The upgrade request has been read and judged by the HTTP side before it comes here.
 */
#ifndef CVPULSE_WEBSOCKET_H
#define CVPULSE_WEBSOCKET_H

#include "server.h"

struct lws;

/* Lies inside the caller's connection. Zeroed before websocket_accept. */
struct websocket {
	struct lws *wsi;                /* NULL: not open */
	char *partial;                  /* a message that comes in pieces */
	uint16_t partial_bytes, pieces;
	uint16_t peer_code;             /* of its close frame; 0: none came */
	bool closing;                   /* our close frame is decided */
	bool dropping;                  /* the callback that runs must end this connection */
};

#define WEBSOCKET_MESSAGE_MAX_BYTES 8192 /* longer messages are never put together */
#define WEBSOCKET_HEADROOM 16   /* writable bytes that must stand before each payload */
#define WEBSOCKET_REASON_MAX 123

struct websocket_handler {
	/* A whole text message; {NULL, 0}: it was too long or came in too many pieces. */
	void (*on_message)(struct websocket *ws, struct str text);
	/* A binary message, or a pong: the peer lives. */
	void (*on_frame)(struct websocket *ws);
	/* After websocket_want_write, or when what libwebsockets had to keep back has gone. */
	void (*on_writable)(struct websocket *ws);
	/* The end, always, once, after a successful accept. peer_code: what the peer's close frame said; 0 if none came. */
	void (*on_closed)(struct websocket *ws, int peer_code);
};

/* Makes upgrades possible, of at most so many connections at once (0: as many as descriptors). -ELIBACC: libwebsockets does not
 * start; its plugin for libuv, a package of its own, is missing. */
int websockets_open(struct server *s, const struct websocket_handler *handler, int64_t max);

/* Upgrades rq's connection; rq has ended when this returns (on_request_end was called). 0, or -EPIPE: the peer is gone. */
int websocket_accept(struct request *rq, struct websocket *ws);

/* Frames and writes at once. The payload stays as it is, but the headroom before it is used, so one buffer serves any number
 * of connections in turn. Never call it while websocket_is_blocked. -EPIPE: the connection is broken, drop it. */
int websocket_write_text(struct websocket *ws, char *payload, size_t n);
int websocket_ping(struct websocket *ws);
/* A part of the last frame still waits for the peer to read. */
bool websocket_is_blocked(const struct websocket *ws);
void websocket_want_write(struct websocket *ws);

/* The polite end: a close frame, then the peer's answer is waited for (5 s). Only while not blocked. */
void websocket_close(struct websocket *ws, int code, struct str reason);
/* The other end: no close frame. */
void websocket_drop(struct websocket *ws);

#endif
