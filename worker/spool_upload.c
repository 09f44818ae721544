/* One file on its way into the spool: written to <cv>.file.tmp and hashed piece by piece, renamed into place at the end.
 * See spool.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "digest.h"
#include "spool_path.h"
#include "spool_record.h"


struct spool_upload {
	struct spool *spool;
	enum { UPLOAD_NEW, UPLOAD_WRITING, UPLOAD_SYNCED, UPLOAD_COMMITTED } state;
	bool hidden;                    /* without a name */
	int fd, read_fd;                /* read_fd: of a hidden one */
	int64_t bytes;
	struct digest *hash;
	char cv[ID_MAX + 1];
};

static int create_file(struct spool_upload *up)
{
	char path[SPOOL_PATH_SIZE];
	int rc = spool_path(str_c(up->cv), ".file.tmp", path);

	if (rc < 0)
		return rc;
	up->fd = openat(up->spool->dir_fd, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (up->fd < 0)
		return -errno;
	up->state = UPLOAD_WRITING;
	return 0;
}

int spool_upload_begin(struct spool *sp, struct str cv, struct spool_upload **out)
{
	struct spool_upload *up = calloc(1, sizeof(*up));
	int rc = -ENOMEM;

	if (!up)
		return rc;
	up->spool = sp;
	up->fd = up->read_fd = -1;
	if (cv.n < sizeof(up->cv))
		memcpy(up->cv, cv.p, cv.n);
	up->hash = digest_new("sha256");
	if (up->hash)
		rc = create_file(up);
	if (rc < 0) {
		spool_upload_free(up);
		return rc;
	}
	*out = up;
	return 0;
}

static int open_for_reading(struct spool_upload *up)
{
	char path[SPOOL_PATH_SIZE];
	int fd, rc = spool_path(str_c(up->cv), ".file.tmp", path);

	if (rc < 0)
		return rc;
	fd = openat(up->spool->dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

int spool_upload_hide(struct spool_upload *up)
{
	int fd = open_for_reading(up);

	if (fd < 0)
		return fd;
	up->read_fd = fd;
	up->hidden = true;
	return spool_unlink(up->spool, str_c(up->cv), ".file.tmp");
}

int spool_upload_open(struct spool_upload *up)
{
	int fd = up->read_fd;

	if (!up->hidden)
		return open_for_reading(up);
	up->read_fd = -1;
	return fd;
}

int spool_upload_write(struct spool_upload *up, struct str bytes)
{
	int rc = digest_add(up->hash, bytes);

	up->bytes += (int64_t)bytes.n;
	return rc < 0 ? rc : write_all(up->fd, bytes);
}

int spool_upload_sync(struct spool_upload *up, int64_t *bytes, char sha256[SHA256_HEX_SIZE])
{
	int rc = digest_end_hex(up->hash, sha256);

	if (rc == 0 && !up->hidden && fsync(up->fd) < 0)
		rc = -errno;
	if (rc < 0)
		return rc;
	*bytes = up->bytes;
	close(up->fd);
	up->fd = -1;
	up->state = UPLOAD_SYNCED;
	return 0;
}

/* The file first: a record never stands without its file, not even for a moment. */
static int rename_both(struct spool *sp, const struct spool_record *rec, struct str text)
{
	char file[SPOOL_PATH_SIZE], record[SPOOL_PATH_SIZE];
	int rc = spool_path(str_c(rec->cv), ".file", file);

	if (rc == 0)
		rc = spool_path(str_c(rec->cv), ".json", record);
	if (rc == 0)
		rc = spool_write_temporary(sp, record, text);
	if (rc == 0)
		rc = spool_rename(sp, file);
	if (rc == 0)
		rc = spool_rename(sp, record);
	if (rc == 0)
		rc = spool_sync_shard(sp, spool_shard(str_c(rec->cv)));
	return rc;
}

/* The record last: until it says so, the file has not been fetched. */
static int put_under(struct spool *sp, const char *upload, const struct spool_record *rec)
{
	char from[SPOOL_PATH_SIZE], to[SPOOL_PATH_SIZE];
	int rc = spool_path(str_c(upload), ".file.tmp", from);

	if (rc == 0)
		rc = spool_path(str_c(rec->cv), ".file", to);
	if (rc == 0 && renameat(sp->dir_fd, from, sp->dir_fd, to) < 0)
		rc = -errno;
	if (rc == 0)
		rc = spool_record_replace(sp, rec);
	if (rc == -ENOENT)
		unlinkat(sp->dir_fd, to, 0);
	return rc;
}

static int commit_new(struct spool *sp, const struct spool_record *rec)
{
	struct buf text;
	int rc = -EMSGSIZE;

	buf_init(&text, SPOOL_RECORD_MAX_BYTES);
	spool_record_format(rec, &text);
	if (!text.failed)
		rc = rename_both(sp, rec, buf_str(&text));
	buf_free(&text);
	return rc;
}

int spool_upload_commit(struct spool_upload *up, const struct spool_record *rec)
{
	bool is_new = strcmp(up->cv, rec->cv) == 0;
	int rc = is_new ? commit_new(up->spool, rec) : put_under(up->spool, up->cv, rec);

	if (rc == 0)
		up->state = UPLOAD_COMMITTED;
	return rc;
}

void spool_upload_free(struct spool_upload *up)
{
	if (!up)
		return;
	if (up->fd >= 0)
		close(up->fd);
	if (up->read_fd >= 0)
		close(up->read_fd);
	if (!up->hidden && (up->state == UPLOAD_WRITING || up->state == UPLOAD_SYNCED))
		spool_remove(up->spool, str_c(up->cv));
	digest_free(up->hash);
	free(up);
}
