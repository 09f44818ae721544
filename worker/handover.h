/*
 * Work that another program hands over: a user, and the address of a file that is to be fetched for him. Called by POST /jobs
 * (jobs.c) and by the reader of the inbox (inbox.c). The record is on the disk and the job in the queue before done is called.
 */
#ifndef WORKER_HANDOVER_H
#define WORKER_HANDOVER_H

#include "accept.h"
#include "worker.h"

struct handover {
	struct str user, url;
	struct str batch;                       /* empty: one of its own, closed at once */
	struct str filename;                    /* for people; empty: what the address ends with */
	struct str idempotency_key;             /* may be empty */
	struct str webhook;                     /* where its end is told; empty: webhook.url */
	int priority;
};

struct handover_result {
	enum accept_answer answer;              /* ACCEPT_OK or ACCEPT_SAME: cv and batch say what was made, now or before */
	struct str cv, batch;                   /* good during the call */
};
typedef void handover_fn(void *ctx, const struct handover_result *result);

/* What is wrong with it, as a sentence; NULL when nothing is. The address itself is judged when it is fetched. */
const char *handover_problem(const struct worker *w, const struct handover *h);

/* A correct one; its text is copied. 0: fn is called once, later. -errno: -ENOSPC, -ENOTCONN, -ENOMEM. */
int handover_take(struct worker *w, const struct handover *h, handover_fn *fn, void *ctx);

#endif
