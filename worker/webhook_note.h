/* The end of a CV is about to be published: that a webhook is to tell it is written down (webhooks.h has the theory). */
#ifndef WORKER_WEBHOOK_NOTE_H
#define WORKER_WEBHOOK_NOTE_H

#include "queue.h"

struct webhook_cv {
	struct str user, batch, cv;
	int attempt;
};
/* Right before the publishing of a terminal event. Does nothing without webhook.secret_file. */
void webhook_note(struct queue *q, const struct config *cfg, const struct webhook_cv *cv);

#endif
