/* Between user_subscription.c and user_stream.c. */
#ifndef CVPULSE_USER_INTERNAL_H
#define CVPULSE_USER_INTERNAL_H

#include "notifier/notifier.h"

/* The only way a user's state changes; an unlawful move is a bug. */
void user_set_state(struct user *u, enum user_state state);
/* A live frame with an id: forwarded, dropped as known, or the sign of a gap. */
void user_on_live(struct notifier *n, struct user *u, struct frame *f);
/* To every connection that may have it now. */
void user_forward(struct user *u, struct frame *f);
/* Subscribed again: sees that history still has what was sent, then fills. */
void user_check(struct notifier *n, struct user *u);
/* Begins to read what was missed, up to that id at least. */
void user_fill(struct notifier *n, struct user *u, struct stream_id seen);
/* Holds the newest live frame while FILLING; NULL: none any more. */
void user_keep_newest(struct user *u, struct frame *f);

#endif
