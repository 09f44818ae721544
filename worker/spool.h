/*
 * The spool: the worker's durable store of originals, their records and their results, one shard directory of 256 for each
 * CV. A CV is there once its record is; a file without one is left over from an upload that never ended, and is swept.
 *
 *   <spool_dir>/<2 hex>/<cv_id>.file      the original, never changed
 *                       <cv_id>.json      the record: enough to make the queue entry again when Redis lost it. One
 *                                         with an url stands alone until the file has been fetched
 *                       <cv_id>.result    the JSON Resume, written before `completed` is published
 *                       <any>.tmp         being written
 *
 * Whatever returned 0 from a write is on the disk (file and directory synced). All functions block on the disk and keep no
 * state in memory, so that any thread may call them; on the loop's thread only the ones marked so are quick enough.
 * Errors are -errno; -ENOSPC and -EDQUOT mean a full disk.
 */
#ifndef WORKER_SPOOL_H
#define WORKER_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "http_client.h"
#include "id.h"
#include "str.h"

#define SPOOL_SHARDS 256
#define SPOOL_FREE_FILES_MIN 64                 /* fewer that can still be made count as a full disk */
#define FILENAME_SIZE 256                       /* cleaned file name with its NUL, see filename.h */
#define SHA256_HEX_SIZE 65

struct spool;

struct spool_record {
	char user[ID_MAX + 1], batch[ID_MAX + 1], cv[ID_MAX + 1];
	char filename[FILENAME_SIZE];           /* for people only, never part of a path */
	char sha256[SHA256_HEX_SIZE];           /* lower case */
	char duplicate_of[ID_MAX + 1];          /* "" unless the CV was answered with an older one's result */
	int64_t bytes, created_ms;
	int priority;                           /* 0 to 9, 9 first */
	int attempt;                            /* from 1; a person's "retry" raises it */
	char once[ID_MAX + 1];                  /* the idempotency key whose remembered answer names it; "" without */
	char url[HTTP_URL_MAX + 1];             /* where the file is still to be fetched from; "" once it is here */
	char webhook[HTTP_URL_MAX + 1];         /* where its end is told; "": webhook.url */
};

/* Opens the directory and its shards, made if they are missing (0700); proves that it can be written. A sentence in
 * *problem on failure. */
int spool_open_dir(const char *dir, struct spool **out, struct buf *problem);
void spool_close_dir(struct spool *sp);

/* The original, open for reading (loop: yes). -ENOENT: no such CV. */
int spool_open(struct spool *sp, struct str cv);

int spool_record_read(struct spool *sp, struct str cv, struct spool_record *out); /* loop: yes; -EBADMSG: damaged */
bool spool_has_record(struct spool *sp, struct str cv);                           /* loop: yes */
int spool_record_write(struct spool *sp, const struct spool_record *rec);         /* replaces at once or not at all */
/* The same for a CV that is there; -ENOENT, and nothing is left, when it was removed meanwhile. */
int spool_record_replace(struct spool *sp, const struct spool_record *rec);

/* -ENOENT, and nothing is left, when the CV was removed meanwhile. */
int spool_result_write(struct spool *sp, struct str cv, struct str json);
int spool_result_read(struct spool *sp, struct str cv, struct buf *out);          /* loop: yes; -ENOENT: none yet */
bool spool_has_result(struct spool *sp, struct str cv);                           /* loop: yes */
/* Gives `cv` the result of `of` too (a hard link, so that either may be removed). -ENOENT: `of` has none. */
int spool_result_link(struct spool *sp, struct str of, struct str cv);
int spool_result_remove(struct spool *sp, struct str cv);

/* Record first, so that what is left after a crash is an orphan. Missing parts are no error. */
int spool_remove(struct spool *sp, struct str cv);
/* The same, but an upload in pieces (spool_part.h) keeps its own files. */
int spool_uncommit(struct spool *sp, struct str cv);

/* Calls fn for each record of one shard, in no order; stops when fn returns non-zero, and returns that. Damaged records
 * are left out. Recovery walks shard 0 to 255, one at a time, off the loop. */
int spool_walk(struct spool *sp, int shard, int (*fn)(const struct spool_record *rec, void *ctx), void *ctx);

/* Removes every CV for which fn says so with all that is left of it, and uploads in pieces likewise. Returns how many went, or
 * -errno. */
int spool_remove_where(struct spool *sp, bool (*fn)(const struct spool_record *rec, void *ctx), void *ctx);
/* Those of a user. */
int spool_remove_user(struct spool *sp, struct str user);

/* Removes of one shard what is past its time: CVs created before created_before_ms, and uploads that are not finished, files
 * without a record and temporary files untouched since orphans_before_ms. Times since 1970. Returns how many files went, or
 * -errno. */
int spool_sweep(struct spool *sp, int shard, int64_t created_before_ms, int64_t orphans_before_ms);

struct spool_space {
	int64_t free_bytes, total_bytes;        /* what the worker's user may still write */
	int64_t free_files;                     /* that it may still make; INT64_MAX where they are not counted */
};
int spool_space(struct spool *sp, struct spool_space *out);                       /* loop: yes */
/* 0: so many more bytes fit, and keep_free_bytes are left; -ENOSPC: not, or no more files can be made (loop: yes). A disk that
 * does not say is found out by writing. */
int spool_room(struct spool *sp, int64_t bytes, int64_t keep_free_bytes);
int spool_probe(struct spool *sp);              /* writes, syncs and removes a file; for health */

/*
 * Receiving one file in pieces, straight into the spool. Steps of an upload, in this order: write (many), sync (once),
 * commit (once) or discard. The steps block, and one upload must be used by one thread at a time.
 */
struct spool_upload;

int spool_upload_begin(struct spool *sp, struct str cv, struct spool_upload **out);
/* Takes its name away: from here on it goes with its last descriptor, however the process ends, and cannot be committed. */
int spool_upload_hide(struct spool_upload *up);
/* After the sync: a descriptor for reading it, the caller's (loop: yes). It need not be committed. */
int spool_upload_open(struct spool_upload *up);
int spool_upload_write(struct spool_upload *up, struct str bytes);
/* All bytes are there: synced and hashed. */
int spool_upload_sync(struct spool_upload *up, int64_t *bytes, char sha256[SHA256_HEX_SIZE]);
/* The CV is in the spool: file and record renamed into place, directory synced. On an error nothing is.
 * An upload whose name is not the record's CV becomes the file of a CV whose record is there already (a fetched file): so two
 * workers that fetch the same one never write to one file. -ENOENT: that CV was removed meanwhile. */
int spool_upload_commit(struct spool_upload *up, const struct spool_record *rec);
/* Frees it; what was not committed is removed. NULL is allowed. */
void spool_upload_free(struct spool_upload *up);

#endif
