/* See syscalls.h. Each call stands beside what needs it. */
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "wire.h"

static const int allowed[] = {
	/* the file, the pipe; fonts and tables where Landlock lets them be opened */
	SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(readv), SCMP_SYS(preadv), SCMP_SYS(write), SCMP_SYS(writev),
	SCMP_SYS(lseek), SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(stat), SCMP_SYS(lstat),
	SCMP_SYS(statx), SCMP_SYS(fstatfs), SCMP_SYS(statfs), SCMP_SYS(fadvise64), SCMP_SYS(dup),
	/* fontconfig and the loader of iconv's modules look around; what they find they must still open */
	SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat),
	SCMP_SYS(getdents64), SCMP_SYS(getcwd),
	/* malloc, stdio, reading a file as memory, modules of iconv (executable) */
	SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect), SCMP_SYS(madvise), SCMP_SYS(brk),
	/* locks of libraries that could have threads */
	SCMP_SYS(futex), SCMP_SYS(sched_yield), SCMP_SYS(membarrier),
	/* time where the vdso has none; seeds of hash tables */
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(getrandom),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(getrusage), SCMP_SYS(times),
	/* abort() and the handlers of memory.c; a call that a stopped and continued process takes up again */
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall),
	/* who am I */
	SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getppid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
	SCMP_SYS(getegid), SCMP_SYS(uname), SCMP_SYS(sched_getaffinity), SCMP_SYS(getcpu),
	SCMP_SYS(exit), SCMP_SYS(exit_group),
};

/* Asked in passing by libraries that live well with a no. */
static const int refused[] = {
	SCMP_SYS(sysinfo),      /* qsort() of glibc, to see how much memory it may take */
	SCMP_SYS(ioctl),        /* isatty() of stdio */
	SCMP_SYS(sched_setaffinity), SCMP_SYS(setpriority), SCMP_SYS(prctl),
	SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(link), SCMP_SYS(chmod),
	SCMP_SYS(rename), SCMP_SYS(utimensat), /* fontconfig's care for its cache */
};

/* What a program needs that starts anew. */
static const int starting[] = {
	SCMP_SYS(execve), SCMP_SYS(arch_prctl), SCMP_SYS(set_tid_address), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
};

struct rules {
	scmp_filter_ctx filter;
	int rc;                 /* of the first rule that failed */
};

/* Adds one rule, with up to two conditions on arguments. */
static void add(struct rules *rules, uint32_t action, int call, unsigned n, struct scmp_arg_cmp first, struct scmp_arg_cmp second)
{
	const struct scmp_arg_cmp conditions[] = { first, second };

	if (rules->rc == 0)
		rules->rc = seccomp_rule_add_array(rules->filter, action, call, n, conditions);
}

static void add_list(struct rules *rules, uint32_t action, const int *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add(rules, action, calls[i], 0, SCMP_A0(SCMP_CMP_EQ, 0), SCMP_A0(SCMP_CMP_EQ, 0));
}

/* Calls that are allowed for some arguments only. */
static void add_conditional(struct rules *rules, bool may_open)
{
	const scmp_datum_t writing = O_ACCMODE | O_CREAT | O_TRUNC;
	const struct scmp_arg_cmp none = SCMP_A0(SCMP_CMP_EQ, 0);

	/* the report to the fork server, and its request; afterwards the descriptor is closed */
	add(rules, SCMP_ACT_ALLOW, SCMP_SYS(sendmsg), 1, SCMP_A0(SCMP_CMP_EQ, WIRE_FD), none);
	add(rules, SCMP_ACT_ALLOW, SCMP_SYS(recvmsg), 1, SCMP_A0(SCMP_CMP_EQ, WIRE_FD), none);
	/* open() to read only */
	if (may_open) {
		add(rules, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, writing, O_RDONLY), none);
		add(rules, SCMP_ACT_ALLOW, SCMP_SYS(open), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, writing, O_RDONLY), none);
	}
	/* descriptors' flags; a copy */
	add(rules, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_LE, F_GETFL), none);
	add(rules, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, F_DUPFD_CLOEXEC), none);
	/* limits may be read, of this process */
	add(rules, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, SCMP_A0(SCMP_CMP_EQ, 0), SCMP_A2(SCMP_CMP_EQ, 0));
	/* raise() and abort() */
	add(rules, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()), none);
}

/* open() in any other way fails, without death: fontconfig tries to write its cache. The conditions exclude each other,
 * since libseccomp 2.5 joins overlapping ones wrongly. */
static void add_open_refusal(struct rules *rules, bool may_open)
{
	const struct scmp_arg_cmp none = SCMP_A0(SCMP_CMP_EQ, 0);
	static const struct { scmp_datum_t mask, value; } writing[] = {
		{ O_ACCMODE, O_WRONLY }, { O_ACCMODE, O_RDWR }, { O_ACCMODE, O_ACCMODE },
		{ O_ACCMODE | O_CREAT, O_CREAT }, { O_ACCMODE | O_CREAT | O_TRUNC, O_TRUNC },
	};

	if (!may_open) {
		add(rules, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(openat), 0, none, none);
		add(rules, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(open), 0, none, none);
		return;
	}
	for (size_t i = 0; i < sizeof(writing) / sizeof(writing[0]); i++) {
		add(rules, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(openat), 1,
		    SCMP_A2(SCMP_CMP_MASKED_EQ, writing[i].mask, writing[i].value), none);
		add(rules, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(open), 1,
		    SCMP_A1(SCMP_CMP_MASKED_EQ, writing[i].mask, writing[i].value), none);
	}
}

int syscalls_enter(bool may_open, bool may_exec)
{
	struct rules rules = { .filter = seccomp_init(SCMP_ACT_KILL_PROCESS) };

	if (!rules.filter)
		return -ENOMEM;
	rules.rc = seccomp_attr_set(rules.filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	add_list(&rules, SCMP_ACT_ALLOW, allowed, sizeof(allowed) / sizeof(allowed[0]));
	add_list(&rules, SCMP_ACT_ERRNO(EPERM), refused, sizeof(refused) / sizeof(refused[0]));
	if (may_exec)
		add_list(&rules, SCMP_ACT_ALLOW, starting, sizeof(starting) / sizeof(starting[0]));
	add_conditional(&rules, may_open);
	add_open_refusal(&rules, may_open);
	if (rules.rc == 0)
		rules.rc = seccomp_load(rules.filter);
	seccomp_release(rules.filter);
	return rules.rc;
}
