/* See landlock.h. Raw system calls: Debian 12 has no library for them. */
#include "landlock.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Kernels are newer than Debian's headers, which end at version 2. */
struct ruleset {
	uint64_t handled_access_fs, handled_access_net, scoped;
};

#define FS_VERSION_1 ((1ull << 13) - 1)
#define FS_REFER (1ull << 13)
#define FS_TRUNCATE (1ull << 14)
#define FS_IOCTL_DEVICE (1ull << 15)
#define NET_BIND_AND_CONNECT_TCP 3ull
#define SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS 3ull

static const char *const readable[] = {
	"/usr/share/fonts", "/usr/local/share/fonts",           /* fonts that a PDF names and does not hold */
	"/etc/fonts", "/usr/share/fontconfig", "/var/cache/fontconfig",
	"/usr/share/poppler",                                   /* poppler-data: encodings of East Asian PDFs */
	NULL,
};

static const char *const converter_readable[] = {
	"/etc/ld.so.cache", "/usr/lib/locale",
	"/etc/catdocrc", "/usr/share/catdoc",                   /* its character tables */
	NULL,
};

/* Everything this kernel can forbid, by Landlock's version. */
static struct ruleset everything(long version)
{
	struct ruleset set = { .handled_access_fs = FS_VERSION_1 };

	if (version >= 2)
		set.handled_access_fs |= FS_REFER;
	if (version >= 3)
		set.handled_access_fs |= FS_TRUNCATE;
	if (version >= 4)
		set.handled_access_net = NET_BIND_AND_CONNECT_TCP;
	if (version >= 5)
		set.handled_access_fs |= FS_IOCTL_DEVICE;
	if (version >= 6)
		set.scoped = SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS;
	return set;
}

/* Allows reading a file, or below a folder. What does not exist needs no rule. */
static int allow(int ruleset_fd, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access };
	struct stat st;
	int rc;

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return errno == ENOENT || errno == EACCES ? 0 : -errno;
	if (fstat(rule.parent_fd, &st) == 0 && S_ISDIR(st.st_mode))
		rule.allowed_access |= LANDLOCK_ACCESS_FS_READ_DIR;
	rc = syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
	close(rule.parent_fd);
	return rc;
}

static int allow_list(int ruleset_fd, const char *const *paths)
{
	int rc = 0;

	for (; *paths && rc == 0; paths++)
		rc = allow(ruleset_fd, *paths, LANDLOCK_ACCESS_FS_READ_FILE);
	return rc;
}

/* The folder of the C library, with something below it. False: it cannot be found. */
static bool beside_libc(const char *below, char path[PATH_MAX])
{
	Dl_info libc;
	const char *slash;

	if (!dladdr((void *)(uintptr_t)iconv_open, &libc) || !(slash = strrchr(libc.dli_fname, '/')))
		return false;
	snprintf(path, PATH_MAX, "%.*s%s", (int)(slash - libc.dli_fname), libc.dli_fname, below);
	return true;
}

/* iconv() loads a module for each old character set from the folder "gconv" beside the C library. */
static int allow_reader(int ruleset_fd)
{
	char path[PATH_MAX];
	int rc = beside_libc("/gconv", path) ? allow(ruleset_fd, path, LANDLOCK_ACCESS_FS_READ_FILE) : 0;

	return rc < 0 ? rc : allow_list(ruleset_fd, readable);
}

/* A program is started by the dynamic loader, the one that has loaded this one. */
static int allow_converter(int ruleset_fd)
{
	const uint64_t start = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE;
	char path[PATH_MAX];
	Dl_info loader;
	int rc = allow(ruleset_fd, CONVERTER_PROGRAM, start);

	if (rc == 0 && dladdr((void *)(uintptr_t)getauxval(AT_BASE), &loader))
		rc = allow(ruleset_fd, loader.dli_fname, start);
	if (rc == 0 && beside_libc("", path))
		rc = allow(ruleset_fd, path, LANDLOCK_ACCESS_FS_READ_FILE);
	return rc < 0 ? rc : allow_list(ruleset_fd, converter_readable);
}

int landlock_enter(bool converts)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset set = everything(version);
	int fd, rc;

	if (version < 0)
		return -errno;
	fd = (int)syscall(SYS_landlock_create_ruleset, &set, sizeof(set), 0);
	if (fd < 0)
		return -errno;
	rc = converts ? allow_converter(fd) : allow_reader(fd);
	if (rc == 0 && syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		rc = -errno;
	close(fd);
	return rc;
}
