/* One run of the fork server as a process: its start, its socket, its end. Called by extractor.c alone. */
#ifndef WORKER_EXTRACTOR_LINK_H
#define WORKER_EXTRACTOR_LINK_H

#include <uv.h>

#include "extract/wire.h"
#include "extractor.h"

struct extract_link;

struct extract_link_events {
	void (*message)(void *ctx, const struct wire_message *message);
	void (*lost)(void *ctx); /* once: the server is gone or going; the link is no longer the caller's */
};

int extract_link_start(uv_loop_t *loop, const struct extractor_config *config, const struct extract_link_events *events,
		       void *ctx, struct extract_link **out);
/* 0, -EAGAIN: the server has too much unread, try later; -errno. */
int extract_link_send(struct extract_link *link, const struct wire_message *message, const int *fds);
/* Ends the server for good, by closing its socket: it then kills its children; if it does not, it is killed, and they
 * with it. events are not called any more, and the link is no longer the caller's. */
void extract_link_stop(struct extract_link *link);
/* The same for a server that no longer does what it is told: it and its children are killed at once. */
void extract_link_kill(struct extract_link *link);

#endif
