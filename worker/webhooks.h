/*
 * Webhooks: how each CV ended is also told to the operator's own address ([webhook] url), or to the one that was named by whoever
 * handed the CV over (POST /jobs, the inbox), signed as Standard Webhooks has it, again and again with growing pauses until it is
 * answered by 2xx or webhook.give_up_s is over; then it is a dead letter.
 *
 * Whoever is about to publish the end of a CV first writes down in Redis that it is to be told (webhook_note.h), by the same
 * connection and without waiting. So neither delays the other, and whichever process dies at whichever point, the webhook is
 * there if the end was published. What is sent is the CV's newest frame as Redis has it: the same that browsers see. Any worker
 * with the role `process` sends; the id stays the same, so a receiver can tell what comes twice.
 */
#ifndef WORKER_WEBHOOKS_H
#define WORKER_WEBHOOKS_H

#include "worker.h"

struct webhooks;

/* Started by main in workers with the role `process`. 0, or -errno. */
int webhooks_start(struct worker *w, struct webhooks **out);
/* Breaks off what is being sent: it is sent again later. The memory goes when nothing is under way. */
void webhooks_stop(struct webhooks *hooks);

#endif
