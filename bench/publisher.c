/* See publisher.h. */
#include "publisher.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sockets.h"

#define READ_BYTES 65536
#define OUT_MAX (64 << 20)

static int fd = -1;
static bool by_http;
static struct buf out;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* The answers say nothing new, unless one is an error: it stands at the beginning of a line. */
static void drain(void)
{
	static char bytes[READ_BYTES], before = '\n';
	ssize_t n = read(fd, bytes, sizeof(bytes));

	if (n == 0)
		die("the publishing connection was closed");
	for (ssize_t i = 0; i < n && !by_http; i++) {
		if (bytes[i] == '-' && before == '\n') {
			fprintf(stderr, "load: Redis says %.*s\n", (int)(n - i < 120 ? n - i : 120), bytes + i);
			exit(1);
		}
		before = bytes[i];
	}
}

static void start(const struct sockaddr *sa, socklen_t n)
{
	fd = socket(sa->sa_family, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, sa, n) < 0)
		die("connecting the publisher");
	fcntl(fd, F_SETFL, O_NONBLOCK);
	buf_init(&out, OUT_MAX);
	sockets_watch(fd, drain);
}

void publisher_start_redis(const char *socket_path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", socket_path);
	start((struct sockaddr *)&sa, sizeof(sa));
}

void publisher_start_http(int port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	by_http = true;
	start((struct sockaddr *)&sa, sizeof(sa));
}

void publish_plain(const char *user, struct str payload)
{
	if (by_http)
		buf_addf(&out, "POST /publish/%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n", user, payload.n);
	else
		buf_addf(&out, "*3\r\n$7\r\nPUBLISH\r\n$%zu\r\nuser:%s:events\r\n$%zu\r\n", strlen(user) + 12, user, payload.n);
	buf_adds(&out, payload);
	if (!by_http)
		buf_addz(&out, "\r\n");
	if (out.failed)
		die("too much waits to be published");
}

static void add_bulk(struct str s)
{
	buf_addf(&out, "$%zu\r\n", s.n);
	buf_adds(&out, s);
	buf_addz(&out, "\r\n");
}

void publish_by_script(const char *sha, const char *user, const char *batch, const char *cv, const char *status, int progress, struct str rest)
{
	char prefix[64], number[16];

	snprintf(prefix, sizeof(prefix), "user:%s:", user);
	snprintf(number, sizeof(number), "%d", progress);
	buf_addz(&out, "*11\r\n");
	add_bulk(STR("EVALSHA"));
	add_bulk(str_c(sha));
	add_bulk(STR("1"));
	add_bulk(str_c(prefix));
	add_bulk(str_c(user));
	add_bulk(str_c(batch));
	add_bulk(str_c(cv));
	add_bulk(str_c(status));
	add_bulk(STR("1"));
	add_bulk(str_c(number));
	add_bulk(rest);
	if (out.failed)
		die("too much waits to be published");
}

bool publisher_flush(void)
{
	ssize_t n = out.n ? write(fd, out.p, out.n) : 0;

	if (n < 0 && errno != EAGAIN)
		die("publishing");
	if (n > 0) {
		memmove(out.p, out.p + n, out.n - (size_t)n);
		out.n -= (size_t)n;
	}
	return out.n == 0;
}
