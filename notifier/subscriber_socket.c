/* The socket of the subscriber's connection: a numeric address or a path, without waiting. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "notifier/subscriber_internal.h"

int subscriber_socket_open(const struct redis_place *place)
{
	struct sockaddr_un path = { .sun_family = AF_UNIX };
	struct sockaddr_storage number = { 0 };
	const struct sockaddr *sa = (const struct sockaddr *)&path;
	socklen_t len = sizeof(path);
	int fd, on = 1;

	if (place->path[0]) {
		memcpy(path.sun_path, place->path, strnlen(place->path, sizeof(path.sun_path) - 1));
	} else if (uv_ip4_addr(place->host, place->port, (struct sockaddr_in *)&number) == 0) {
		sa = (const struct sockaddr *)&number;
		len = sizeof(struct sockaddr_in);
	} else if (uv_ip6_addr(place->host, place->port, (struct sockaddr_in6 *)&number) == 0) {
		sa = (const struct sockaddr *)&number;
		len = sizeof(struct sockaddr_in6);
	} else {
		return -EADDRNOTAVAIL;
	}
	fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (!place->path[0]) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	}
	if (connect(fd, sa, len) < 0 && errno != EINPROGRESS) {
		int error = errno;

		close(fd);
		return -error;
	}
	return fd;
}
