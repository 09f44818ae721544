/* What a client's text says. Pure: messages.c acts on it. */
#ifndef CVPULSE_MESSAGE_H
#define CVPULSE_MESSAGE_H

#include "str.h"

#define MESSAGE_MAX_CHARACTERS 500      /* of anything but a token's message */

enum message_kind {
	MESSAGE_PING,                   /* "ping" or {"type":"ping"} */
	MESSAGE_AUTH,                   /* {"type":"auth","token":"…"} */
	MESSAGE_TOO_LONG,
	MESSAGE_OTHER                   /* means nothing here */
};

/* text is valid UTF-8. *token: of MESSAGE_AUTH, as it stands; empty when there is none. */
enum message_kind message_read(struct str text, struct str *token);

#endif
