/*
 * The door to the format readers: one untrusted file in, the lines of a struct document out. The child process calls
 * document_read() once; the fork server calls readers_warm() once before it forks.
 */
#ifndef EXTRACT_READ_H
#define EXTRACT_READ_H

#include "document.h"
#include "errors.h"

struct read_input {
	int fd;                 /* a regular file, open for reading; stays open */
	const char *filename;   /* as the person named it: only its ending is looked at; may be "" */
	bool converted;         /* fd is no file, but a pipe with the text of a DOC */
	/* Called between pages and parts; percent 0..100 never goes back. message is a sentence for the person. May be NULL. */
	void (*progress)(void *ctx, int percent, const char *message);
	void *ctx;
};

/* Loads what the readers would otherwise open later: magic database, fonts, poppler's and iconv's tables. Call before
 * the file system is locked. 0, or -errno when type detection cannot work; whatever else is missing is done without. */
int readers_warm(void);

/* Fills doc (after document_init) from the file. ERR_NONE, or the code that the CV ends with; doc is then still safe to
 * free, but says nothing. A document that is returned with ERR_NONE has at least one line. */
enum error_code document_read(const struct read_input *in, struct document *doc);

#endif
