/* The system calls that a child may still make. Called by sandbox.c. */
#ifndef EXTRACT_SYSCALLS_H
#define EXTRACT_SYSCALLS_H

#include <stdbool.h>

/* From here on any other call kills the process with SIGSYS. may_open: reading of files by name is left to Landlock;
 * without it open() fails with EACCES. may_exec: the process is about to become another program. 0 or -errno. */
int syscalls_enter(bool may_open, bool may_exec);

#endif
