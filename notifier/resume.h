/*
 * A connection that wants history: first a snapshot if it must have one, then the entries after an id, page by page as the
 * client reads them, then live. One read of Redis is under way at a time. See protocol: Order of a resumed connection.
 */
#ifndef CVPULSE_RESUME_H
#define CVPULSE_RESUME_H

#include "notifier/conn.h"

struct redisReply;

/* What the request asked for. after_id: NULL = nothing, else as it came (may be malformed). 0 or -ENOMEM. */
int resume_begin(struct conn *c, const char *after_id, bool snapshot);
/* For a connection that was live: what it missed is no longer in history ("trimmed"), or what it has seen never will be ("unknown"). */
void resume_resync(struct conn *c, const char *reason);
/* The user is subscribed and Redis answers: begins, or goes on after an interruption. */
void resume_go_on(struct conn *c);
/* What was sent has been read. */
void resume_on_drained(struct conn *c);
void resume_end(struct conn *c);        /* frees it; an answer under way is dropped when it comes */

#endif
