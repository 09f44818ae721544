/* worker/extract/converter.c: what the program that reads DOC may do, and what reaches its reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "converter.h"
#include "landlock.h"

static struct sandbox_config config = { .memory_bytes = 256ull << 20, .cpu_s = 5 };

/* The exit status of a process that has entered the converter's sandbox; the test is skipped where there is no Landlock. */
static int in_sandbox(int (*act)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct sandbox_config own = config;
		const char *failed = NULL;
		unsigned layers = 0;
		int nowhere = open("/dev/null", O_WRONLY);

		dup2(nowhere, STDOUT_FILENO); /* a log file must not grow in there: FSIZE is 0 */
		own.parent = getppid();
		own.converts = true;
		if (sandbox_enter(&own, &layers, &failed) < 0)
			_exit(98);
		_exit(layers & SANDBOX_LANDLOCK ? act() : 99);
	}
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 99)
		skip();
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int start_a_shell(void)
{
	char name[] = "sh", *arguments[] = { name, NULL }, *environment[] = { NULL };

	execve("/bin/sh", arguments, environment);
	return errno;
}

static int start_itself(void)
{
	char name[] = "catdoc", version[] = "-V", *arguments[] = { name, version, NULL }, *environment[] = { NULL };

	execve(CONVERTER_PROGRAM, arguments, environment);
	return errno;
}

static int read_users(void)
{
	return open("/etc/passwd", O_RDONLY) < 0 ? errno : 0;
}

static int make_process(void)
{
	return fork() < 0 ? errno : 0;
}

static void it_may_start_nothing_but_itself(void **state)
{
	assert_int_equal(in_sandbox(start_a_shell), EACCES);
	if (access(CONVERTER_PROGRAM, X_OK) == 0)
		assert_int_equal(in_sandbox(start_itself), 0);
}

static void it_reads_no_other_file_and_makes_no_process(void **state)
{
	assert_int_equal(in_sandbox(read_users), EACCES);
	assert_int_equal(in_sandbox(make_process), -SIGSYS);
}

static void its_words_come_through_the_pipe(void **state)
{
	int status, text_fd, file_fd = memfd_create("cv", MFD_CLOEXEC);
	char said[64] = "";
	ssize_t n;
	pid_t pid;

	if (in_sandbox(read_users) != EACCES || access(CONVERTER_PROGRAM, X_OK) < 0)
		skip();
	assert_int_equal(dprintf(file_fd, "Jane Doe, Engineer\n"), 19);
	assert_int_equal(converter_start(&config, file_fd, &pid, &text_fd), 0);
	n = read(text_fd, said, sizeof(said) - 1);
	assert_true(n > 0);
	assert_non_null(strstr(said, "Jane Doe, Engineer"));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(text_fd);
	close(file_fd);
}

static void without_landlock_there_is_none(void **state)
{
	assert_false(converter_works(0));
	assert_int_equal(converter_works(SANDBOX_LANDLOCK), access(CONVERTER_PROGRAM, X_OK) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_may_start_nothing_but_itself),
		cmocka_unit_test(it_reads_no_other_file_and_makes_no_process),
		cmocka_unit_test(its_words_come_through_the_pipe),
		cmocka_unit_test(without_landlock_there_is_none),
	};

	return sandbox_set_user(&config, "nobody") < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
