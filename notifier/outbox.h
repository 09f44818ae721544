/*
 * What waits for one slow reader: frames in order, bounded in bytes, each progress only in its newest form. A fast reader has
 * none: it exists from the first frame that must wait until the last has gone.
 */
#ifndef CVPULSE_OUTBOX_H
#define CVPULSE_OUTBOX_H

#include "notifier/frame.h"

struct outbox;

struct outbox *outbox_new(void);
void outbox_free(struct outbox *o);     /* NULL is fine */

/* Appends; takes the reference over in any case. A waiting, replaceable frame about the same thing goes. 0, -ENOSPC (more than
 * max_bytes would wait), -ENOMEM. */
int outbox_push(struct outbox *o, struct frame_copy *copy, size_t max_bytes);
/* The same for what is replayed: no bound (the caller reads history page by page), nothing goes, and it takes no
 * room from what comes live. 0 or -ENOMEM. */
int outbox_push_replay(struct outbox *o, struct frame_copy *copy);
/* The oldest; NULL when it is empty. */
struct frame *outbox_first(struct outbox *o);
void outbox_pop(struct outbox *o);
bool outbox_is_empty(const struct outbox *o);   /* true for NULL */
size_t outbox_bytes(const struct outbox *o);
size_t outbox_replaced(const struct outbox *o); /* how many frames a newer one made worthless */

#endif
