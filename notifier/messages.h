/* Acts on what clients say over a WebSocket (message.h reads it). */
#ifndef CVPULSE_MESSAGES_H
#define CVPULSE_MESSAGES_H

#include "notifier/conn.h"

/* text.p NULL: it was too long to be put together. */
void conn_on_message(struct conn *c, struct str text);

#endif
