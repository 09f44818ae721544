/*
 * The connection that events come in on: SUBSCRIBE per channel over an own socket, read with hiredis' reader whose reply
 * functions allocate nothing. It reconnects by itself (full jitter). What is subscribed to is the caller's to know: after
 * `connected` everything must be asked for again; requests of one turn go out as one command.
 */
#ifndef CVPULSE_SUBSCRIBER_H
#define CVPULSE_SUBSCRIBER_H

#include <uv.h>

#include "config.h"
#include "str.h"

struct subscriber;

struct subscriber_handler {
	void (*connected)(void *ctx);
	void (*disconnected)(void *ctx);        /* nothing is subscribed to any more */
	void (*subscribed)(void *ctx, struct str channel);
	void (*unsubscribed)(void *ctx, struct str channel);
	/* FRAME_HEADROOM bytes before the payload may be overwritten. */
	void (*message)(void *ctx, struct str channel, char *payload, size_t n);
	void *ctx;
};

/* `always` are channels that every connection subscribes to first (NULL at the end); borrowed. */
int subscriber_open(uv_loop_t *loop, const struct config *cfg, const char *const *always,
		    const struct subscriber_handler *handler, struct subscriber **out);
void subscriber_close(struct subscriber *s);    /* nothing is called afterwards */
bool subscriber_is_connected(const struct subscriber *s);
/* Without effect while not connected. */
void subscriber_subscribe(struct subscriber *s, struct str channel);
void subscriber_unsubscribe(struct subscriber *s, struct str channel);
/* With Sentinels: the commands go to the master there, so this connection must be there, too. Nothing if it is. */
struct redis_place;
void subscriber_go(struct subscriber *s, const struct redis_place *place);
/* Breaks the connection and makes a new one: it does not deliver. */
void subscriber_reconnect(struct subscriber *s, const char *why);

#endif
