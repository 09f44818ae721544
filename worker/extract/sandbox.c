/* See sandbox.h. The first half of this file is the table, in the order in which a child passes through it; the list of
 * system calls that remain stands in syscalls.c, the paths that remain in landlock.c. */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "landlock.h"
#include "syscalls.h"
#include "wire.h"

static int close_descriptors(const struct sandbox_config *config, unsigned *optional);
static int drop_user(const struct sandbox_config *config, unsigned *optional);
static int leave_namespaces(const struct sandbox_config *config, unsigned *optional);
static int drop_capabilities(const struct sandbox_config *config, unsigned *optional);
static int limit_resources(const struct sandbox_config *config, unsigned *optional);
static int lock_process(const struct sandbox_config *config, unsigned *optional);
static int lock_files(const struct sandbox_config *config, unsigned *optional);
static int lock_syscalls(const struct sandbox_config *config, unsigned *optional);

const struct sandbox_layer sandbox_layers[] = {
	{ "descriptors", close_descriptors },   /* nothing open but /dev/null and the socket to the fork server */
	{ "user", drop_user },                  /* not root; first, since RLIMIT_NPROC does not hold for uid 0 */
	{ "namespaces", leave_namespaces },     /* no network interface, not even loopback; no System V IPC of others */
	{ "capabilities", drop_capabilities },  /* those that came with the user namespace included */
	{ "limits", limit_resources },          /* memory, processor time and its share, no file growth, no process, no core */
	{ "process", lock_process },            /* no new privileges, nobody traces it, it dies with its parent */
	{ "files", lock_files },                /* read fonts and character tables, nothing else; a converter its own files */
	{ "syscalls", lock_syscalls },          /* what reading a document needs; all else kills. A converter may start itself */
};
const size_t sandbox_n_layers = sizeof(sandbox_layers) / sizeof(sandbox_layers[0]);

int sandbox_enter(const struct sandbox_config *config, unsigned *optional, const char **failed)
{
	*optional = 0;
	for (size_t i = 0; i < sandbox_n_layers; i++) {
		int rc = sandbox_layers[i].enter(config, optional);

		if (rc < 0) {
			*failed = sandbox_layers[i].name;
			return rc;
		}
	}
	return 0;
}

int sandbox_set_user(struct sandbox_config *config, const char *user)
{
	const struct passwd *entry;

	config->change_user = geteuid() == 0;
	if (!config->change_user)
		return 0;
	entry = getpwnam(user);
	if (!entry)
		return -ENOENT;
	if (entry->pw_uid == 0)
		return -EPERM;
	config->uid = entry->pw_uid;
	config->gid = entry->pw_gid;
	return 0;
}

/* What libraries write to stderr may quote the document, but the sanitizers' reports go there too. Not to a file: it must
 * not grow in the sandbox, so that a mere warning of libpng would be death by SIGXFSZ. */
static bool keeps_stderr(void)
{
#ifdef WITH_SANITIZERS
	struct stat st;

	return fstat(STDERR_FILENO, &st) == 0 && !S_ISREG(st.st_mode);
#else
	return false;
#endif
}

static int close_descriptors(const struct sandbox_config *config, unsigned *optional)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC), first = STDIN_FILENO, kept = WIRE_FD;
	int last = keeps_stderr() ? STDOUT_FILENO : STDERR_FILENO;

	if (null_fd < 0)
		return -errno;
	if (config->converts) {
		first = last = STDERR_FILENO;
		kept = STDERR_FILENO;
	}
	for (int fd = first; fd <= last; fd++)
		if (dup2(null_fd, fd) < 0)
			return -errno;
	return close_range((unsigned)kept + 1, ~0u, 0) < 0 ? -errno : 0;
}

static int drop_user(const struct sandbox_config *config, unsigned *optional)
{
	if (!config->change_user)
		return geteuid() == 0 || getuid() == 0 ? -EPERM : 0;
	if (setgroups(0, NULL) < 0 || setresgid(config->gid, config->gid, config->gid) < 0 ||
	    setresuid(config->uid, config->uid, config->uid) < 0)
		return -errno;
	return 0;
}

static int leave_namespaces(const struct sandbox_config *config, unsigned *optional)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC) == 0)
		*optional |= SANDBOX_NAMESPACES;
	return 0;
}

static int drop_capabilities(const struct sandbox_config *config, unsigned *optional)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0, 0, 0 } };
	struct __user_cap_data_struct held[_LINUX_CAPABILITY_U32S_3];

	/* A service manager that left none may forbid capset too (systemd: SystemCallFilter=~@privileged). */
	if (syscall(SYS_capget, &head, held) == 0 && memcmp(held, none, sizeof(none)) == 0)
		return 0;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	return syscall(SYS_capset, &head, none) < 0 ? -errno : 0;
}

static int set_limit(int resource, rlim_t soft, rlim_t hard)
{
	struct rlimit limit = { soft, hard };

	return setrlimit(resource, &limit) < 0 ? -errno : 0;
}

static int limit_resources(const struct sandbox_config *config, unsigned *optional)
{
	const struct { int resource; rlim_t soft, hard; } limits[] = {
#ifndef WITH_SANITIZERS /* they reserve terabytes of addresses; memory.c holds the limit there */
		{ RLIMIT_AS, config->memory_bytes, config->memory_bytes },
#endif
		{ RLIMIT_CPU, config->cpu_s, config->cpu_s + 1 }, /* first SIGXCPU, which says why; then SIGKILL */
		{ RLIMIT_FSIZE, 0, 0 },
		{ RLIMIT_NPROC, 0, 0 },
		{ RLIMIT_NOFILE, 16, 16 },
		{ RLIMIT_MSGQUEUE, 0, 0 },
		{ RLIMIT_MEMLOCK, 0, 0 },
		{ RLIMIT_CORE, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		int rc = set_limit(limits[i].resource, limits[i].soft, limits[i].hard);

		if (rc < 0)
			return rc;
	}
	errno = 0;
	return nice(config->nice) == -1 && errno ? -errno : 0; /* -1 may also be what it is now */
}

/* After the changes of user and capabilities: they clear PDEATHSIG. */
static int lock_process(const struct sandbox_config *config, unsigned *optional)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -errno;
	return getppid() == config->parent ? 0 : -ESRCH; /* it died before we asked to die with it */
}

static int lock_files(const struct sandbox_config *config, unsigned *optional)
{
	int rc = landlock_enter(config->converts);

	if (rc == -ENOSYS || rc == -EOPNOTSUPP)
		return 0;
	if (rc == 0)
		*optional |= SANDBOX_LANDLOCK;
	return rc;
}

static int lock_syscalls(const struct sandbox_config *config, unsigned *optional)
{
	return syscalls_enter(*optional & SANDBOX_LANDLOCK, config->converts);
}
