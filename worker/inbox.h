/*
 * The inbox: other programs write jobs into the stream {cvq}:inbox, in any language (docs/jobs.md). Each entry is handed over
 * like a POST /jobs and leaves the stream only after that is durable; what cannot be understood goes to the dead letters, what
 * cannot be taken now stays. Started by main in workers with the role `ingest`; any number of them may read.
 */
#ifndef WORKER_INBOX_H
#define WORKER_INBOX_H

#include "worker.h"

struct inbox;

int inbox_start(struct worker *w, struct inbox **out);
/* Takes nothing more. What is under way counts as calls of the worker (worker.h); the memory goes when they are over. */
void inbox_stop(struct inbox *in);

#endif
