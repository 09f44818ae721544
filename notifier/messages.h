/* What clients say over a WebSocket. */
#ifndef CVPULSE_MESSAGES_H
#define CVPULSE_MESSAGES_H

#include "notifier/conn.h"

/* text.p NULL: it was too long to be put together. */
void conn_on_message(struct conn *c, struct str text);

#endif
