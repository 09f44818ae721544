/* Walks over the spool's shards: recovery reads every record, the sweep removes what is past its time. See spool.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool_path.h"
#include "spool_record.h"

#define RECORD_MAX_BYTES 16384          /* an upload in pieces has more to say than a CV */

static DIR *open_shard(struct spool *sp, int shard)
{
	char name[3];
	DIR *dir;
	int fd;

	snprintf(name, sizeof(name), "%02x", (unsigned)shard & 0xff);
	fd = openat(sp->dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	dir = fdopendir(fd);
	if (!dir)
		close(fd);
	return dir;
}

/* The id in "<id><ending>"; empty when the name is another. */
static struct str name_id(const char *name, struct str ending)
{
	struct str id = str_c(name);

	if (id.n <= ending.n || memcmp(id.p + id.n - ending.n, ending.p, ending.n) != 0)
		return str_of(NULL, 0);
	id.n -= ending.n;
	return id;
}

int spool_walk(struct spool *sp, int shard, int (*fn)(const struct spool_record *rec, void *ctx), void *ctx)
{
	DIR *dir = open_shard(sp, shard);
	struct spool_record rec;
	struct dirent *entry;
	int rc = 0;

	if (!dir)
		return -errno;
	while (rc == 0 && (entry = readdir(dir))) {
		struct str cv = name_id(entry->d_name, STR(".json"));

		if (cv.n && spool_record_read(sp, cv, &rec) == 0)
			rc = fn(&rec, ctx);
	}
	closedir(dir);
	return rc;
}

struct condition {
	bool (*fn)(const struct spool_record *rec, void *ctx);
	void *ctx;
};

/* Of a CV, or of an upload in pieces, which becomes one (spool_part.h): both records say whose it is. */
static bool holds(const struct condition *condition, struct spool *sp, struct str id, const char *ending)
{
	struct spool_record rec;
	struct buf text;
	bool yes;

	buf_init(&text, RECORD_MAX_BYTES);
	yes = spool_read_file(sp, id, ending, &text) == 0 && spool_record_parse(buf_str(&text), &rec) == 0 && condition->fn(&rec, condition->ctx);
	buf_free(&text);
	return yes;
}

/* 1: it is gone. */
static int remove_if(struct spool *sp, const char *name, const struct condition *condition)
{
	const char *ending = ".json";
	struct str id = name_id(name, STR(".json"));
	int rc;

	if (!id.n) {
		ending = ".tus";
		id = name_id(name, STR(".tus"));
	}
	if (!id.n || !holds(condition, sp, id, ending))
		return 0;
	rc = spool_remove(sp, id);
	return rc < 0 ? rc : 1;
}

static int remove_of_shard(struct spool *sp, int shard, const struct condition *condition)
{
	DIR *dir = open_shard(sp, shard);
	struct dirent *entry;
	int removed = 0, rc = 0;

	if (!dir)
		return -errno;
	while (rc >= 0 && (entry = readdir(dir))) {
		rc = remove_if(sp, entry->d_name, condition);
		if (rc > 0)
			removed += rc;
	}
	closedir(dir);
	return rc < 0 ? rc : removed;
}

int spool_remove_where(struct spool *sp, bool (*fn)(const struct spool_record *rec, void *ctx), void *ctx)
{
	const struct condition condition = { fn, ctx };
	int removed = 0;

	for (int shard = 0; shard < SPOOL_SHARDS; shard++) {
		int rc = remove_of_shard(sp, shard, &condition);

		if (rc < 0)
			return rc;
		removed += rc;
	}
	return removed;
}

static bool is_users(const struct spool_record *rec, void *user)
{
	return str_eq(str_c(rec->user), *(struct str *)user);
}

int spool_remove_user(struct spool *sp, struct str user)
{
	return spool_remove_where(sp, is_users, &user);
}

static bool older_than(int dir_fd, const char *name, int64_t before_ms)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return false;
	return (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000 < before_ms;
}

static bool has_file(int dir_fd, struct str cv, const char *ending)
{
	char name[SPOOL_PATH_SIZE];

	snprintf(name, sizeof(name), STR_FMT "%s", STR_ARG(cv), ending);
	return faccessat(dir_fd, name, F_OK, 0) == 0;
}

/* What belongs to no CV: a temporary file, or an original or result without a record. */
static bool is_orphan(int dir_fd, const char *name)
{
	struct str cv = name_id(name, STR(".tmp"));

	if (cv.n)
		return true;
	cv = name_id(name, STR(".part"));
	if (cv.n)
		return !has_file(dir_fd, cv, ".tus");
	cv = name_id(name, STR(".file"));
	if (!cv.n)
		cv = name_id(name, STR(".result"));
	return cv.n && !has_file(dir_fd, cv, ".json");
}

/* An upload that is not finished (spool_part.h) is as old as its newest bytes. */
static int sweep_upload(struct spool *sp, int dir_fd, const char *name, struct str id, int64_t before_ms)
{
	char part[SPOOL_PATH_SIZE];
	int rc;

	snprintf(part, sizeof(part), STR_FMT ".part", STR_ARG(id));
	if (!older_than(dir_fd, name, before_ms) || (has_file(dir_fd, id, ".part") && !older_than(dir_fd, part, before_ms)))
		return 0;
	rc = spool_unlink(sp, id, ".tus");
	if (rc == 0)
		rc = spool_unlink(sp, id, ".part");
	return rc < 0 ? rc : 1;
}

/* A damaged record does not say when the CV came. */
static bool is_past(struct spool *sp, int dir_fd, const char *name, struct str cv, int64_t before_ms)
{
	struct spool_record rec;
	int rc = spool_record_read(sp, cv, &rec);

	if (rc == -EBADMSG)
		return older_than(dir_fd, name, before_ms);
	return rc == 0 && rec.created_ms < before_ms;
}

static int sweep_entry(struct spool *sp, int dir_fd, const char *name, int64_t created_before_ms, int64_t orphans_before_ms)
{
	struct str cv = name_id(name, STR(".json"));
	int rc;

	if (cv.n) {
		if (!is_past(sp, dir_fd, name, cv, created_before_ms))
			return 0;
		rc = spool_remove(sp, cv);
		return rc < 0 ? rc : 1;
	}
	cv = name_id(name, STR(".tus"));
	if (cv.n)
		return sweep_upload(sp, dir_fd, name, cv, orphans_before_ms);
	if (!is_orphan(dir_fd, name) || !older_than(dir_fd, name, orphans_before_ms))
		return 0;
	return unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT ? -errno : 1;
}

int spool_sweep(struct spool *sp, int shard, int64_t created_before_ms, int64_t orphans_before_ms)
{
	DIR *dir = open_shard(sp, shard);
	struct dirent *entry;
	int removed = 0, rc = 0;

	if (!dir)
		return -errno;
	while (rc >= 0 && (entry = readdir(dir))) {
		rc = sweep_entry(sp, dirfd(dir), entry->d_name, created_before_ms, orphans_before_ms);
		if (rc > 0)
			removed += rc;
	}
	closedir(dir);
	return rc < 0 ? rc : removed;
}
