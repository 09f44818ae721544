/*
 * Placing one file whose bytes are all on the disk: compared with what the user has sent before, committed to the spool, and
 * given to the queue, or completed at once as a duplicate. Called for each file of a multipart body (intake_place.c) and for a
 * finished tus upload (tus_place.c). What is refused has left the spool again before that is said.
 */
#ifndef WORKER_PLACE_H
#define WORKER_PLACE_H

#include <stdbool.h>

#include "problem.h"
#include "spool.h"
#include "vault.h"
#include "worker.h"

struct placement;

struct placement_owner {
	/* The spool is to take the file in now, with this record (the placement's, good until done); if it names a
	 * duplicate_of, with that one's result. Answered by placement_committed, later. */
	void (*commit)(void *ctx, struct placement *p, struct spool_record *rec);
	/* Instead, where there is a vault: a descriptor of the file, handed over, or -errno. */
	int (*open)(void *ctx);
	enum vault_put kind;
	/* The last call: NULL, or why the file was not accepted. */
	void (*done)(void *ctx, const struct problem *problem);
};

/* rec: all but created_ms, attempt and duplicate_of; copied. force: a duplicate is read again. 0: done will be called, later;
 * -errno: it will not. owner must outlive the placement. */
int placement_begin(struct worker *w, const struct spool_record *rec, bool force, const struct placement_owner *owner, void *ctx);
/* 0; 1: it had been kept before; or -errno: the spool keeps nothing of it. */
void placement_committed(struct placement *p, int rc);

#endif
