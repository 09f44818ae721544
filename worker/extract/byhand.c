/* See byhand.h. */
#include "byhand.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "wire.h"

#define OUTPUT_BYTES_MAX (8u << 20)

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A last frame is a result or an error; anything before it is progress. */
static bool is_last(struct str json)
{
	return !str_starts(json, STR("{\"type\":\"progress\""));
}

/* Reads frames until the pipe ends. ERR_NONE: the last one is in *last. */
static enum error_code read_frames(const struct byhand *how, int pipe_fd, struct frame_reader *frames, struct buf *last)
{
	int64_t deadline_ms = now_ms() + how->wall_ms;
	static char bytes[65536];
	struct pollfd polled = { .fd = pipe_fd, .events = POLLIN };

	for (;;) {
		int64_t left_ms = deadline_ms - now_ms();
		struct str json;
		ssize_t n;

		if (left_ms <= 0)
			return ERR_timeout;
		if (poll(&polled, 1, (int)left_ms) <= 0)
			continue;
		n = read(pipe_fd, bytes, sizeof(bytes));
		if (n <= 0)
			return ERR_NONE;
		if (frame_feed(frames, bytes, (size_t)n) < 0)
			return ERR_parser_crashed;
		while (frame_next(frames, &json) > 0) {
			if (!frame_is_text(json))
				return ERR_parser_crashed;
			if (is_last(json))
				buf_clear(last), buf_adds(last, json);
			else if (how->show_progress)
				printf(STR_FMT "\n", STR_ARG(json));
		}
	}
}

static int print_error(enum error_code code)
{
	printf("{\"type\":\"error\",\"code\":\"%s\"}\n", error_name(code));
	return 1;
}

/* The child's end, then what it wrote. Returns the exit status. */
static int finish(const struct byhand *how, const struct child *child, int pipe_fd)
{
	struct frame_reader frames;
	struct buf last;
	enum error_code code, outcome;
	int status = 0, rc;

	frame_reader_init(&frames, OUTPUT_BYTES_MAX);
	buf_init(&last, OUTPUT_BYTES_MAX);
	code = read_frames(how, pipe_fd, &frames, &last);
	if (code != ERR_NONE)
		child_kill(child);
	waitpid(child->pid, &status, 0);
	outcome = wire_outcome(status);
	if (WIFSIGNALED(status) && code == ERR_NONE)
		fprintf(stderr, "cvpulse-extract: the child died of signal %d\n", WTERMSIG(status));
	if (code == ERR_NONE)
		code = outcome == ERR_NONE && last.n == 0 ? ERR_parser_crashed : outcome;
	if (code != ERR_NONE) {
		rc = print_error(code);
	} else {
		printf(STR_FMT "\n", STR_ARG(buf_str(&last)));
		rc = !str_starts(buf_str(&last), STR("{\"type\":\"result\""));
	}
	buf_free(&last);
	frame_reader_free(&frames);
	return rc;
}

/* Gives the child its request once it is in the sandbox. 0, or a negative errno after telling why. */
static int hand_over(const struct child *child, const char *name, int file_fd, int pipe_fd)
{
	const int given[WIRE_FDS] = { [WIRE_FD_FILE] = file_fd, [WIRE_FD_PIPE] = pipe_fd };
	struct wire_message message = { .kind = WIRE_REFUSED, .status = -EIO };
	int fds[WIRE_FDS];

	if (wire_receive(child->socket, &message, fds) <= 0 || message.kind != WIRE_READY) {
		fprintf(stderr, "cvpulse-extract: sandbox: %s: %s\n", message.text, strerror(-message.status));
		return -EPERM;
	}
	message = (struct wire_message){ .kind = WIRE_RUN };
	wire_text(message.text, str_c(name));
	return wire_send(child->socket, &message, given);
}

int byhand_run(const struct byhand *how, const struct sandbox_config *sandbox, const char *path)
{
	struct child child;
	int pipe_fds[2], rc, file_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (file_fd < 0 || pipe2(pipe_fds, O_CLOEXEC) < 0) {
		fprintf(stderr, "cvpulse-extract: %s: %s\n", path, strerror(errno));
		return 2;
	}
	rc = child_start(sandbox, &child);
	if (rc < 0) {
		fprintf(stderr, "cvpulse-extract: %s\n", strerror(-rc));
		return 2;
	}
	rc = hand_over(&child, how->name ? how->name : path, file_fd, pipe_fds[1]);
	close(pipe_fds[1]);
	if (rc < 0) {
		child_kill(&child);
		waitpid(child.pid, NULL, 0);
		return 2;
	}
	return finish(how, &child, pipe_fds[0]);
}
