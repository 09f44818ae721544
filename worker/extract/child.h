/*
 * A child: forked warm, locked into the sandbox, it waits for one request, reads that file and is gone. Called by the
 * fork server (server.c) and by the command line form (main.c).
 */
#ifndef EXTRACT_CHILD_H
#define EXTRACT_CHILD_H

#include <sys/types.h>

#include "sandbox.h"
#include "wire.h"

struct child {
	pid_t pid;
	int socket;             /* gives READY or REFUSED once; takes RUN once, even before READY */
};

/* Forks a child that goes to its sandbox at once. 0 or -errno. The process must have one thread only. */
int child_start(const struct sandbox_config *config, struct child *child);
/* Kills the child's whole process group; it still has to be waited for. */
void child_kill(const struct child *child);

#endif
