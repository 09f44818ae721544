/* See converter.h. */
#include "converter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "landlock.h"

#define CPU_S_MAX 5             /* a DOC takes milliseconds; a file that it walks in circles ends here */

bool converter_works(unsigned layers)
{
	return layers & SANDBOX_LANDLOCK && access(CONVERTER_PROGRAM, X_OK) == 0;
}

static _Noreturn void converter_main(const struct sandbox_config *config, int file_fd, int text_fd)
{
	char name[] = "catdoc", no_wrapping[] = "-w", charset[] = "-d", utf8[] = "utf-8", locale[] = "LC_ALL=C.UTF-8";
	char *arguments[] = { name, no_wrapping, charset, utf8, NULL }, *environment[] = { locale, NULL };
	const char *failed;
	unsigned layers;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	lseek(file_fd, 0, SEEK_SET); /* shared with whoever read it before */
	if (setpgid(0, 0) == 0 && dup2(file_fd, STDIN_FILENO) == STDIN_FILENO && dup2(text_fd, STDOUT_FILENO) == STDOUT_FILENO &&
	    sandbox_enter(config, &layers, &failed) == 0)
		execve(CONVERTER_PROGRAM, arguments, environment);
	_exit(1);
}

int converter_start(const struct sandbox_config *config, int file_fd, pid_t *pid, int *text_fd)
{
	struct sandbox_config own = *config;
	int fds[2], rc = 0;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	own.parent = getpid();
	if (own.cpu_s > CPU_S_MAX)
		own.cpu_s = CPU_S_MAX;
	own.converts = true;
	*pid = fork();
	if (*pid == 0)
		converter_main(&own, file_fd, fds[1]);
	if (*pid < 0)
		rc = -errno;
	else
		setpgid(*pid, *pid);
	close(fds[1]);
	if (rc < 0)
		close(fds[0]);
	*text_fd = fds[0];
	return rc;
}
