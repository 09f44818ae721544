/*
 * A frame that may be written to any number of connections. What comes from Redis is written straight from a buffer; only
 * when a connection must wait is it copied once, counted, and shared by every outbox that holds it.
 */
#ifndef CVPULSE_FRAME_H
#define CVPULSE_FRAME_H

#include "notifier/frame_scan.h"

#define FRAME_HEADROOM 16               /* writable bytes before the text, for the WebSocket header */

struct frame {
	char *text;                     /* with FRAME_HEADROOM before it */
	size_t n;
	struct frame_info info;         /* slices into text */
	struct frame_copy *copy;        /* made when first asked for; freed by frame_done */
};

struct frame_copy {
	size_t references;
	struct frame frame;             /* its text lies behind it */
};

/* A counted copy of the frame (the same one for every caller in this turn), or NULL without memory. */
struct frame_copy *frame_share(struct frame *f);
struct frame_copy *frame_hold(struct frame_copy *copy);
void frame_release(struct frame_copy *copy);
/* The turn that brought f is over. */
void frame_done(struct frame *f);

/* Whether a newer frame about the same thing makes this one worthless: progress that is not the end of its CV or batch. */
bool frame_is_replaceable(const struct frame_info *info);
/* What it is about: type, then cv_id or batch_id; empty key: about nothing that can be replaced. */
struct str frame_subject(const struct frame_info *info);

#endif
