/* See sockets.h. */
#include "sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 512
#define READ_BYTES 65536
#define PART_MAX 1500                   /* the beginning of a frame that has not come whole */
#define DESCRIPTORS 65536
#define TOKENS_MAX (64 << 20)
#define OTHER UINT32_MAX                /* the event is of the other descriptor */

struct conn {
	int fd;
	enum { CLOSED, CONNECTING, UPGRADING, PINGED, READY } state;
	size_t have;
	char part[PART_MAX];
};

static struct sockets_options options;
static struct conn *conns;
static struct str *tokens;
static int n_ready, epoll_fd;
static void (*other_is_readable)(void);

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

/* The text stays for as long as the program runs. */
static void read_tokens(void)
{
	char *text = malloc(TOKENS_MAX);
	FILE *f = fopen(options.tokens, "re");
	struct str rest;

	tokens = calloc((size_t)options.connections, sizeof(*tokens));
	if (!f || !text || !tokens)
		die(options.tokens);
	rest = str_of(text, fread(text, 1, TOKENS_MAX, f));
	fclose(f);
	for (int i = 0; i < options.connections; i++)
		tokens[i] = str_cut(&rest, '\n');
}

void sockets_start(const struct sockets_options *o)
{
	struct rlimit files = { DESCRIPTORS, DESCRIPTORS };

	options = *o;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0 && getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max < (rlim_t)options.connections + 50)
		die("so many descriptors");
	conns = calloc((size_t)options.connections, sizeof(*conns));
	epoll_fd = epoll_create1(0);
	if (!conns || epoll_fd < 0)
		die("starting");
	if (options.tokens)
		read_tokens();
}

void sockets_watch(int fd, void (*on_readable)(void))
{
	other_is_readable = on_readable;
	watch(fd, EPOLLIN, OTHER);
}

void sockets_open(int i)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)options.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;

	if (fd < 0 || (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 && errno != EINPROGRESS))
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	conns[i].fd = fd;
	conns[i].state = CONNECTING;
	conns[i].have = 0;
	watch(fd, EPOLLIN | EPOLLOUT, (uint32_t)i);
}

static void send_all(struct conn *c, const char *bytes, size_t n)
{
	if (write(c->fd, bytes, n) != (ssize_t)n)
		die("write to the server");
}

static int user_of(int i)
{
	return options.one_user ? 0 : i;
}

static void send_upgrade(int i)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u32 = (uint32_t)i };
	struct str token = tokens ? tokens[user_of(i)] : STR("");
	char query[128] = "", request[2048];
	int n;

	if (options.query)
		options.query(i, query, sizeof(query));
	n = snprintf(request, sizeof(request), "GET /api/v1/cv-processing/ws/u%d%s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
		     "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s" STR_FMT "%s\r\n",
		     user_of(i), query, token.n ? "Authorization: Bearer " : "", STR_ARG(token), token.n ? "\r\n" : "");
	if (n >= (int)sizeof(request))
		die("a token is too long");
	send_all(&conns[i], request, (size_t)n);
	conns[i].state = UPGRADING;
	epoll_ctl(epoll_fd, EPOLL_CTL_MOD, conns[i].fd, &e);
}

static void set_ready(struct conn *c)
{
	c->state = READY;
	n_ready++;
}

static void on_text(struct conn *c, struct str payload)
{
	if (c->state == PINGED && memmem(payload.p, payload.n, "pong", 4)) {
		set_ready(c);
		return;
	}
	options.on_frame((int)(c - conns), payload);
}

/* What a PING brought goes back, masked with 0. */
static void send_pong(struct conn *c, struct str payload)
{
	char frame[6 + 125] = "\x8A";

	if (payload.n > 125)
		die("a PING of more than 125 bytes");
	frame[1] = (char)(0x80 | payload.n);
	memcpy(frame + 6, payload.p, payload.n);
	send_all(c, frame, 6 + payload.n);
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
			send_pong(c, str_of(s.p + head, n));
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
	if (options.silent) {
		set_ready(c);
	} else {
		c->state = PINGED;
		send_all(c, "\x81\x84\0\0\0\0ping", 10);
	}
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

void sockets_turn(int64_t timeout_ns)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(epoll_fd, events, EVENTS, (int)((timeout_ns + 999999) / 1000000));

	for (int i = 0; i < n; i++) {
		uint32_t number = events[i].data.u32;

		if (number == OTHER)
			other_is_readable();
		else if (conns[number].state == CONNECTING)
			send_upgrade((int)number);
		else
			on_readable(&conns[number]);
	}
}

/* Only between two turns: no event of the old descriptor can be under way then. */
void sockets_cut(int i)
{
	struct linger at_once = { .l_onoff = 1 };

	if (conns[i].state == READY)
		n_ready--;
	setsockopt(conns[i].fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(conns[i].fd);
	conns[i].state = CLOSED;
}

int sockets_ready(void)
{
	return n_ready;
}

bool sockets_is_ready(int i)
{
	return conns[i].state == READY;
}

void sockets_open_all(int in_flight_max)
{
	int opened = 0;

	while (n_ready < options.connections) {
		while (opened < options.connections && opened - n_ready < in_flight_max)
			sockets_open(opened++);
		sockets_turn(100000000);
	}
}
