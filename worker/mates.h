/*
 * The workers that share a spool: each holds a lock on a file of its name in <spool_dir>/workers. The kernel drops the lock
 * when the process dies, however it dies, so that its jobs can be taken over at once instead of when their leases run out
 * (which is what still happens on file systems without locks). Used by the pipeline, on the loop: a few small files.
 */
#ifndef WORKER_MATES_H
#define WORKER_MATES_H

#include <stdbool.h>

#include "id.h"

struct mates;

/* Joins under this name. 0 or -errno. */
int mates_join(const char *spool_dir, const char *name, struct mates **out);
void mates_leave(struct mates *m);
/* Whether there is a dead one; its name. It stays dead until it is forgotten. */
bool mates_find_dead(struct mates *m, char name[ID_NEW_SIZE]);
void mates_forget(struct mates *m, const char *name);

#endif
