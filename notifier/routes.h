/* What the routes to a stream of events (WebSocket, SSE, poll) share: who comes in, and with which wishes. */
#ifndef CVPULSE_ROUTES_H
#define CVPULSE_ROUTES_H

#include "notifier/notifier.h"

enum entry_verdict {
	ENTRY_OK,
	ENTRY_ANSWERED,                 /* the request has its answer: rate limits are always HTTP */
	ENTRY_BAD_USER,
	ENTRY_FULL,                     /* max_connections */
	ENTRY_REFUSED,                  /* judgement says why */
};

/* Copies: the request may be gone when they are used. */
struct entry {
	char user_text[ID_MAX + 1], after_id[64], ticket[160];
	char token[JWT_MAX_BYTES + 1];  /* the one that was judged; for a key that must be fetched first */
	struct str user;
	bool has_after_id, snapshot, by_message;
	bool opted_in;                  /* any of the wishes: control frames are wanted */
	struct auth_judgement judgement;
};

enum entry_verdict entry_judge(struct notifier *n, struct request *rq, struct str raw_user, struct entry *out);
/* Signs the new connection in and lets it begin, now or when an answer has come. */
void entry_begin(struct conn *c, const struct entry *e);

#endif
