/* See mates.h. */
#include "mates.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "workers"

struct mates {
	int dir_fd, own_fd;
	char name[ID_NEW_SIZE];
};

static int open_folder(const char *spool_dir)
{
	int fd = -1, spool_fd = open(spool_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (spool_fd < 0)
		return -errno;
	if (mkdirat(spool_fd, FOLDER, 0700) == 0 || errno == EEXIST)
		fd = openat(spool_fd, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	close(spool_fd);
	return fd;
}

/* Locked under a name that nobody looks at, then renamed: no mate ever sees it without its lock. */
static int create_locked(int dir_fd, const char *name)
{
	char hidden[ID_NEW_SIZE + 1];
	int rc, fd;

	snprintf(hidden, sizeof(hidden), ".%s", name);
	fd = openat(dir_fd, hidden, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && renameat(dir_fd, hidden, dir_fd, name) == 0)
		return fd;
	rc = -errno;
	unlinkat(dir_fd, hidden, 0);
	close(fd);
	return rc;
}

int mates_join(const char *spool_dir, const char *name, struct mates **out)
{
	struct mates *m = calloc(1, sizeof(*m));
	int rc;

	if (!m)
		return -ENOMEM;
	snprintf(m->name, sizeof(m->name), "%s", name);
	m->dir_fd = rc = open_folder(spool_dir);
	if (rc < 0)
		goto fail;
	m->own_fd = rc = create_locked(m->dir_fd, name);
	if (rc < 0)
		goto fail_folder;
	*out = m;
	return 0;
fail_folder:
	close(m->dir_fd);
fail:
	free(m);
	return rc;
}

void mates_leave(struct mates *m)
{
	unlinkat(m->dir_fd, m->name, 0);
	close(m->own_fd);
	close(m->dir_fd);
	free(m);
}

static bool is_dead(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC);
	bool dead = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;

	if (fd >= 0)
		close(fd);
	return dead;
}

bool mates_find_dead(struct mates *m, char name[ID_NEW_SIZE])
{
	int fd = openat(m->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	bool found = false;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (!found && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || strlen(entry->d_name) >= ID_NEW_SIZE || strcmp(entry->d_name, m->name) == 0)
			continue;
		found = is_dead(m->dir_fd, entry->d_name);
		if (found)
			memcpy(name, entry->d_name, strlen(entry->d_name) + 1);
	}
	closedir(dir);
	return found;
}

void mates_forget(struct mates *m, const char *name)
{
	unlinkat(m->dir_fd, name, 0);
}
