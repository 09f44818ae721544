/* Resumable uploads: the server's side of tus 1.0.0 (https://tus.io/protocols/resumable-upload) with creation,
 * creation-with-upload, termination, checksum and expiration. Handlers of the routes below /files. */
#ifndef WORKER_TUS_H
#define WORKER_TUS_H

#include "api.h"

#define TUS_BASE API_BASE "/files"
#define TUS_VERSION "1.0.0"

/* The uploads that requests are about at this moment. */
struct tus;
int tus_open(struct tus **out);
void tus_close(struct tus *tus);        /* NULL is allowed */

void tus_options(struct call *call);    /* OPTIONS: what this server can */
void tus_create(struct call *call);     /* POST */
void tus_look(struct call *call);       /* HEAD */
void tus_patch(struct call *call);
void tus_terminate(struct call *call);  /* DELETE */

#endif
