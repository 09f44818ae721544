/*
 * worker/extract/sandbox.c, layer by layer: each test enters one layer in a child process, without the others that would
 * stop the same thing, and tries what the layer forbids.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"
#include "sandbox.h"
#include "syscalls.h"
#include "wire.h"

#define MEBIBYTE (1ull << 20)
#define NOT_HERE 99             /* exit status: this system does not allow the layer */

static struct sandbox_config config = { .memory_bytes = 256 * MEBIBYTE, .cpu_s = 1 };
static unsigned optional;

static int enter(const char *name)
{
	config.parent = getppid();
	for (size_t i = 0; i < sandbox_n_layers; i++)
		if (strcmp(sandbox_layers[i].name, name) == 0)
			return sandbox_layers[i].enter(&config, &optional);
	return -ENOENT;
}

/* Runs act in a child after the named layer was entered. Returns the wait status; act's value is the exit status. */
static int in_layer(const char *name, int (*act)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (enter(name) < 0)
			_exit(98);
		_exit(act());
	}
	waitpid(pid, &status, 0);
	return status;
}

static int exit_status(int status)
{
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NOT_HERE)
		skip();
	return WEXITSTATUS(status);
}

static int killed_by(int status)
{
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static int tried(long rc)
{
	return rc < 0 ? errno : 0;
}

static int write_to_fd_20(void)
{
	return tried(write(20, "x", 1));
}

static int stdout_is_null(void)
{
	char byte;

	return read(STDIN_FILENO, &byte, 1) == 0 && lseek(STDOUT_FILENO, 0, SEEK_CUR) == 0 ? 0 : 1;
}

static void descriptors_of_the_server_are_closed(void **state)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(dup2(fds[1], 20), 20);
	assert_int_equal(exit_status(in_layer("descriptors", write_to_fd_20)), EBADF);
	assert_int_equal(exit_status(in_layer("descriptors", stdout_is_null)), 0);
	close(20), close(fds[0]), close(fds[1]);
}

static int become_root_again(void)
{
	gid_t groups[32];

	if (getuid() == 0 || geteuid() == 0 || getgid() == 0 || getgroups(32, groups) != (config.change_user ? 0 : getgroups(0, NULL)))
		return 0;
	return tried(setuid(0));
}

static void root_is_given_up_for_good(void **state)
{
	assert_int_equal(exit_status(in_layer("user", become_root_again)), EPERM);
}

static void a_user_that_is_root_is_refused(void **state)
{
	struct sandbox_config other;

	if (geteuid() != 0)
		skip();
	assert_int_equal(sandbox_set_user(&other, "root"), -EPERM);
	assert_int_equal(sandbox_set_user(&other, "no-such-user-here"), -ENOENT);
}

static int reach_loopback(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (!(optional & SANDBOX_NAMESPACES))
		return NOT_HERE;
	return tried(sendto(fd, "x", 1, 0, (struct sockaddr *)&address, sizeof(address)));
}

static void the_network_namespace_has_not_even_loopback(void **state)
{
	assert_int_equal(exit_status(in_layer("namespaces", reach_loopback)), ENETUNREACH);
}

static int count_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (enter("namespaces") < 0 || enter("capabilities") < 0 || syscall(SYS_capget, &head, data) < 0)
		return 1;
	return data[0].effective | data[0].permitted | data[0].inheritable | data[1].effective | data[1].permitted ? 2 : 0;
}

static void capabilities_of_the_new_namespace_are_dropped_too(void **state)
{
	assert_int_equal(exit_status(in_layer("user", count_capabilities)), 0);
}

#ifndef WITH_SANITIZERS
static int allocate(void)
{
	void *p = malloc(config.memory_bytes);
	int outcome = p ? 0 : errno;

	free(p);
	return outcome;
}
#endif

static void memory_is_limited(void **state)
{
#ifdef WITH_SANITIZERS
	skip(); /* memory.c holds the limit there: extractor_test */
#else
	assert_int_equal(exit_status(in_layer("limits", allocate)), ENOMEM);
#endif
}

static int spin(void)
{
	for (volatile unsigned i = 0;; i++)
		;
	return 0;
}

static void processor_time_is_limited(void **state)
{
	assert_int_equal(killed_by(in_layer("limits", spin)), SIGXCPU);
}

static int write_temporary_file(void)
{
	char name[] = "/tmp/sandbox-test-XXXXXX";
	int fd = mkstemp(name);

	unlink(name);
	return fd < 0 ? errno : tried(write(fd, "x", 1));
}

static void files_cannot_grow(void **state)
{
	assert_int_equal(killed_by(in_layer("limits", write_temporary_file)), SIGXFSZ);
}

static int fork_after_limits(void)
{
	pid_t pid;

	if (enter("limits") < 0)
		return 1;
	pid = fork();
	if (pid == 0)
		_exit(0);
	return tried(pid);
}

static void processes_are_limited_for_whom_is_not_root(void **state)
{
	assert_int_equal(exit_status(in_layer("user", fork_after_limits)), EAGAIN);
}

static int open_many(void)
{
	for (int i = 0; i < 16; i++)
		if (dup(STDIN_FILENO) < 0)
			return errno;
	return 0;
}

static void descriptors_are_limited(void **state)
{
	assert_int_equal(exit_status(in_layer("limits", open_many)), EMFILE);
}

static int core_limit(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_CORE, &limit) < 0 || limit.rlim_max ? 1 : 0;
}

static void no_core_is_written(void **state)
{
	assert_int_equal(exit_status(in_layer("limits", core_limit)), 0);
}

static int process_flags(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : 1;
}

static void no_privileges_can_come_back_and_nobody_may_look_in(void **state)
{
	assert_int_equal(exit_status(in_layer("process", process_flags)), 0);
}

/* Leaves a locked process behind, which says so through the pipe and holds it open for as long as it lives. */
static _Noreturn void leave_a_child(int pipe_fd)
{
	int locked[2];
	char byte;

	if (pipe(locked) == 0 && fork() == 0) {
		if (enter("process") < 0 || write(pipe_fd, "r", 1) != 1 || write(locked[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	_exit(read(locked[0], &byte, 1) == 1 ? 0 : 1);
}

static void a_child_dies_with_its_parent(void **state)
{
	int fds[2];
	char byte;

	assert_int_equal(pipe(fds), 0);
	if (fork() == 0)
		leave_a_child(fds[1]);
	close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	assert_int_equal(read(fds[0], &byte, 1), 0); /* waits until nobody has the other end open */
	close(fds[0]);
	wait(NULL);
}

static int read_passwd(void)
{
	return optional & SANDBOX_LANDLOCK ? tried(open("/etc/passwd", O_RDONLY)) : NOT_HERE;
}

static int create_file(void)
{
	return optional & SANDBOX_LANDLOCK ? tried(open("/tmp/sandbox-test", O_WRONLY | O_CREAT, 0600)) : NOT_HERE;
}

static int make_folder(void)
{
	return optional & SANDBOX_LANDLOCK ? tried(mkdir("/tmp/sandbox-test", 0700)) : NOT_HERE;
}

static int run_program(void)
{
	return optional & SANDBOX_LANDLOCK ? tried(execl("/bin/true", "true", NULL)) : NOT_HERE;
}

static int read_fonts(void)
{
	return optional & SANDBOX_LANDLOCK ? tried(open("/etc/fonts/fonts.conf", O_RDONLY)) : NOT_HERE;
}

/* Landlock needs no_new_privs, which is of the layer before. */
#define LOCKED(act) \
	static int act##_locked(void) { return enter("files") < 0 ? 98 : act(); }
LOCKED(read_passwd)
LOCKED(create_file)
LOCKED(make_folder)
LOCKED(run_program)
LOCKED(read_fonts)

static void nothing_can_be_read_written_made_or_run(void **state)
{
	assert_int_equal(exit_status(in_layer("process", read_passwd_locked)), EACCES);
	assert_int_equal(exit_status(in_layer("process", create_file_locked)), EACCES);
	assert_int_equal(exit_status(in_layer("process", make_folder_locked)), EACCES);
	assert_int_equal(exit_status(in_layer("process", run_program_locked)), EACCES);
}

static void fonts_can_be_read(void **state)
{
	if (access("/etc/fonts/fonts.conf", R_OK) < 0)
		skip();
	assert_int_equal(exit_status(in_layer("process", read_fonts_locked)), 0);
}

/* The filter alone, as it is with and without Landlock. */
static int with_filter(bool may_open, int (*act)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscalls_enter(may_open, false) < 0)
			_exit(98);
		_exit(act());
	}
	waitpid(pid, &status, 0);
	return status;
}

static int call_socket(void)
{
	return tried(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int call_fork(void)
{
	return tried(syscall(SYS_fork));
}

static int call_clone3(void)
{
	return tried(syscall(SYS_clone3, NULL, 0));
}

static int call_exec(void)
{
	return tried(execl("/bin/true", "true", NULL));
}

static int call_ptrace(void)
{
	return tried(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int call_kill(void)
{
	return tried(kill(getppid(), 0));
}

static int call_tgkill_of_another(void)
{
	return tried(syscall(SYS_tgkill, getppid(), getppid(), 0));
}

static int call_unshare(void)
{
	return tried(syscall(SYS_unshare, 0));
}

static int call_io_uring(void)
{
	return tried(syscall(SYS_io_uring_setup, 1, NULL));
}

static int call_bpf(void)
{
	return tried(syscall(SYS_bpf, 0, NULL, 0));
}

static int call_receive_elsewhere(void)
{
	struct msghdr message = { .msg_iovlen = 0 };

	return tried(recvmsg(WIRE_FD + 1, &message, 0));
}

static int call_set_limit(void)
{
	return tried(syscall(SYS_prlimit64, getppid(), RLIMIT_CPU, NULL, NULL));
}

static void calls_that_are_not_listed_kill(void **state)
{
	int (*const acts[])(void) = { call_socket, call_fork, call_clone3, call_exec, call_ptrace, call_kill, call_tgkill_of_another,
				      call_unshare, call_io_uring, call_bpf, call_receive_elsewhere, call_set_limit };

	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		assert_int_equal(killed_by(with_filter(true, acts[i])), SIGSYS);
}

static int call_sysinfo(void)
{
	struct sysinfo info;

	return tried(sysinfo(&info));
}

static void questions_in_passing_get_a_no(void **state)
{
	assert_int_equal(exit_status(with_filter(true, call_sysinfo)), EPERM);
}

static int open_to_read(void)
{
	return tried(open("/etc/passwd", O_RDONLY));
}

/* Every way of opening that could change something; any that is not refused shows as its number. */
static int open_to_change(void)
{
	static const int flags[] = { O_WRONLY, O_RDWR, O_RDONLY | O_CREAT, O_WRONLY | O_CREAT, O_RDWR | O_CREAT | O_EXCL,
				     O_RDONLY | O_TRUNC, O_WRONLY | O_CREAT | O_TRUNC, O_WRONLY | O_APPEND, O_RDWR | O_TMPFILE,
				     O_WRONLY | O_RDWR };

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (open("/tmp/sandbox-test", flags[i], 0600) >= 0 || errno != EACCES)
			return (int)i + 1;
	return 0;
}

static void files_open_to_read_only(void **state)
{
	assert_int_equal(exit_status(with_filter(true, open_to_read)), 0);
	assert_int_equal(exit_status(with_filter(true, open_to_change)), 0);
}

static void without_landlock_no_file_opens(void **state)
{
	assert_int_equal(exit_status(with_filter(false, open_to_read)), EACCES);
	assert_int_equal(exit_status(with_filter(false, open_to_change)), 0);
}

static int enter_with_another_parent(void)
{
	const char *failed = "";

	config.parent = 1;
	return sandbox_enter(&config, &optional, &failed) == -ESRCH && strcmp(failed, "process") == 0 ? 0 : 1;
}

static void a_layer_that_fails_is_named_and_ends_it(void **state)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		_exit(enter_with_another_parent());
	waitpid(pid, &status, 0);
	assert_int_equal(exit_status(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors_of_the_server_are_closed),
		cmocka_unit_test(root_is_given_up_for_good),
		cmocka_unit_test(a_user_that_is_root_is_refused),
		cmocka_unit_test(the_network_namespace_has_not_even_loopback),
		cmocka_unit_test(capabilities_of_the_new_namespace_are_dropped_too),
		cmocka_unit_test(memory_is_limited),
		cmocka_unit_test(processor_time_is_limited),
		cmocka_unit_test(files_cannot_grow),
		cmocka_unit_test(processes_are_limited_for_whom_is_not_root),
		cmocka_unit_test(descriptors_are_limited),
		cmocka_unit_test(no_core_is_written),
		cmocka_unit_test(no_privileges_can_come_back_and_nobody_may_look_in),
		cmocka_unit_test(a_child_dies_with_its_parent),
		cmocka_unit_test(nothing_can_be_read_written_made_or_run),
		cmocka_unit_test(fonts_can_be_read),
		cmocka_unit_test(calls_that_are_not_listed_kill),
		cmocka_unit_test(questions_in_passing_get_a_no),
		cmocka_unit_test(files_open_to_read_only),
		cmocka_unit_test(without_landlock_no_file_opens),
		cmocka_unit_test(a_layer_that_fails_is_named_and_ends_it),
	};

	if (sandbox_set_user(&config, "nobody") < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
