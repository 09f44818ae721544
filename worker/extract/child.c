/* See child.h. */
#include "child.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "memory.h"
#include "reading.h"

/* Says whether the sandbox is complete, and waits for the request: the descriptors of the file and the pipe. */
static void wait_for_request(const struct sandbox_config *config, struct wire_message *request, int fds[WIRE_FDS])
{
	struct wire_message report = { .kind = WIRE_READY };
	const char *failed = "";
	int rc = sandbox_enter(config, &report.layers, &failed);

	if (rc < 0) {
		report.kind = WIRE_REFUSED;
		report.status = rc;
		wire_text(report.text, str_c(failed));
	}
	if (wire_send(WIRE_FD, &report, NULL) < 0 || rc < 0)
		_exit(1);
	if (wire_receive(WIRE_FD, request, fds) <= 0 || request->kind != WIRE_RUN)
		_exit(1);
	close(WIRE_FD);
}

static _Noreturn void child_main(const struct sandbox_config *config, int socket)
{
	struct wire_message request;
	int fds[WIRE_FDS];
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (setpgid(0, 0) < 0 || dup2(socket, WIRE_FD) < 0)
		_exit(1);
	wait_for_request(config, &request, fds);
	memory_watch(config->memory_bytes, fds[WIRE_FD_PIPE]);
	/* _exit(): what libraries do at the end of a process is not wanted, nor is the server's unwritten output. */
	_exit(reading_run(fds[WIRE_FD_FILE], fds[WIRE_FD_PIPE], request.text, request.way) < 0);
}

int child_start(const struct sandbox_config *config, struct child *child)
{
	struct sandbox_config own = *config;
	int sockets[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	own.parent = getpid();
	child->pid = fork();
	if (child->pid == 0)
		child_main(&own, sockets[1]);
	rc = child->pid < 0 ? -errno : 0;
	close(sockets[1]);
	if (rc < 0) {
		close(sockets[0]);
		return rc;
	}
	setpgid(child->pid, child->pid); /* both sides do, so that it is done whoever comes first */
	child->socket = sockets[0];
	return 0;
}

void child_kill(const struct child *child)
{
	kill(-child->pid, SIGKILL);
	kill(child->pid, SIGKILL);
}
