/*
 * DOC: the one format that another program reads. catdoc runs in a sandbox of its own, with the file as its input and a
 * pipe as its output; a normal child reads the pipe. Called by the fork server and by the command line form.
 */
#ifndef EXTRACT_CONVERTER_H
#define EXTRACT_CONVERTER_H

#include <sys/types.h>

#include "sandbox.h"

/* catdoc is installed, and Landlock is there to let it have its files and nothing else. layers: of a child's report. */
bool converter_works(unsigned layers);
/* Starts it, in a process group of its own. *text_fd: what it says, as UTF-8; nothing at all for a file that is no DOC.
 * The caller closes it, and waits for the process. 0 or -errno. The process must have one thread only. */
int converter_start(const struct sandbox_config *config, int file_fd, pid_t *pid, int *text_fd);

#endif
