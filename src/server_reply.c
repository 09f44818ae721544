/* Responses of server.h: their heads, whole bodies, files and streams, and writing them. */
#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "metrics.h"
#include "server_internal.h"

int http_connection_flush(struct http_connection *c)
{
	while (c->out_sent < c->out.n && !c->blocked) {
		ssize_t n = send(c->fd, c->out.p + c->out_sent, c->out.n - c->out_sent, MSG_NOSIGNAL | (c->file_left ? MSG_MORE : 0));

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n > 0)
			c->out_sent += (size_t)n;
		else if (errno == EAGAIN)
			c->blocked = true;
	}
	while (c->out_sent == c->out.n && c->file_left > 0 && !c->blocked) {
		off_t offset = c->file_offset;
		ssize_t n = sendfile(c->fd, c->file_fd, &offset, c->file_left < 1 << 20 ? (size_t)c->file_left : 1 << 20);

		if (n == 0)
			return -EIO; /* the file is shorter than was promised */
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n > 0) {
			c->file_offset += n;
			c->file_left -= n;
			server_arm(c->request.server, c, c->request.server->send_timeout_ms);
		} else if (errno == EAGAIN) {
			c->blocked = true;
		}
	}
	if (c->out_sent < c->out.n || c->file_left > 0)
		return 0;
	buf_clear(&c->out);
	c->out_sent = 0;
	return 1;
}

/* length -1: the response ends with the connection. */
static void write_head(struct http_connection *c, int status, const char *content_type, int64_t length,
		       const struct http_header *headers, size_t n_headers)
{
	struct buf *out = &c->out;
	bool has_body = status != 204 && status != 304;

	buf_addf(out, "HTTP/1.1 %d %s\r\n", status, http_reason(status));
	if (content_type && has_body)
		buf_addf(out, "Content-Type: %s\r\n", content_type);
	if (length >= 0 && has_body)
		buf_addf(out, "Content-Length: %lld\r\n", (long long)length);
	for (size_t i = 0; i < n_headers; i++)
		buf_addf(out, "%s: " STR_FMT "\r\n", headers[i].name, STR_ARG(headers[i].value));
	buf_addz(out, c->keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n");
	if (status >= 400)
		metrics_add(status < 500 ? METRIC_http_errors_4xx : METRIC_http_errors_5xx, 1);
}

static int begin(struct request *rq, bool stream)
{
	struct http_connection *c = connection_of(rq);
	size_t waiting = c->in.n - c->in_used;

	if (c->state != HTTP_STATE_BODY && c->state != HTTP_STATE_ANSWERING)
		return -EALREADY;
	/* A small body that is here already need not cost the connection. */
	if (c->body_left > 0 && waiting >= (size_t)c->body_left) {
		c->in_used += (size_t)c->body_left;
		c->body_left = 0;
	}
	if (c->body_left > 0 || rq->server->draining || stream)
		c->keep_alive = false;
	http_connection_set_state(c, stream ? HTTP_STATE_STREAMING : HTTP_STATE_SENDING);
	return 0;
}

int request_respond(struct request *rq, int status, const char *content_type, struct str body,
		    const struct http_header *headers, size_t n_headers)
{
	struct http_connection *c = connection_of(rq);
	int rc = begin(rq, false);

	if (rc < 0)
		return rc;
	write_head(c, status, content_type, (int64_t)body.n, headers, n_headers);
	if (!c->head_only && status != 204 && status != 304)
		buf_adds(&c->out, body);
	if (c->out.failed)
		http_connection_close(c);
	http_connection_step(c);
	return 0;
}

int request_problem(struct request *rq, int status, const char *code, const char *detail, int retry_after_s)
{
	char seconds[16];
	struct http_header retry = { "Retry-After", { seconds, 0 } };
	struct buf body;
	int rc;

	retry.value.n = (size_t)snprintf(seconds, sizeof(seconds), "%d", retry_after_s);
	buf_init(&body, 4096);
	problem_write(&body, status, code, str_c(detail ? detail : ""));
	rc = request_respond(rq, status, "application/problem+json", buf_str(&body), &retry, retry_after_s > 0 ? 1 : 0);
	buf_free(&body);
	return rc;
}

int request_respond_file(struct request *rq, int status, const char *content_type, int fd, int64_t offset, int64_t length,
			 const struct http_header *headers, size_t n_headers)
{
	struct http_connection *c = connection_of(rq);
	int rc = begin(rq, false);

	if (rc < 0) {
		if (fd >= 0)
			close(fd);
		return rc;
	}
	write_head(c, status, content_type, length, headers, n_headers);
	c->file_fd = fd;
	c->file_offset = offset;
	c->file_left = c->head_only ? 0 : length;
	http_connection_step(c);
	return 0;
}

int request_stream(struct request *rq, int status, const char *content_type, const struct http_header *headers, size_t n_headers)
{
	struct http_connection *c = connection_of(rq);
	int rc = begin(rq, true);

	if (rc < 0)
		return rc;
	write_head(c, status, content_type, -1, headers, n_headers);
	http_connection_step(c);
	return 0;
}

int request_stream_write(struct request *rq, struct str bytes)
{
	struct http_connection *c = connection_of(rq);

	if (c->state != HTTP_STATE_STREAMING)
		return -EPIPE;
	buf_adds(&c->out, bytes);
	if (c->out.failed)
		return -ENOMEM;
	http_connection_step(c);
	return c->state == HTTP_STATE_STREAMING ? 0 : -EPIPE;
}

void request_stream_end(struct request *rq)
{
	struct http_connection *c = connection_of(rq);

	if (c->state != HTTP_STATE_STREAMING)
		return;
	http_connection_set_state(c, HTTP_STATE_SENDING);
	http_connection_step(c);
}

size_t request_queued_bytes(const struct request *rq)
{
	const struct http_connection *c = (const struct http_connection *)(const void *)rq;

	return c->out.n - c->out_sent;
}

void request_abort(struct request *rq)
{
	http_connection_close(connection_of(rq));
}

void request_pause(struct request *rq)
{
	struct http_connection *c = connection_of(rq);

	c->paused = true;
	if (c->state == HTTP_STATE_BODY)
		server_arm(rq->server, c, 0);
	http_connection_step(c);
}

void request_resume(struct request *rq)
{
	struct http_connection *c = connection_of(rq);

	c->paused = false;
	if (c->state == HTTP_STATE_BODY)
		server_arm(rq->server, c, rq->server->body_timeout_ms);
	c->body_window = 0;
	http_connection_step(c);
}

void http_connection_refuse(struct http_connection *c, int status)
{
	static const struct http_header version = { "Sec-WebSocket-Version", { "13", 2 } };
	struct buf body;

	buf_init(&body, 4096);
	problem_write(&body, status, "malformed_request", str_of("", 0));
	c->keep_alive = c->head_only = false;
	c->body_left = 0;
	http_connection_set_state(c, HTTP_STATE_SENDING);
	metrics_add(METRIC_http_requests, 1);
	write_head(c, status, "application/problem+json", (int64_t)body.n, &version, status == 426);
	buf_adds(&c->out, buf_str(&body));
	buf_free(&body);
}

struct str request_field(struct request *rq, const char *name)
{
	return http_head_field(http_connection_head(connection_of(rq)), name);
}

int request_header(struct request *rq, const char *name, char *out, size_t cap)
{
	struct str value = request_field(rq, name);

	if (!value.p)
		return -ENOENT;
	if (value.n >= cap)
		return -EMSGSIZE;
	if (value.n)
		memcpy(out, value.p, value.n);
	out[value.n] = '\0';
	return (int)value.n;
}

void request_client_address(struct request *rq, char out[REQUEST_ADDRESS_SIZE])
{
	ip_format(&rq->client, out);
}
