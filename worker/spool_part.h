/*
 * Uploads that come in several requests (tus): beside what spool.h knows, two files of an upload that is not a CV yet.
 *
 *   <2 hex>/<id>.tus     what was said at its creation, written first
 *           <id>.part    the bytes so far: its size is the offset, and its time of change counts for the expiry
 *
 * The id becomes the CV's. At the end the part is linked to <id>.file and the CV's record written; both files go once the CV
 * is accepted, so that a crash in between is mended by doing it again. All functions block on the disk; a part is used by
 * one thread at a time, and locked against other processes. Errors are -errno.
 */
#ifndef WORKER_SPOOL_PART_H
#define WORKER_SPOOL_PART_H

#include "spool.h"
#include "tus_head.h"

struct part_record {
	struct spool_record cv;         /* user, batch, cv, filename, created_ms, priority */
	int64_t length;
	/* Where a piece with a checksum began that has not been verified: what lies behind it does not count. -1: none. */
	int64_t held;
	bool force, own_batch;          /* own_batch: made for this upload alone */
	char metadata[TUS_METADATA_MAX + 1];    /* as it was sent: HEAD gives it back */
};

struct part;

/* Durable when it returns 0. */
int part_create(struct spool *sp, const struct part_record *rec);
/* Opens and locks it; rec is filled in, *offset and *changed_ms are its size and when that last changed. -ENOENT: no such
 * upload; -EAGAIN: another process works on it; -EBADMSG: its record is damaged. */
int part_open(struct spool *sp, struct str id, struct part **out, struct part_record *rec, int64_t *offset, int64_t *changed_ms);
int part_write(struct part *part, struct str bytes);
int part_sync(struct part *part);
int part_truncate(struct part *part, int64_t offset);
/* Writes the record again, with what has changed in it (held). */
int part_keep(struct part *part, const struct part_record *rec);
/* Of all its bytes, read again: they may have come over many requests and processes. */
int part_sha256(struct part *part, char out[SHA256_HEX_SIZE]);
/* A descriptor of its bytes, the caller's. -ENOENT: it was removed meanwhile. */
int part_dup(struct part *part);
/* The CV is in the spool, with this record, and with duplicate_of's result if it names one (emptied when that has none). May
 * be done twice; the first record stays, and the answer is 1. The part stays too, see part_remove. */
int part_commit(struct part *part, struct spool_record *rec);
void part_close(struct part *part);                     /* NULL is allowed */
/* The upload's own two files go; a CV that was made of it stays. */
int part_remove(struct spool *sp, struct str id);

void part_record_format(const struct part_record *rec, struct buf *out);
int part_record_parse(struct str text, struct part_record *out);        /* -EBADMSG */

#endif
