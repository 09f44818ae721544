/*
 * The limit: what a frame costs when a server does nothing but accept, shake hands, read Redis' replies and write frames. No
 * time-outs, no limits, no ids, no queue for slow readers (they are dropped). bench/run measures cvpulse-notifier against it.
 *
 *   limit PORT REDIS_SOCKET
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "str.h"

#define CONNECTIONS_MAX 65536
#define BUCKETS 65536
#define USER_MAX 32
#define EVENTS 512
#define REDIS_BUFFER (1 << 20)
#define REQUEST_MAX 4096

enum { FREE, HANDSHAKE, OPEN };

struct conn {
	uint8_t state;
	bool ping_waits;                        /* for the user's subscription */
	char user[USER_MAX];
	int next;                               /* in the bucket; -1: the last */
};

static struct conn conns[CONNECTIONS_MAX];      /* by descriptor */
static int buckets[BUCKETS];
static int epoll_fd, redis_fd;

static unsigned hash(struct str s)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 16777619u;
	return h % BUCKETS;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void watch(int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
		die("epoll_ctl");
}

static void drop(int fd)
{
	int *at = &buckets[hash(str_c(conns[fd].user))];

	while (conns[fd].state == OPEN && *at >= 0 && *at != fd)
		at = &conns[*at].next;
	if (conns[fd].state == OPEN && *at == fd)
		*at = conns[fd].next;
	conns[fd].state = FREE;
	close(fd);
}

static void send_frame(int fd, struct str payload)
{
	unsigned char head[4] = { 0x81, (unsigned char)payload.n };
	size_t n = 2;

	if (payload.n > 125) {
		head[1] = 126;
		head[2] = (unsigned char)(payload.n >> 8);
		head[3] = (unsigned char)payload.n;
		n = 4;
	}
	struct iovec parts[] = { { head, n }, { (void *)(uintptr_t)payload.p, payload.n } };

	if (writev(fd, parts, 2) != (ssize_t)(n + payload.n))
		drop(fd);
}

static void subscribe(struct str user)
{
	char command[128];
	int n = snprintf(command, sizeof(command), "*2\r\n$9\r\nSUBSCRIBE\r\n$%zu\r\nuser:" STR_FMT ":events\r\n", user.n + 12, STR_ARG(user));

	if (write(redis_fd, command, (size_t)n) != n)
		die("Redis");
}

static void answer_handshake(int fd, struct str key)
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	unsigned char digest[20], base64[32];
	char joined[128], answer[256];
	int n;

	n = snprintf(joined, sizeof(joined), STR_FMT "%s", STR_ARG(key), guid);
	EVP_Digest(joined, (size_t)n, digest, NULL, EVP_sha1(), NULL);
	EVP_EncodeBlock(base64, digest, 20);
	n = snprintf(answer, sizeof(answer), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		     "Sec-WebSocket-Accept: %s\r\n\r\n", base64);
	if (write(fd, answer, (size_t)n) != n)
		drop(fd);
}

/* The whole request comes in one piece from our load generator. */
static void handshake(int fd, struct str request)
{
	const char *path = memmem(request.p, request.n, "/ws/", 4), *key = memmem(request.p, request.n, "Sec-WebSocket-Key: ", 19);
	struct conn *c = &conns[fd];
	struct str user, rest;
	int *bucket;

	if (!path || !key) {
		drop(fd);
		return;
	}
	rest = str_of(path + 4, (size_t)(request.p + request.n - path - 4));
	user = str_cut(&rest, ' ');
	if (user.n >= USER_MAX) {
		drop(fd);
		return;
	}
	memcpy(c->user, user.p, user.n);
	c->user[user.n] = '\0';
	c->state = OPEN;
	bucket = &buckets[hash(user)];
	c->next = *bucket;
	*bucket = fd;
	subscribe(user);
	answer_handshake(fd, str_of(key + 19, 24));
}

static void on_readable(int fd)
{
	static char bytes[REQUEST_MAX];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	if (n <= 0) {
		drop(fd);
	} else if (conns[fd].state == HANDSHAKE) {
		handshake(fd, str_of(bytes, (size_t)n));
	} else {
		/* A ping is all that the load generator ever says. Redis confirms a second subscription too, and behind the first. */
		conns[fd].ping_waits = true;
		subscribe(str_c(conns[fd].user));
	}
}

static void on_message(struct str kind, struct str channel, struct str payload)
{
	struct str user = str_of(channel.p + 5, channel.n - 12);
	int next;

	for (int fd = buckets[hash(user)]; fd >= 0; fd = next) {
		next = conns[fd].next;
		if (!str_eq(user, str_c(conns[fd].user)))
			continue;
		if (kind.p[0] == 'm')
			send_frame(fd, payload);
		else if (conns[fd].ping_waits) {
			conns[fd].ping_waits = false;
			send_frame(fd, STR("{\"type\": \"pong\"}"));
		}
	}
}

/* One line "$12" or ":1" of RESP; false: not there yet. */
static bool take_number(struct str *s, char kind, size_t *out)
{
	const char *end = s->n ? memchr(s->p, '\n', s->n) : NULL;

	if (!end)
		return false;
	if (s->p[0] != kind)
		die("unexpected reply of Redis");
	*out = strtoul(s->p + 1, NULL, 10);
	*s = str_skip(*s, (size_t)(end - s->p) + 1);
	return true;
}

static bool take_bulk(struct str *s, struct str *out)
{
	size_t n;

	if (!take_number(s, '$', &n) || s->n < n + 2)
		return false;
	*out = str_of(s->p, n);
	*s = str_skip(*s, n + 2);
	return true;
}

static void on_redis(void)
{
	static char buffer[REDIS_BUFFER];
	static size_t have;
	struct str rest, kind, channel, payload;
	ssize_t n = read(redis_fd, buffer + have, sizeof(buffer) - have);
	size_t number;

	if (n <= 0)
		die("Redis");
	have += (size_t)n;
	rest = str_of(buffer, have);
	for (struct str at = rest; take_number(&at, '*', &number) && take_bulk(&at, &kind) && take_bulk(&at, &channel); rest = at) {
		payload = STR("");
		if (kind.p[0] == 'm' ? !take_bulk(&at, &payload) : !take_number(&at, ':', &number))
			break;
		on_message(kind, channel, payload);
	}
	memmove(buffer, rest.p, rest.n);
	have = rest.n;
}

static void on_accept(int listen_fd)
{
	int fd, on = 1;

	while ((fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		if (fd >= CONNECTIONS_MAX) {
			close(fd);
			continue;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		conns[fd] = (struct conn){ .state = HANDSHAKE };
		watch(fd);
	}
}

static int listen_at(int port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 4096) < 0)
		die("listen");
	return fd;
}

static int connect_redis(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		die(path);
	return fd;
}

int main(int argc, char **argv)
{
	struct rlimit files = { CONNECTIONS_MAX, CONNECTIONS_MAX };
	struct epoll_event events[EVENTS];
	int listen_fd;

	if (argc != 3) {
		fprintf(stderr, "usage: limit PORT REDIS_SOCKET\n");
		return 2;
	}
	setrlimit(RLIMIT_NOFILE, &files);
	memset(buckets, 0xFF, sizeof(buckets));
	epoll_fd = epoll_create1(0);
	redis_fd = connect_redis(argv[2]);
	listen_fd = listen_at(atoi(argv[1]));
	watch(redis_fd);
	watch(listen_fd);
	for (;;) {
		int n = epoll_wait(epoll_fd, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == listen_fd)
				on_accept(listen_fd);
			else if (events[i].data.fd == redis_fd)
				on_redis();
			else if (conns[events[i].data.fd].state != FREE)
				on_readable(events[i].data.fd);
		}
	}
}
