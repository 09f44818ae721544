/* A person's file name made fit to be shown: Unicode-normalised, without path, control and bidi characters. It is never
 * used as a path. */
#ifndef WORKER_FILENAME_H
#define WORKER_FILENAME_H

#include "spool.h"
#include "str.h"

/* Bytes that are not UTF-8 are taken as Latin-1. Never empty ("cv" when nothing is left); at most FILENAME_SIZE - 1 bytes,
 * cut before its ending. */
void filename_clean(struct str raw, char out[FILENAME_SIZE]);

/* Adds a Content-Disposition value: attachment with an ASCII form and, where they differ, the RFC 8187 form. */
void filename_disposition(const char *filename, struct buf *out);

#endif
