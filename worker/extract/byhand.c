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
#include "converter.h"
#include "read.h"
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

/* The child's end; ERR_NONE: what it wrote last is in *last. */
static enum error_code finish(const struct byhand *how, const struct child *child, int pipe_fd, struct buf *last)
{
	struct frame_reader frames;
	enum error_code code, outcome;
	int status = 0;

	frame_reader_init(&frames, OUTPUT_BYTES_MAX);
	code = read_frames(how, pipe_fd, &frames, last);
	frame_reader_free(&frames);
	if (code != ERR_NONE)
		child_kill(child);
	waitpid(child->pid, &status, 0);
	outcome = wire_outcome(status);
	if (WIFSIGNALED(status) && code == ERR_NONE)
		fprintf(stderr, "cvpulse-extract: the child died of signal %d\n", WTERMSIG(status));
	if (code == ERR_NONE)
		code = outcome == ERR_NONE && last->n == 0 ? ERR_parser_crashed : outcome;
	return code;
}

/* Gives the child its request once it is in the sandbox. 0, or a negative errno after telling why. */
static int hand_over(const struct child *child, const struct wire_message *request, const int given[WIRE_FDS], unsigned *layers)
{
	struct wire_message message = { .kind = WIRE_REFUSED, .status = -EIO };
	int fds[WIRE_FDS];

	if (wire_receive(child->socket, &message, fds) <= 0 || message.kind != WIRE_READY) {
		fprintf(stderr, "cvpulse-extract: sandbox: %s: %s\n", message.text, strerror(-message.status));
		return -EPERM;
	}
	*layers = message.layers;
	return wire_send(child->socket, request, given);
}

/* One child at work. A negative errno: there was none, which has been told. */
static int run_child(const struct byhand *how, const struct sandbox_config *sandbox, const struct wire_message *request,
		     int file_fd, unsigned *layers, enum error_code *code, struct buf *last)
{
	int fds[WIRE_FDS] = { [WIRE_FD_FILE] = file_fd }, pipe_fds[2], rc = 0;
	struct child child;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	rc = child_start(sandbox, &child);
	fds[WIRE_FD_PIPE] = pipe_fds[1];
	if (rc == 0) {
		rc = hand_over(&child, request, fds, layers);
		close(pipe_fds[1]);
		if (rc < 0)
			child_kill(&child);
		*code = finish(how, &child, pipe_fds[0], last);
		close(child.socket);
	} else {
		close(pipe_fds[1]);
		fprintf(stderr, "cvpulse-extract: %s\n", strerror(-rc));
	}
	close(pipe_fds[0]);
	return rc;
}

/* The same file once more, through the converter. */
static int run_converted(const struct byhand *how, const struct sandbox_config *sandbox, struct wire_message *request,
			 int file_fd, unsigned *layers, enum error_code *code, struct buf *last)
{
	struct child converter = { .socket = -1 };
	int text_fd, rc;

	if (!converter_works(*layers)) {
		*code = ERR_unsupported_type;
		return 0;
	}
	rc = converter_start(sandbox, file_fd, &converter.pid, &text_fd);
	if (rc < 0)
		return rc;
	request->way = WIRE_WAY_CONVERTER;
	rc = run_child(how, sandbox, request, text_fd, layers, code, last);
	close(text_fd);
	child_kill(&converter);
	waitpid(converter.pid, NULL, 0);
	return rc;
}

static int print(enum error_code code, struct str last)
{
	if (code != ERR_NONE)
		return print_error(code);
	printf(STR_FMT "\n", STR_ARG(last));
	return !str_starts(last, STR("{\"type\":\"result\""));
}

static int warm_ocr(const char *languages)
{
	struct buf missing;
	int rc;

	buf_init(&missing, WIRE_TEXT_MAX);
	rc = readers_warm_ocr(languages, &missing);
	if (rc != -ENOTSUP && missing.n)
		fprintf(stderr, "cvpulse-extract: languages that tesseract does not have here: " STR_FMT "\n", STR_ARG(buf_str(&missing)));
	buf_free(&missing);
	return rc;
}

int byhand_run(const struct byhand *how, const struct sandbox_config *sandbox, const struct sandbox_config *ocr, const char *path)
{
	struct wire_message request = { .kind = WIRE_RUN };
	int rc, file_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	enum error_code code = ERR_internal;
	unsigned layers = 0;
	struct buf last;

	if (file_fd < 0) {
		fprintf(stderr, "cvpulse-extract: %s: %s\n", path, strerror(errno));
		return 2;
	}
	if (how->ocr_languages[0])
		readers_promise_ocr();
	buf_init(&last, OUTPUT_BYTES_MAX);
	wire_text(request.text, str_c(how->name ? how->name : path));
	rc = run_child(how, sandbox, &request, file_fd, &layers, &code, &last);
	if (rc == 0 && code == ERR_NONE && str_eq(buf_str(&last), STR("{\"type\":\"needs\",\"way\":\"ocr\"}"))) {
		buf_clear(&last);
		request.way = WIRE_WAY_OCR;
		code = ERR_ocr_unavailable;
		if (warm_ocr(how->ocr_languages) == 0)
			rc = run_child(how, ocr, &request, file_fd, &layers, &code, &last);
	} else if (rc == 0 && code == ERR_NONE && str_starts(buf_str(&last), STR("{\"type\":\"needs\""))) {
		buf_clear(&last);
		rc = run_converted(how, sandbox, &request, file_fd, &layers, &code, &last);
	}
	rc = rc < 0 ? 2 : print(code, buf_str(&last));
	buf_free(&last);
	close(file_fd);
	return rc;
}
