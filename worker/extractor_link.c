/* See extractor_link.h. A link is RUNNING until its socket or its process ends; its memory goes with its last handle. */
#include "extractor_link.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define EXIT_MS 2000            /* after its socket was closed the server gets this long to leave */

enum link_state { LINK_RUNNING, LINK_ENDING };

struct extract_link {
	uv_process_t process;
	uv_poll_t poll;
	uv_timer_t killer;
	int handles;            /* open ones among these */
	int socket;
	enum link_state state;
	const struct extract_link_events *events;
	void *ctx;
};

static void on_handle_closed(uv_handle_t *handle)
{
	struct extract_link *link = handle->data;

	if (--link->handles == 0)
		free(link);
}

static void on_exit_overdue(uv_timer_t *timer)
{
	struct extract_link *link = timer->data;

	uv_process_kill(&link->process, SIGKILL);
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct extract_link *link = handle->data;

	close(link->socket);
	on_handle_closed(handle);
}

void extract_link_stop(struct extract_link *link)
{
	link->state = LINK_ENDING;
	shutdown(link->socket, SHUT_RDWR); /* at once; the descriptor itself only after libuv let go of it */
	uv_close((uv_handle_t *)&link->poll, on_poll_closed);
	uv_timer_start(&link->killer, on_exit_overdue, EXIT_MS, 0);
}

void extract_link_kill(struct extract_link *link)
{
	uv_process_kill(&link->process, SIGKILL);
	extract_link_stop(link);
}

static void link_lost(struct extract_link *link)
{
	extract_link_stop(link);
	link->events->lost(link->ctx);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct extract_link *link = poll->data;

	while (link->state == LINK_RUNNING) {
		struct wire_message message;
		int fds[WIRE_FDS], rc = status < 0 ? status : wire_receive(link->socket, &message, fds);

		if (rc == -EAGAIN)
			return;
		if (rc > 0)
			link->events->message(link->ctx, &message);
		else
			link_lost(link);
	}
}

static void on_process_exit(uv_process_t *process, int64_t exit_status, int signal_number)
{
	struct extract_link *link = process->data;

	if (link->state == LINK_RUNNING)
		link_lost(link);
	uv_close((uv_handle_t *)&link->killer, on_handle_closed);
	uv_close((uv_handle_t *)&link->process, on_handle_closed);
}

/* An environment without the worker's secrets, a session of its own that Ctrl-C does not reach. */
static int spawn(uv_loop_t *loop, const struct extractor_config *config, struct extract_link *link, int socket)
{
	static char locale[] = "LC_ALL=C.UTF-8", threads[] = "OMP_THREAD_LIMIT=1", *environment[] = { locale, threads, NULL };
	char name[] = "cvpulse-extract", server[] = "--server", warm[32], memory[32], cpu[32], user[64];
	char ocr[256], ocr_memory[32], ocr_cpu[32];
	char *arguments[] = { name, server, warm, memory, cpu, user, ocr, ocr_memory, ocr_cpu, NULL };
	uv_stdio_container_t stdio[WIRE_FD + 1] = {
		[STDERR_FILENO] = { .flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO },
		[WIRE_FD] = { .flags = UV_INHERIT_FD, .data.fd = socket },
	};
	const uv_process_options_t options = {
		.file = config->program, .args = arguments, .env = environment, .stdio = stdio, .stdio_count = WIRE_FD + 1,
		.flags = UV_PROCESS_DETACHED, .exit_cb = on_process_exit, .cwd = "/",
	};

	snprintf(warm, sizeof(warm), "--warm=%u", config->warm);
	snprintf(memory, sizeof(memory), "--memory-mb=%u", config->memory_mb);
	snprintf(cpu, sizeof(cpu), "--cpu-s=%u", config->cpu_s);
	if (snprintf(user, sizeof(user), "--user=%s", config->user) >= (int)sizeof(user))
		return -EINVAL;
	snprintf(ocr_memory, sizeof(ocr_memory), "--ocr-memory-mb=%u", config->ocr_memory_mb);
	snprintf(ocr_cpu, sizeof(ocr_cpu), "--ocr-cpu-s=%u", config->ocr_cpu_s);
	if (snprintf(ocr, sizeof(ocr), "--ocr=%s", config->ocr_slots ? config->ocr_languages : "") >= (int)sizeof(ocr))
		return -EINVAL;
	return uv_spawn(loop, &link->process, &options);
}

/* Makes the handles. They are counted, and have to be closed, whatever uv_spawn() says. */
static int link_open(uv_loop_t *loop, const struct extractor_config *config, struct extract_link *link, int sockets[2])
{
	int rc = uv_poll_init(loop, &link->poll, sockets[0]); /* does not block from here on */

	if (rc < 0)
		return rc;
	link->process.data = link->poll.data = link->killer.data = link;
	link->handles = 3;
	uv_timer_init(loop, &link->killer);
	uv_poll_start(&link->poll, UV_READABLE, on_readable);
	rc = spawn(loop, config, link, sockets[1]);
	if (rc == 0)
		return 0;
	uv_close((uv_handle_t *)&link->process, on_handle_closed);
	uv_close((uv_handle_t *)&link->killer, on_handle_closed);
	uv_close((uv_handle_t *)&link->poll, on_poll_closed);
	return rc;
}

int extract_link_start(uv_loop_t *loop, const struct extractor_config *config, const struct extract_link_events *events,
		       void *ctx, struct extract_link **out)
{
	struct extract_link *link = calloc(1, sizeof(*link));
	int sockets[2], rc;

	if (!link)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0) {
		rc = -errno;
		free(link);
		return rc;
	}
	link->socket = sockets[0];
	link->events = events;
	link->ctx = ctx;
	rc = link_open(loop, config, link, sockets);
	close(sockets[1]);
	if (rc < 0 && link->handles == 0) {
		close(sockets[0]);
		free(link);
	}
	if (rc == 0)
		*out = link;
	return rc;
}

int extract_link_send(struct extract_link *link, const struct wire_message *message, const int *fds)
{
	return wire_send(link->socket, message, fds);
}
