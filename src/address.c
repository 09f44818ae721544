/* See address.h. */
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define BACKLOG 4096

bool sockaddr_is_loopback(const struct sockaddr *sa)
{
	const struct sockaddr_in6 *six = (const void *)sa;

	switch (sa->sa_family) {
	case AF_UNIX:
		return true;
	case AF_INET:
		return (ntohl(((const struct sockaddr_in *)(const void *)sa)->sin_addr.s_addr) >> 24) == 127;
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr) || (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr) && six->sin6_addr.s6_addr[12] == 127);
	default:
		return false;
	}
}

static int bind_and_listen(struct listener *l, const struct sockaddr *sa, socklen_t len)
{
	int on = 1;

	l->fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return -errno;
	if (sa->sa_family != AF_UNIX) {
		setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		setsockopt(l->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	}
	if (sa->sa_family == AF_INET6)
		setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(l->fd, sa, len) < 0 || listen(l->fd, BACKLOG) < 0) {
		int rc = -errno;

		close(l->fd);
		return rc;
	}
	l->is_loopback = sockaddr_is_loopback(sa);
	return 0;
}

/* A socket file that nobody answers on is left over from a killed process. */
static void remove_stale_socket(const struct sockaddr_un *sa)
{
	struct stat st;
	int fd;

	if (lstat(sa->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); /* a full backlog must not block */
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)(const void *)sa, sizeof(*sa)) < 0 && errno == ECONNREFUSED)
		unlink(sa->sun_path);
	close(fd);
}

static int open_unix(struct str path, struct listener *l)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	if (path.n == 0 || path.n >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path.p, path.n);
	remove_stale_socket(&sa);
	l->is_unix = true;
	return bind_and_listen(l, (const struct sockaddr *)(const void *)&sa, sizeof(sa));
}

#define HOST_SIZE 256
#define PORT_SIZE 8

static int split_tcp(struct str text, char host_out[HOST_SIZE], char port_out[PORT_SIZE])
{
	const char *colon = text.n ? memrchr(text.p, ':', text.n) : NULL;
	struct str host = str_of(text.p, colon ? (size_t)(colon - text.p) : 0);
	bool bracketed = host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
	uint64_t port;

	if (!colon || str_to_u64(str_skip(text, host.n + 1), 1, 65535, &port) < 0)
		return -EINVAL;
	if (bracketed)
		host = str_of(host.p + 1, host.n - 2);
	if (host.n == 0 || host.n >= HOST_SIZE || (!bracketed && memchr(host.p, ':', host.n)))
		return -EINVAL;
	memcpy(host_out, host.p, host.n);
	host_out[host.n] = '\0';
	snprintf(port_out, PORT_SIZE, "%u", (unsigned)port);
	return 0;
}

static int open_tcp(struct str text, struct listener *l)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV }, *found;
	char host_text[HOST_SIZE], port_text[PORT_SIZE];
	int rc = split_tcp(text, host_text, port_text);

	if (rc < 0)
		return rc;
	if (getaddrinfo(host_text, port_text, &hints, &found) != 0)
		return -EADDRNOTAVAIL;
	rc = bind_and_listen(l, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return rc;
}

static int open_inherited(const char *wanted, struct listener *out, int room)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(0, &names), taken = 0;

	for (int i = 0; i < n; i++) {
		struct sockaddr_storage sa = { 0 };
		socklen_t len = sizeof(sa);
		bool ours = strcmp(names[i], wanted) == 0 || strcmp(names[i], "unknown") == 0;

		free(names[i]);
		if (!ours || taken == room || getsockname(SD_LISTEN_FDS_START + i, (struct sockaddr *)&sa, &len) < 0)
			continue;
		out[taken] = (struct listener){ .fd = SD_LISTEN_FDS_START + i, .inherited = true, .is_unix = sa.ss_family == AF_UNIX,
						.is_loopback = sockaddr_is_loopback((struct sockaddr *)&sa) };
		snprintf(out[taken].name, sizeof(out[taken].name), "systemd:%s", wanted);
		taken++;
	}
	free(names);
	return taken ? taken : -ENOENT;
}

static int open_one(struct str item, const char *systemd_name, struct listener *out, int room)
{
	int rc;

	if (str_eq(item, STR("systemd")))
		return open_inherited(systemd_name, out, room);
	*out = (struct listener){ .fd = -1 };
	snprintf(out->name, sizeof(out->name), STR_FMT, STR_ARG(item));
	rc = str_starts(item, STR("unix:")) ? open_unix(str_skip(item, 5), out) : open_tcp(item, out);
	return rc < 0 ? rc : 1;
}

static const char *sentence(int rc)
{
	switch (rc) {
	case -ENOENT: return "systemd handed no such socket over";
	case -EINVAL: return "it must be host:port, [v6]:port, unix:/path or systemd";
	case -E2BIG: return "too many addresses";
	default: return strerror(-rc);
	}
}

static int check_one(struct str item)
{
	char host[HOST_SIZE], port[PORT_SIZE];

	if (str_eq(item, STR("systemd")))
		return 0;
	if (!str_starts(item, STR("unix:")))
		return split_tcp(item, host, port);
	item = str_skip(item, 5);
	return item.n == 0 ? -EINVAL : item.n >= sizeof(((struct sockaddr_un *)NULL)->sun_path) ? -ENAMETOOLONG : 0;
}

int listeners_check(const char *list, struct buf *problem)
{
	struct str rest = str_c(list);
	int n = 0;

	do {
		struct str item = str_trim(str_cut(&rest, ','));
		int rc = n++ == LISTENERS_MAX ? -E2BIG : check_one(item);

		if (rc < 0) {
			buf_addf(problem, "\"" STR_FMT "\": %s", STR_ARG(item), sentence(rc));
			return rc;
		}
	} while (rest.p);
	return 0;
}

int listeners_open(const char *list, const char *systemd_name, struct listener out[LISTENERS_MAX], struct buf *problem)
{
	struct str rest = str_c(list);
	int n = 0;

	do {
		struct str item = str_trim(str_cut(&rest, ','));
		int rc = n == LISTENERS_MAX ? -E2BIG : check_one(item);

		if (rc == 0)
			rc = open_one(item, systemd_name, out + n, LISTENERS_MAX - n);
		if (rc < 0) {
			buf_addf(problem, "\"" STR_FMT "\": %s", STR_ARG(item), sentence(rc));
			listeners_close(out, n);
			return rc;
		}
		n += rc;
	} while (rest.p);
	return n;
}

void listeners_close(struct listener *listeners, int n)
{
	for (int i = 0; i < n; i++) {
		if (listeners[i].is_unix && !listeners[i].inherited)
			unlink(listeners[i].name + 5); /* after "unix:" */
		close(listeners[i].fd);
	}
}
