/* See clamd.h. */
#include "clamd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

#define CHUNK_BYTES 65536
#define LENGTH_BYTES 4                  /* before each chunk, most significant first */
#define ANSWER_MAX_BYTES 1024
#define HOST_SIZE 64

struct clamd_scan {
	bool over;                              /* only what is under way holds the memory */
	union {
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} socket;
	uv_timer_t timer;
	uv_connect_t connect;
	uv_write_t write;
	uv_fs_t read;
	bool reading;
	int handles;
	int fd;
	int64_t offset;
	char chunk[LENGTH_BYTES + CHUNK_BYTES];
	struct buf answer;
	char space[256];                        /* for what comes in */
	clamd_fn *fn;
	void *ctx;
};

struct place {
	struct sockaddr_storage tcp;
	const char *path;                       /* of a unix socket; NULL: tcp */
};

static int place_parse(const char *address, struct place *out)
{
	const char *colon = strrchr(address, ':');
	char host[HOST_SIZE];
	size_t n = colon ? (size_t)(colon - address) : 0;
	uint64_t port;

	*out = (struct place){ 0 };
	if (strncmp(address, "unix:", 5) == 0) {
		out->path = address + 5;
		return out->path[0] == '/' && strlen(out->path) < sizeof(((struct sockaddr_un *)0)->sun_path) ? 0 : -EINVAL;
	}
	if (n >= 2 && address[0] == '[' && address[n - 1] == ']') {
		address++;
		n -= 2;
	}
	if (!n || n >= sizeof(host) || str_to_u64(str_c(colon + 1), 1, 65535, &port) < 0)
		return -EINVAL;
	memcpy(host, address, n);
	host[n] = '\0';
	if (uv_ip4_addr(host, (int)port, (struct sockaddr_in *)&out->tcp) == 0)
		return 0;
	return uv_ip6_addr(host, (int)port, (struct sockaddr_in6 *)&out->tcp);
}

int clamd_check_address(const char *address)
{
	struct place place;

	return place_parse(address, &place);
}

enum clamd_verdict clamd_judge(struct str answer, struct str *detail)
{
	static const struct str prefix = { "stream: ", 8 }, found = { " FOUND", 6 };

	*detail = answer;
	if (str_eq(answer, STR("stream: OK")))
		return CLAMD_CLEAN;
	if (str_starts(answer, STR("INSTREAM size limit exceeded")))
		return CLAMD_TOO_LARGE;
	if (answer.n <= prefix.n + found.n || !str_starts(answer, prefix) || !str_eq(str_skip(answer, answer.n - found.n), found))
		return CLAMD_NO_ANSWER;
	*detail = str_of(answer.p + prefix.n, answer.n - prefix.n - found.n);
	return CLAMD_INFECTED;
}

static void free_if_quiet(struct clamd_scan *scan)
{
	if (scan->handles || scan->reading)
		return;
	close(scan->fd);
	buf_free(&scan->answer);
	free(scan);
}

static void on_closed(uv_handle_t *handle)
{
	struct clamd_scan *scan = handle->data;

	scan->handles--;
	free_if_quiet(scan);
}

void clamd_cancel(struct clamd_scan *scan)
{
	scan->over = true;
	uv_close((uv_handle_t *)&scan->timer, on_closed);
	uv_close((uv_handle_t *)&scan->socket.stream, on_closed);
}

/* The one end that is told. */
static void finish(struct clamd_scan *scan, enum clamd_verdict verdict, struct str detail)
{
	if (scan->over)
		return;
	scan->fn(scan->ctx, verdict, detail);
	clamd_cancel(scan);
}

static void on_timeout(uv_timer_t *timer)
{
	finish(timer->data, CLAMD_NO_ANSWER, STR("no answer in time"));
}

static void lend_space(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct clamd_scan *scan = handle->data;

	*buffer = uv_buf_init(scan->space, sizeof(scan->space));
}

/* The answer ends with a NUL, since the command began with "z"; or with the connection. */
static void on_answer(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
	struct clamd_scan *scan = stream->data;
	struct str answer, detail;
	enum clamd_verdict verdict;
	const char *end;

	if (n > 0)
		buf_add(&scan->answer, buffer->base, (size_t)n);
	answer = buf_str(&scan->answer);
	end = answer.n ? memchr(answer.p, '\0', answer.n) : NULL;
	if (!end && n >= 0 && !scan->answer.failed)
		return;
	if (end)
		answer.n = (size_t)(end - answer.p);
	verdict = clamd_judge(answer, &detail);
	finish(scan, verdict, detail.n ? detail : STR("the connection broke"));
}

static void read_more(struct clamd_scan *scan);

/* When clamd takes no more it may have said why: then its answer, or the end of the connection, comes next. */
static void on_written(uv_write_t *write, int status)
{
	struct clamd_scan *scan = write->data;

	if (!scan->over && status == 0 && scan->offset >= 0)
		read_more(scan);
}

static void send_chunk(struct clamd_scan *scan, size_t n)
{
	uv_buf_t buffer = uv_buf_init(scan->chunk, (unsigned)(LENGTH_BYTES + n));
	uint32_t length = htonl((uint32_t)n);

	memcpy(scan->chunk, &length, LENGTH_BYTES);
	scan->offset = n ? scan->offset + (int64_t)n : -1; /* an empty chunk is the last */
	if (uv_write(&scan->write, &scan->socket.stream, &buffer, 1, on_written) < 0)
		finish(scan, CLAMD_NO_ANSWER, STR("the connection broke"));
}

static void on_read(uv_fs_t *request)
{
	struct clamd_scan *scan = request->data;
	ssize_t n = request->result;

	uv_fs_req_cleanup(request);
	scan->reading = false;
	if (scan->over)
		free_if_quiet(scan);
	else if (n < 0)
		finish(scan, CLAMD_NO_ANSWER, STR("the file cannot be read"));
	else
		send_chunk(scan, (size_t)n);
}

static void read_more(struct clamd_scan *scan)
{
	uv_buf_t buffer = uv_buf_init(scan->chunk + LENGTH_BYTES, CHUNK_BYTES);

	scan->read.data = scan;
	scan->reading = uv_fs_read(scan->timer.loop, &scan->read, scan->fd, &buffer, 1, scan->offset, on_read) == 0;
	if (!scan->reading)
		finish(scan, CLAMD_NO_ANSWER, STR("the file cannot be read"));
}

static void on_connected(uv_connect_t *connect, int status)
{
	struct clamd_scan *scan = connect->data;
	static char command[] = "zINSTREAM";
	uv_buf_t buffer = uv_buf_init(command, sizeof(command));

	if (scan->over)
		return;
	if (status < 0 || uv_read_start(&scan->socket.stream, lend_space, on_answer) < 0 ||
	    uv_write(&scan->write, &scan->socket.stream, &buffer, 1, on_written) < 0)
		finish(scan, CLAMD_NO_ANSWER, str_c(status < 0 ? uv_strerror(status) : "the connection broke"));
}

static int begin(struct clamd_scan *scan, uv_loop_t *loop, const struct place *place)
{
	/* These cannot fail: they make no socket yet. */
	uv_timer_init(loop, &scan->timer);
	if (place->path)
		uv_pipe_init(loop, &scan->socket.pipe, 0);
	else
		uv_tcp_init(loop, &scan->socket.tcp);
	scan->handles = 2;
	scan->timer.data = scan->socket.stream.data = scan->connect.data = scan->write.data = scan;
	if (!place->path)
		return uv_tcp_connect(&scan->connect, &scan->socket.tcp, (const struct sockaddr *)&place->tcp, on_connected);
	uv_pipe_connect(&scan->connect, &scan->socket.pipe, place->path, on_connected);
	return 0;
}

int clamd_start(uv_loop_t *loop, const char *address, int file_fd, int64_t timeout_ms, clamd_fn *fn, void *ctx,
		struct clamd_scan **out)
{
	struct clamd_scan *scan;
	struct place place;
	int rc = place_parse(address, &place);

	if (rc < 0)
		return rc;
	scan = calloc(1, sizeof(*scan));
	if (!scan)
		return -ENOMEM;
	buf_init(&scan->answer, ANSWER_MAX_BYTES);
	scan->fn = fn;
	scan->ctx = ctx;
	scan->fd = fcntl(file_fd, F_DUPFD_CLOEXEC, 0);
	if (scan->fd < 0) {
		rc = -errno;
		free(scan);
		return rc;
	}
	rc = begin(scan, loop, &place);
	if (rc < 0) {
		clamd_cancel(scan);
		return rc;
	}
	uv_timer_start(&scan->timer, on_timeout, (uint64_t)timeout_ms, 0);
	*out = scan;
	return 0;
}
