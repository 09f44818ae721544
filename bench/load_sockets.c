/* See load.h. */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define EVENTS 512
#define READ_BYTES 65536
#define PART_MAX 1500                   /* the beginning of a frame that has not come whole */
#define IN_FLIGHT_MAX 100               /* handshakes */
#define OUT_MAX (8 << 20)

struct conn {
	int fd;
	enum { CONNECTING, UPGRADING, PINGED, READY } state;
	size_t have;
	char part[PART_MAX];
};

static struct conn *conns;
static int n_conns, n_ready, epoll_fd, redis_fd;
static void (*frame_taken)(int connection, struct str payload);
static struct buf out;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void watch(int fd, uint32_t events, uint32_t number)
{
	struct epoll_event e = { .events = events, .data.u32 = number };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
		die("epoll_ctl");
}

#define REDIS_NUMBER UINT32_MAX

void load_start(const char *redis_socket, int connections, void (*on_frame)(int connection, struct str payload))
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	frame_taken = on_frame;
	n_conns = connections;
	conns = calloc((size_t)connections, sizeof(*conns));
	epoll_fd = epoll_create1(0);
	redis_fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", redis_socket);
	if (!conns || redis_fd < 0 || connect(redis_fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		die(redis_socket);
	fcntl(redis_fd, F_SETFL, O_NONBLOCK);
	buf_init(&out, OUT_MAX);
	watch(redis_fd, EPOLLIN, REDIS_NUMBER);
}

void load_publish(const char *user, struct str payload)
{
	buf_addf(&out, "*3\r\n$7\r\nPUBLISH\r\n$%zu\r\nuser:%s:events\r\n$%zu\r\n", strlen(user) + 12, user, payload.n);
	buf_adds(&out, payload);
	buf_addz(&out, "\r\n");
	if (out.failed)
		die("too much waits for Redis");
}

static void flush_redis(void)
{
	ssize_t n = out.n ? write(redis_fd, out.p, out.n) : 0;

	if (n < 0 && errno != EAGAIN)
		die("Redis");
	if (n <= 0)
		return;
	memmove(out.p, out.p + n, out.n - (size_t)n);
	out.n -= (size_t)n;
}

/* The numbers of receivers say nothing new. */
static void drain_redis(void)
{
	static char bytes[READ_BYTES];

	if (read(redis_fd, bytes, sizeof(bytes)) == 0)
		die("Redis closed the connection");
}

static void open_connection(int i, int port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;

	if (fd < 0 || (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 && errno != EINPROGRESS))
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	conns[i].fd = fd;
	watch(fd, EPOLLIN | EPOLLOUT, (uint32_t)i);
}

static void send_all(struct conn *c, const char *bytes, size_t n)
{
	if (write(c->fd, bytes, n) != (ssize_t)n)
		die("write to the server");
}

static void send_upgrade(int i, bool one_user)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u32 = (uint32_t)i };
	char request[400];
	int n = snprintf(request, sizeof(request), "GET /api/v1/cv-processing/ws/u%d HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
			 "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", one_user ? 0 : i);

	send_all(&conns[i], request, (size_t)n);
	conns[i].state = UPGRADING;
	epoll_ctl(epoll_fd, EPOLL_CTL_MOD, conns[i].fd, &e);
}

static void on_text(struct conn *c, struct str payload)
{
	if (c->state == PINGED && memmem(payload.p, payload.n, "pong", 4)) {
		c->state = READY;
		n_ready++;
		return;
	}
	frame_taken((int)(c - conns), payload);
}

/* Takes whole frames off; answers a PING, so that the connection stays alive. Returns what is left. */
static struct str take_frames(struct conn *c, struct str s)
{
	while (s.n >= 2) {
		const unsigned char *p = (const unsigned char *)s.p;
		size_t head = p[1] == 126 ? 4 : 2, n = p[1];

		if (p[1] > 126)
			die("a frame of more than 64 KiB");
		if (s.n < head)
			break;
		if (head == 4)
			n = (size_t)p[2] << 8 | p[3];
		if (s.n < head + n)
			break;
		if ((p[0] & 0x0F) == 1)
			on_text(c, str_of(s.p + head, n));
		else if ((p[0] & 0x0F) == 9)
			send_all(c, "\x8A\x80\0\0\0\0", 6);
		else if ((p[0] & 0x0F) == 8)
			die("the server closed a connection");
		s = str_skip(s, head + n);
	}
	return s;
}

/* The answer to the upgrade, then a masked "ping" (mask 0). */
static struct str take_upgrade(struct conn *c, struct str s)
{
	const char *end = memmem(s.p, s.n, "\r\n\r\n", 4);

	if (!end)
		return s;
	if (!str_starts(s, STR("HTTP/1.1 101"))) {
		fprintf(stderr, "load: refused: %.60s\n", s.p);
		exit(1);
	}
	send_all(c, "\x81\x84\0\0\0\0ping", 10);
	c->state = PINGED;
	return str_skip(s, (size_t)(end + 4 - s.p));
}

static void on_readable(struct conn *c)
{
	static char bytes[PART_MAX + READ_BYTES];
	struct str s;
	ssize_t n;

	memcpy(bytes, c->part, c->have);
	n = read(c->fd, bytes + c->have, READ_BYTES);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		die("the server ended a connection");
	s = str_of(bytes, c->have + (size_t)n);
	if (c->state == UPGRADING)
		s = take_upgrade(c, s);
	if (c->state != UPGRADING)
		s = take_frames(c, s);
	if (s.n > PART_MAX)
		die("a frame is larger than expected");
	memcpy(c->part, s.p, s.n);
	c->have = s.n;
}

static bool all_of_one_user;

void load_turn(int64_t timeout_ns)
{
	struct epoll_event events[EVENTS];
	int n;

	flush_redis();
	n = epoll_wait(epoll_fd, events, EVENTS, out.n ? 0 : (int)((timeout_ns + 999999) / 1000000));
	for (int i = 0; i < n; i++) {
		uint32_t number = events[i].data.u32;

		if (number == REDIS_NUMBER)
			drain_redis();
		else if (conns[number].state == CONNECTING)
			send_upgrade((int)number, all_of_one_user);
		else
			on_readable(&conns[number]);
	}
}

void load_connect(int port, bool one_user)
{
	int opened = 0;

	all_of_one_user = one_user;
	while (n_ready < n_conns) {
		while (opened < n_conns && opened - n_ready < IN_FLIGHT_MAX)
			open_connection(opened++, port);
		load_turn(100000000);
	}
}
