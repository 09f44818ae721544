/*
 * The door to the format readers: one untrusted file in, the lines of a struct document out. The child process calls
 * document_read() once; the fork server calls readers_warm() once before it forks.
 */
#ifndef EXTRACT_READ_H
#define EXTRACT_READ_H

#include "document.h"
#include "errors.h"

/* Pictures of text: not read; read by another child, which has the limits for it (document.has_scans says that there are
 * any); read by this one. */
enum read_ocr { READ_OCR_NEVER, READ_OCR_LATER, READ_OCR_NOW };

struct read_input {
	int fd;                 /* a regular file, open for reading; stays open */
	const char *filename;   /* as the person named it: only its ending is looked at; may be "" */
	bool converted;         /* fd is no file, but a pipe with the text of a DOC */
	enum read_ocr ocr;
	/* Called between pages and parts; percent 0..100 never goes back. message is a sentence for the person. May be NULL. */
	void (*progress)(void *ctx, int percent, const char *message);
	void *ctx;
};

/* Loads what the readers would otherwise open later: magic database, fonts, poppler's and iconv's tables. Call before
 * the file system is locked. 0, or -errno when type detection cannot work; whatever else is missing is done without. */
int readers_warm(void);
/* The languages of OCR ("eng,deu"); those that are not installed are added to missing. 0, -ENOENT: none is, -ENOTSUP: built
 * without OCR. */
int readers_warm_ocr(const char *languages, struct buf *missing);
void readers_promise_ocr(void); /* it will be warmed before a file is read with READ_OCR_NOW */
bool readers_have_ocr(void);    /* it was warmed, or promised */

/* Fills doc (after document_init) from the file. ERR_NONE, or the code that the CV ends with; doc is then still safe to
 * free, but says nothing. A document that is returned with ERR_NONE has at least one line. */
enum error_code document_read(const struct read_input *in, struct document *doc);

#endif
