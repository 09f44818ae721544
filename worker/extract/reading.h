/* The work of one child: read, parse, and tell the worker. Called by child.c inside the sandbox. */
#ifndef EXTRACT_READING_H
#define EXTRACT_READING_H

#include "wire.h"

/* Reads the file and writes progress frames and one "result", "error" or "needs" frame to the pipe. 0, or -errno when the pipe
 * is gone. filename: as the person named it. */
int reading_run(int file_fd, int pipe_fd, const char *filename, enum wire_way way);

#endif
