/* See spool.h. Opening, results, removal and space; walks stand in spool_walk.c, records in spool_record.c, uploads in
 * spool_upload.c. */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "spool_path.h"

static int make_shards(int dir_fd)
{
	for (int i = 0; i < SPOOL_SHARDS; i++) {
		char name[3];

		snprintf(name, sizeof(name), "%02x", (unsigned)i & 0xff);
		if (mkdirat(dir_fd, name, 0700) < 0 && errno != EEXIST)
			return -errno;
	}
	return fsync(dir_fd) < 0 ? -errno : 0;
}

static int open_dir(struct spool *sp, const char *dir)
{
	int rc;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	sp->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (sp->dir_fd < 0)
		return -errno;
	rc = make_shards(sp->dir_fd);
	return rc < 0 ? rc : spool_probe(sp);
}

int spool_open_dir(const char *dir, struct spool **out, struct buf *problem)
{
	struct spool *sp = calloc(1, sizeof(*sp));
	int rc = -ENOMEM;

	if (sp) {
		sp->dir_fd = -1;
		rc = open_dir(sp, dir);
	}
	if (rc < 0) {
		buf_addf(problem, "worker.spool_dir: cannot write to \"%s\": %s", dir, strerror(-rc));
		spool_close_dir(sp);
		return rc;
	}
	*out = sp;
	return 0;
}

void spool_close_dir(struct spool *sp)
{
	if (!sp)
		return;
	if (sp->dir_fd >= 0)
		close(sp->dir_fd);
	free(sp);
}

int spool_open(struct spool *sp, struct str cv)
{
	char path[SPOOL_PATH_SIZE];
	int fd, rc = spool_path(cv, ".file", path);

	if (rc < 0)
		return rc;
	fd = openat(sp->dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

int spool_result_write(struct spool *sp, struct str cv, struct str json)
{
	char record[SPOOL_PATH_SIZE];
	int rc = spool_path(cv, ".json", record);

	if (rc == 0)
		rc = spool_replace(sp, cv, ".result", json);
	/* spool_remove takes the record away before the result: whoever comes second sees what the other did. */
	if (rc == 0 && faccessat(sp->dir_fd, record, F_OK, 0) < 0) {
		spool_unlink(sp, cv, ".result");
		return -ENOENT;
	}
	return rc;
}

int spool_result_read(struct spool *sp, struct str cv, struct buf *out)
{
	return spool_read_file(sp, cv, ".result", out);
}

bool spool_has_result(struct spool *sp, struct str cv)
{
	char path[SPOOL_PATH_SIZE];

	return spool_path(cv, ".result", path) == 0 && faccessat(sp->dir_fd, path, F_OK, 0) == 0;
}

int spool_result_link(struct spool *sp, struct str of, struct str cv)
{
	char from[SPOOL_PATH_SIZE], to[SPOOL_PATH_SIZE];
	int rc = spool_path(of, ".result", from);

	if (rc == 0)
		rc = spool_path(cv, ".result", to);
	if (rc < 0)
		return rc;
	if (linkat(sp->dir_fd, from, sp->dir_fd, to, 0) < 0 && errno != EEXIST)
		return -errno;
	return spool_sync_shard(sp, spool_shard(cv));
}

int spool_result_remove(struct spool *sp, struct str cv)
{
	return spool_unlink(sp, cv, ".result");
}

static int remove_endings(struct spool *sp, struct str cv, const char *const *endings)
{
	for (; *endings; endings++) {
		int rc = spool_unlink(sp, cv, *endings);

		if (rc < 0)
			return rc;
	}
	return spool_sync_shard(sp, spool_shard(cv));
}

#define CV_ENDINGS ".json", ".result", ".file", ".file.tmp", ".result.tmp", ".json.tmp"

int spool_remove(struct spool *sp, struct str cv)
{
	static const char *const endings[] = { CV_ENDINGS, ".tus", ".tus.tmp", ".part", NULL };

	return remove_endings(sp, cv, endings);
}

int spool_uncommit(struct spool *sp, struct str cv)
{
	static const char *const endings[] = { CV_ENDINGS, NULL };

	return remove_endings(sp, cv, endings);
}

int spool_space(struct spool *sp, struct spool_space *out)
{
	struct statvfs vfs;

	if (fstatvfs(sp->dir_fd, &vfs) < 0)
		return -errno;
	out->free_bytes = (int64_t)(vfs.f_bavail * vfs.f_frsize);
	out->total_bytes = (int64_t)(vfs.f_blocks * vfs.f_frsize);
	out->free_files = vfs.f_files ? (int64_t)vfs.f_favail : INT64_MAX;
	return 0;
}

int spool_room(struct spool *sp, int64_t bytes, int64_t keep_free_bytes)
{
	struct spool_space space = { 0 };

	if (spool_space(sp, &space) < 0)
		return 0;
	return space.free_bytes - bytes < keep_free_bytes || space.free_files < SPOOL_FREE_FILES_MIN ? -ENOSPC : 0;
}

int spool_probe(struct spool *sp)
{
	char path[32];
	int rc;

	/* One name a process: workers may share the directory. The sweep finds what a crash leaves. */
	snprintf(path, sizeof(path), "00/probe-%d", (int)getpid());
	rc = spool_write_temporary(sp, path, STR("probe\n"));
	if (rc < 0)
		return rc;
	snprintf(path, sizeof(path), "00/probe-%d.tmp", (int)getpid());
	return unlinkat(sp->dir_fd, path, 0) < 0 ? -errno : 0;
}
