/* Paths and whole files inside the spool: the only place where a CV's id becomes a path, and where the order
 * "write, sync, rename, sync the directory" stands. */
#include "spool_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* FNV-1a: the same on every machine that shares the directory. */
unsigned spool_shard(struct str cv)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < cv.n; i++)
		hash = (hash ^ (unsigned char)cv.p[i]) * 16777619u;
	return (hash ^ hash >> 16) % SPOOL_SHARDS;
}

int spool_path(struct str cv, const char *ending, char out[SPOOL_PATH_SIZE])
{
	int n;

	if (!id_valid(cv))
		return -EINVAL;
	n = snprintf(out, SPOOL_PATH_SIZE, "%02x/" STR_FMT "%s", spool_shard(cv), STR_ARG(cv), ending);
	return n < SPOOL_PATH_SIZE ? 0 : -EINVAL;
}

int spool_sync_shard(struct spool *sp, unsigned shard)
{
	char name[3];
	int fd, rc;

	snprintf(name, sizeof(name), "%02x", shard & 0xff);
	fd = openat(sp->dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

int write_all(int fd, struct str bytes)
{
	while (bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes = str_skip(bytes, (size_t)n);
	}
	return 0;
}

static int temporary_name(const char *path, char out[SPOOL_PATH_SIZE])
{
	int n = snprintf(out, SPOOL_PATH_SIZE, "%s.tmp", path);

	return n < SPOOL_PATH_SIZE ? 0 : -EINVAL;
}

int spool_write_temporary(struct spool *sp, const char *path, struct str bytes)
{
	char temporary[SPOOL_PATH_SIZE];
	int fd, rc = temporary_name(path, temporary);

	if (rc < 0)
		return rc;
	fd = openat(sp->dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	rc = write_all(fd, bytes);
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	close(fd);
	if (rc < 0)
		unlinkat(sp->dir_fd, temporary, 0);
	return rc;
}

int spool_rename(struct spool *sp, const char *path)
{
	char temporary[SPOOL_PATH_SIZE];
	int rc = temporary_name(path, temporary);

	if (rc < 0)
		return rc;
	return renameat(sp->dir_fd, temporary, sp->dir_fd, path) < 0 ? -errno : 0;
}

/* Exchanging fails when there is nothing to exchange with, which no other rename does. Network file systems cannot do it:
 * there a moment stays in which the other file may go. */
static int exchange(struct spool *sp, const char *temporary, const char *path)
{
	if (renameat2(sp->dir_fd, temporary, sp->dir_fd, path, RENAME_EXCHANGE) == 0)
		return unlinkat(sp->dir_fd, temporary, 0) < 0 ? -errno : 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (faccessat(sp->dir_fd, path, F_OK, 0) < 0)
		return -errno;
	return renameat(sp->dir_fd, temporary, sp->dir_fd, path) < 0 ? -errno : 0;
}

int spool_rename_over(struct spool *sp, const char *path)
{
	char temporary[SPOOL_PATH_SIZE];
	int rc = temporary_name(path, temporary);

	if (rc == 0)
		rc = exchange(sp, temporary, path);
	if (rc < 0)
		unlinkat(sp->dir_fd, temporary, 0);
	return rc;
}

int spool_unlink(struct spool *sp, struct str cv, const char *ending)
{
	char path[SPOOL_PATH_SIZE];
	int rc = spool_path(cv, ending, path);

	if (rc < 0)
		return rc;
	return unlinkat(sp->dir_fd, path, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int spool_replace(struct spool *sp, struct str cv, const char *ending, struct str bytes)
{
	char path[SPOOL_PATH_SIZE];
	int rc = spool_path(cv, ending, path);

	if (rc == 0)
		rc = spool_write_temporary(sp, path, bytes);
	if (rc == 0)
		rc = spool_rename(sp, path);
	if (rc == 0)
		rc = spool_sync_shard(sp, spool_shard(cv));
	return rc;
}

static int read_all(int fd, struct buf *out)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!buf_reserve(out, (size_t)st.st_size))
		return -EFBIG;
	for (;;) {
		char piece[16384];
		ssize_t n = read(fd, piece, sizeof(piece));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : out->failed ? -EFBIG : 0;
		buf_add(out, piece, (size_t)n);
	}
}

int spool_read_file(struct spool *sp, struct str cv, const char *ending, struct buf *out)
{
	char path[SPOOL_PATH_SIZE];
	int fd, rc = spool_path(cv, ending, path);

	if (rc < 0)
		return rc;
	fd = openat(sp->dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	rc = read_all(fd, out);
	close(fd);
	return rc;
}
