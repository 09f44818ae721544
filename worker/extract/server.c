/* See server.h. One thread, one poll(); a child's state says what its socket is good for. */
#include "server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "converter.h"
#include "read.h"
#include "wire.h"

#define RETRY_MS 1000           /* until the next attempt when fork() was refused */

/*
 * STARTING: on its way into the sandbox. WARM: there, without work. PROMISED: on its way, and a job waits for it in its
 * socket. BUSY: in the sandbox, with a job: from here on nothing that it does is believed, its exit status included.
 * CONVERTING: a program beside the child of the same job, which reads what it says; how it ends is not looked at.
 */
enum slot_state { SLOT_FREE, SLOT_STARTING, SLOT_WARM, SLOT_PROMISED, SLOT_BUSY, SLOT_CONVERTING };

struct slot {
	enum slot_state state;
	struct child child;
	uint32_t job;           /* PROMISED, BUSY, CONVERTING */
};

struct server {
	const struct server_config *config;
	struct slot slots[SERVER_CHILDREN_MAX];
	size_t n_slots;         /* those behind are free */
	int signals;
	unsigned layers;
	bool announced;         /* the worker got READY */
	bool stopping;
};

static struct slot *slot_in(struct server *server, enum slot_state state)
{
	for (size_t i = 0; i < server->n_slots; i++)
		if (server->slots[i].state == state)
			return &server->slots[i];
	return NULL;
}

static struct slot *slot_of_pid(struct server *server, pid_t pid)
{
	for (size_t i = 0; i < server->n_slots; i++)
		if (server->slots[i].state != SLOT_FREE && server->slots[i].child.pid == pid)
			return &server->slots[i];
	return NULL;
}

/* A free slot, or NULL when the table is full. */
static struct slot *slot_new(struct server *server)
{
	struct slot *slot = slot_in(server, SLOT_FREE);

	if (!slot && server->n_slots < SERVER_CHILDREN_MAX) {
		slot = &server->slots[server->n_slots++];
		*slot = (struct slot){ .state = SLOT_FREE };
	}
	return slot;
}

/* A new child, or NULL when the table is full or fork() is refused. */
static struct slot *slot_start(struct server *server, const struct sandbox_config *sandbox)
{
	struct slot *slot = slot_new(server);

	if (!slot)
		return NULL;
	if (child_start(sandbox, &slot->child) < 0)
		return NULL;
	slot->state = SLOT_STARTING;
	return slot;
}

static void tell_worker(struct server *server, const struct wire_message *message)
{
	if (wire_send(WIRE_FD, message, NULL) < 0)
		server->stopping = true;
}

static void tell_ended(struct server *server, uint32_t job, int status)
{
	const struct wire_message message = { .kind = WIRE_ENDED, .job = job, .status = status };

	tell_worker(server, &message);
}

/* Without warm children a new one is given the job: it enters its sandbox first, in any case. */
static struct slot *slot_for(struct server *server, enum wire_way way)
{
	struct slot *slot;

	if (way == WIRE_WAY_OCR)
		return slot_start(server, &server->config->ocr);
	slot = slot_in(server, SLOT_WARM);
	if (!slot)
		slot = slot_in(server, SLOT_STARTING);
	return slot ? slot : slot_start(server, &server->config->sandbox);
}

static void run_job(struct server *server, const struct wire_message *request, const int *fds)
{
	struct slot *slot = slot_for(server, request->way);

	if (!slot || wire_send(slot->child.socket, request, fds) < 0) {
		tell_ended(server, request->job, WIRE_NOT_STARTED);
		return;
	}
	slot->state = slot->state == SLOT_WARM ? SLOT_BUSY : SLOT_PROMISED;
	slot->job = request->job;
}

/* Puts the converter's output in the file's place. */
static int convert(struct server *server, const struct wire_message *request, int fds[WIRE_FDS])
{
	struct slot *slot = slot_new(server);
	int text_fd, rc = slot ? converter_start(&server->config->sandbox, fds[WIRE_FD_FILE], &slot->child.pid, &text_fd) : -EAGAIN;

	if (rc < 0)
		return rc;
	slot->state = SLOT_CONVERTING;
	slot->job = request->job;
	slot->child.socket = -1;
	close(fds[WIRE_FD_FILE]);
	fds[WIRE_FD_FILE] = text_fd;
	return 0;
}

/* Kills what works on the job: its child, and the converter with it. */
static void kill_job(struct server *server, uint32_t job, bool only_converter)
{
	for (size_t i = 0; i < server->n_slots; i++) {
		const struct slot *slot = &server->slots[i];
		bool works = slot->state == SLOT_BUSY || slot->state == SLOT_PROMISED;

		if (slot->job == job && (slot->state == SLOT_CONVERTING || (works && !only_converter)))
			child_kill(&slot->child);
	}
}

static void on_worker(struct server *server)
{
	struct wire_message request;
	int fds[WIRE_FDS];

	if (wire_receive(WIRE_FD, &request, fds) <= 0) {
		server->stopping = true;
		return;
	}
	if (request.kind == WIRE_RUN) {
		if (request.way == WIRE_WAY_CONVERTER && convert(server, &request, fds) < 0)
			tell_ended(server, request.job, WIRE_NOT_STARTED);
		else
			run_job(server, &request, fds);
		close(fds[WIRE_FD_FILE]);
		close(fds[WIRE_FD_PIPE]);
	} else if (request.kind == WIRE_KILL) {
		kill_job(server, request.job, false);
	}
}

static bool awaits_report(const struct slot *slot)
{
	return slot->state == SLOT_STARTING || slot->state == SLOT_PROMISED;
}

/* A child that cannot enter the sandbox is no accident: the next one could not either. */
static void on_report(struct server *server, struct slot *slot)
{
	struct wire_message report;
	int fds[WIRE_FDS];

	if (wire_receive(slot->child.socket, &report, fds) <= 0)
		return; /* it died before it could say anything, and its exit is about to be told */
	if (report.kind != WIRE_READY) {
		tell_worker(server, &report);
		server->stopping = true;
		return;
	}
	slot->state = slot->state == SLOT_STARTING ? SLOT_WARM : SLOT_BUSY;
	if (converter_works(report.layers))
		report.layers |= WIRE_HAS_CONVERTER;
	if (readers_have_ocr())
		report.layers |= WIRE_HAS_OCR;
	wire_text(report.text, server->config->ocr_missing);
	if (!server->announced)
		tell_worker(server, &report);
	server->announced = true;
}

static void on_child_exit(struct server *server, struct slot *slot, int status)
{
	if (awaits_report(slot))
		on_report(server, slot);
	if (slot->state == SLOT_PROMISED)
		tell_ended(server, slot->job, WIRE_NOT_STARTED);
	else if (slot->state == SLOT_BUSY)
		tell_ended(server, slot->job, status);
	if (slot->state == SLOT_PROMISED || slot->state == SLOT_BUSY)
		kill_job(server, slot->job, true);
	if (slot->child.socket >= 0)
		close(slot->child.socket);
	slot->state = SLOT_FREE;
}

static void on_child_exits(struct server *server)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(server->signals, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct slot *slot = slot_of_pid(server, pid);

		if (slot)
			on_child_exit(server, slot, status);
	}
}

/* Starts children until enough are warm. Returns how long poll() may wait: for ever unless fork() was refused. */
static int refill(struct server *server)
{
	unsigned waiting = 0;

	for (size_t i = 0; i < server->n_slots; i++)
		waiting += server->slots[i].state == SLOT_STARTING || server->slots[i].state == SLOT_WARM;
	for (; waiting < server->config->warm; waiting++)
		if (!slot_start(server, &server->config->sandbox))
			return RETRY_MS;
	return -1;
}

static void serve(struct server *server)
{
	static struct pollfd polled[SERVER_CHILDREN_MAX + 2];
	static struct slot *starting[SERVER_CHILDREN_MAX];
	int timeout_ms = refill(server);
	nfds_t n = 2, events;

	polled[0] = (struct pollfd){ .fd = WIRE_FD, .events = POLLIN };
	polled[1] = (struct pollfd){ .fd = server->signals, .events = POLLIN };
	for (size_t i = 0; i < server->n_slots; i++) {
		if (!awaits_report(&server->slots[i]))
			continue;
		starting[n - 2] = &server->slots[i];
		polled[n++] = (struct pollfd){ .fd = server->slots[i].child.socket, .events = POLLIN };
	}
	if (poll(polled, n, timeout_ms) < 0)
		return;
	if (polled[1].revents)
		on_child_exits(server);
	for (events = 2; events < n; events++)
		if (polled[events].revents && awaits_report(starting[events - 2]))
			on_report(server, starting[events - 2]);
	if (polled[0].revents)
		on_worker(server);
}

static void kill_all(struct server *server)
{
	for (size_t i = 0; i < server->n_slots; i++)
		if (server->slots[i].state != SLOT_FREE)
			child_kill(&server->slots[i].child);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

/* Ends with the worker only: when a terminal or systemd tells everything to stop, the worker first finishes its jobs. */
static int arrange_signals(struct server *server)
{
	sigset_t child_exit;

	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&child_exit);
	sigaddset(&child_exit, SIGCHLD);
	sigprocmask(SIG_SETMASK, &child_exit, NULL);
	server->signals = signalfd(-1, &child_exit, SFD_CLOEXEC | SFD_NONBLOCK);
	if (server->signals < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

int server_run(const struct server_config *config)
{
	struct server *server = calloc(1, sizeof(*server));
	int rc;

	if (!server)
		return -ENOMEM;
	server->config = config;
	rc = arrange_signals(server);
	while (rc == 0 && !server->stopping)
		serve(server);
	kill_all(server);
	free(server);
	return rc;
}
