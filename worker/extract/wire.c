/* See wire.h. */
#include "wire.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LENGTH_BYTES 4

union control {
	char bytes[CMSG_SPACE(sizeof(int) * WIRE_FDS)];
	struct cmsghdr align;
};

void wire_text(char out[WIRE_TEXT_MAX], struct str text)
{
	if (text.n >= WIRE_TEXT_MAX)
		text = str_skip(text, text.n - WIRE_TEXT_MAX + 1);
	if (text.n)
		memcpy(out, text.p, text.n);
	out[text.n] = '\0';
}

int wire_send(int socket, const struct wire_message *message, const int *fds)
{
	union control control = { .bytes = "" };
	struct iovec iov = { (void *)message, sizeof(*message) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (fds) {
		struct cmsghdr *head;

		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		head = CMSG_FIRSTHDR(&msg);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int) * WIRE_FDS);
		memcpy(CMSG_DATA(head), fds, sizeof(int) * WIRE_FDS);
	}
	do
		n = sendmsg(socket, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* Takes the descriptors out of a received message. Returns how many there were. */
static size_t take_fds(struct msghdr *msg, int fds[WIRE_FDS])
{
	struct cmsghdr *head = CMSG_FIRSTHDR(msg);
	size_t n;

	if (!head || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
		return 0;
	n = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(head), n * sizeof(int));
	return n;
}

int wire_receive(int socket, struct wire_message *message, int fds[WIRE_FDS])
{
	union control control;
	struct iovec iov = { message, sizeof(*message) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes) };
	size_t n_fds;
	ssize_t n;

	fds[WIRE_FD_FILE] = fds[WIRE_FD_PIPE] = -1;
	do
		n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : 0;
	n_fds = take_fds(&msg, fds);
	if (n == sizeof(*message) && n_fds == (message->kind == WIRE_RUN ? WIRE_FDS : 0)) {
		message->text[WIRE_TEXT_MAX - 1] = '\0';
		return 1;
	}
	for (size_t i = 0; i < n_fds; i++)
		close(fds[i]);
	return -EPROTO;
}

enum error_code wire_outcome(int status)
{
	if (status == WIRE_NOT_STARTED)
		return ERR_internal;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return ERR_NONE;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
		return ERR_timeout;
	return ERR_parser_crashed;
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t written = write(fd, p, n);

		if (written < 0 && errno != EINTR)
			return -errno;
		if (written > 0)
			p += written, n -= (size_t)written;
	}
	return 0;
}

int frame_write(int fd, struct str json)
{
	const unsigned char length[LENGTH_BYTES] = { (unsigned char)(json.n >> 24), (unsigned char)(json.n >> 16),
						     (unsigned char)(json.n >> 8), (unsigned char)json.n };
	int rc;

	if (json.n > UINT32_MAX)
		return -EMSGSIZE;
	rc = write_all(fd, (const char *)length, LENGTH_BYTES);
	return rc < 0 ? rc : write_all(fd, json.p, json.n);
}

bool frame_is_text(struct str json)
{
	for (size_t i = 0; i < json.n; i++)
		if ((unsigned char)json.p[i] < 0x20 || json.p[i] == 0x7F)
			return false;
	return utf8_valid(json.p, json.n);
}

void frame_reader_init(struct frame_reader *reader, size_t bytes_max)
{
	*reader = (struct frame_reader){ .bytes_max = bytes_max };
	buf_init(&reader->waiting, bytes_max);
}

void frame_reader_free(struct frame_reader *reader)
{
	buf_free(&reader->waiting);
}

int frame_feed(struct frame_reader *reader, const void *bytes, size_t n)
{
	struct buf *waiting = &reader->waiting;

	if (n > reader->bytes_max - reader->bytes_seen)
		return -EMSGSIZE;
	reader->bytes_seen += n;
	if (reader->taken) {
		memmove(waiting->p, waiting->p + reader->taken, waiting->n - reader->taken);
		waiting->n -= reader->taken;
		reader->taken = 0;
	}
	buf_add(waiting, bytes, n);
	return waiting->failed ? -ENOMEM : 0;
}

int frame_next(struct frame_reader *reader, struct str *json)
{
	struct str rest = str_of(reader->waiting.p + reader->taken, reader->waiting.n - reader->taken);
	const unsigned char *p = (const unsigned char *)rest.p;
	size_t length;

	if (rest.n < LENGTH_BYTES)
		return 0;
	length = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	if (length > reader->bytes_max)
		return -EMSGSIZE;
	if (rest.n - LENGTH_BYTES < length)
		return 0;
	*json = str_of(rest.p + LENGTH_BYTES, length);
	reader->taken += LENGTH_BYTES + length;
	return 1;
}
