/* See spool_part.h. */
#include "spool_part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "spool_path.h"
#include "spool_record.h"

#define RECORD_MAX_BYTES 16384

struct part {
	struct spool *spool;
	int fd;
	char id[ID_MAX + 1];
};

static int write_record(struct spool *sp, const struct part_record *rec)
{
	struct buf text;
	int rc = -EMSGSIZE;

	buf_init(&text, RECORD_MAX_BYTES);
	part_record_format(rec, &text);
	if (!text.failed)
		rc = spool_replace(sp, str_c(rec->cv.cv), ".tus", buf_str(&text));
	buf_free(&text);
	return rc;
}

/* The record last: it is the proof that the upload is there, and its writing syncs the directory for both. */
int part_create(struct spool *sp, const struct part_record *rec)
{
	char path[SPOOL_PATH_SIZE];
	int fd, rc = spool_path(str_c(rec->cv.cv), ".part", path);

	if (rc < 0)
		return rc;
	fd = openat(sp->dir_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	rc = write_record(sp, rec);
	if (rc < 0)
		spool_unlink(sp, str_c(rec->cv.cv), ".part");
	return rc;
}

int part_keep(struct part *part, const struct part_record *rec)
{
	return write_record(part->spool, rec);
}

static int read_record(struct spool *sp, struct str id, struct part_record *out)
{
	struct buf text;
	int rc;

	buf_init(&text, RECORD_MAX_BYTES);
	rc = spool_read_file(sp, id, ".tus", &text);
	if (rc == 0)
		rc = part_record_parse(buf_str(&text), out);
	if (rc == 0 && !str_eq(str_c(out->cv.cv), id))
		rc = -EBADMSG;
	buf_free(&text);
	return rc;
}

static int open_file(struct part *part)
{
	char path[SPOOL_PATH_SIZE];
	int rc = spool_path(str_c(part->id), ".part", path);

	if (rc < 0)
		return rc;
	part->fd = openat(part->spool->dir_fd, path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (part->fd < 0)
		return -errno;
	return flock(part->fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
}

/* What was not verified before a crash does not count. */
static int measure(struct part *part, struct part_record *rec, int64_t *offset, int64_t *changed_ms)
{
	struct stat st;

	if (fstat(part->fd, &st) < 0)
		return -errno;
	*changed_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
	*offset = st.st_size;
	if (rec->held >= 0 && rec->held < st.st_size) {
		*offset = rec->held;
		return part_truncate(part, rec->held);
	}
	return *offset > rec->length ? -EBADMSG : 0;
}

int part_open(struct spool *sp, struct str id, struct part **out, struct part_record *rec, int64_t *offset, int64_t *changed_ms)
{
	struct part *part;
	int rc = id.n <= ID_MAX ? read_record(sp, id, rec) : -EINVAL;

	if (rc < 0)
		return rc;
	part = calloc(1, sizeof(*part));
	if (!part)
		return -ENOMEM;
	part->spool = sp;
	part->fd = -1;
	memcpy(part->id, id.p, id.n);
	rc = open_file(part);
	if (rc == 0) /* again: it may have ended while the lock was another's */
		rc = read_record(sp, id, rec);
	if (rc == 0)
		rc = measure(part, rec, offset, changed_ms);
	if (rc < 0) {
		part_close(part);
		return rc;
	}
	*out = part;
	return 0;
}

int part_write(struct part *part, struct str bytes)
{
	return write_all(part->fd, bytes);
}

int part_sync(struct part *part)
{
	return fdatasync(part->fd) < 0 ? -errno : 0;
}

int part_truncate(struct part *part, int64_t offset)
{
	return ftruncate(part->fd, offset) < 0 ? -errno : part_sync(part);
}

int part_sha256(struct part *part, char out[SHA256_HEX_SIZE])
{
	return sha256_file(part->fd, out);
}

int part_dup(struct part *part)
{
	struct stat st;
	int fd;

	if (fstat(part->fd, &st) < 0)
		return -errno;
	if (st.st_nlink == 0)
		return -ENOENT;
	fd = fcntl(part->fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

static int link_file(struct part *part)
{
	char from[SPOOL_PATH_SIZE], to[SPOOL_PATH_SIZE];
	int rc = spool_path(str_c(part->id), ".part", from);

	if (rc == 0)
		rc = spool_path(str_c(part->id), ".file", to);
	if (rc < 0)
		return rc;
	return linkat(part->spool->dir_fd, from, part->spool->dir_fd, to, 0) < 0 && errno != EEXIST ? -errno : 0;
}

int part_commit(struct part *part, struct spool_record *rec)
{
	struct spool_record before;
	int rc = spool_record_read(part->spool, str_c(part->id), &before);

	if (rc != -ENOENT)
		return rc < 0 ? rc : 1;
	if (*rec->duplicate_of && spool_result_link(part->spool, str_c(rec->duplicate_of), str_c(rec->cv)) < 0)
		rec->duplicate_of[0] = '\0';
	rc = link_file(part); /* the file first, see spool_upload.c */
	return rc < 0 ? rc : spool_record_write(part->spool, rec);
}

void part_close(struct part *part)
{
	if (!part)
		return;
	if (part->fd >= 0)
		close(part->fd);
	free(part);
}

int part_remove(struct spool *sp, struct str id)
{
	static const char *const endings[] = { ".tus", ".tus.tmp", ".part" };

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		int rc = spool_unlink(sp, id, endings[i]);

		if (rc < 0)
			return rc;
	}
	return spool_sync_shard(sp, spool_shard(id));
}
