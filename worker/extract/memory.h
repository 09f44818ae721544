/*
 * Tells a document that needs too much memory from one that crashes a library. Libraries meet a failed allocation in
 * many ways: an error, abort(), an exception, a NULL pointer followed. Called by child.c; not by the fork server, whose
 * own failures are no document's.
 */
#ifndef EXTRACT_MEMORY_H
#define EXTRACT_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/* From here on a process that dies of a failed allocation writes an error frame "memory_limit" to pipe and exits with
 * 0. In a build with sanitizers this also holds the limit, which cannot be an address space limit there. */
void memory_watch(uint64_t limit_bytes, int pipe);
/* An allocation failed since. Those that could never have been granted, being longer than the limit, do not count:
 * damaged files ask for them. */
bool memory_ran_out(void);

#endif
