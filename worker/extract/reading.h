/* The work of one child: read, parse, and tell the worker. Called by child.c inside the sandbox. */
#ifndef EXTRACT_READING_H
#define EXTRACT_READING_H

/* Reads the file and writes progress frames and one "result" or "error" frame to the pipe. 0, or -errno when the pipe
 * is gone. filename: as the person named it. */
int reading_run(int file_fd, int pipe_fd, const char *filename);

#endif
