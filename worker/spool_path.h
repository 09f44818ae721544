/* Where things stand inside the spool directory; shared by the spool's own files only. */
#ifndef WORKER_SPOOL_PATH_H
#define WORKER_SPOOL_PATH_H

#include "spool.h"

struct spool {
	int dir_fd;
};

#define SPOOL_PATH_SIZE (ID_MAX + 24)           /* "ab/", id, longest ending, ".tmp" */

unsigned spool_shard(struct str cv);
/* "<2 hex>/<cv><ending>" into out; -EINVAL for what is no id. */
int spool_path(struct str cv, const char *ending, char out[SPOOL_PATH_SIZE]);
int spool_sync_shard(struct spool *sp, unsigned shard);
int write_all(int fd, struct str bytes);
/* Writes the bytes to <path>.tmp and syncs them. */
int spool_write_temporary(struct spool *sp, const char *path, struct str bytes);
/* Renames <path>.tmp to <path>. */
int spool_rename(struct spool *sp, const char *path);
/* The same, but only over a file that is there; else -ENOENT, and the temporary file is gone. */
int spool_rename_over(struct spool *sp, const char *path);
/* Unlinks one file of a CV; a missing one is no error. */
int spool_unlink(struct spool *sp, struct str cv, const char *ending);
/* Write, sync, rename, sync the directory. */
int spool_replace(struct spool *sp, struct str cv, const char *ending, struct str bytes);
/* The whole of a file, at most out->max bytes. */
int spool_read_file(struct spool *sp, struct str cv, const char *ending, struct buf *out);

#endif
