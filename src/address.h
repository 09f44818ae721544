/* Listening addresses as configured ("127.0.0.1:7000", "[::1]:7000", "unix:/path", "systemd") and their sockets. */
#ifndef CVPULSE_ADDRESS_H
#define CVPULSE_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "str.h"

#define LISTENERS_MAX 16

struct listener {
	int fd;
	bool is_unix, is_loopback;      /* a unix socket counts as loopback */
	bool inherited;                 /* from systemd: not unlinked at the end */
	char name[128];                 /* for messages, e.g. "127.0.0.1:7000" */
};

/* Opens every address of a comma-separated list: non-blocking, close-on-exec, SO_REUSEADDR and SO_REUSEPORT; a stale unix
 * socket is replaced, a living one is not. "systemd": the sockets handed over by socket activation whose name
 * (FileDescriptorName=) is `systemd_name`, or all unnamed ones. Returns how many were opened, or -EINVAL, -EADDRINUSE …
 * with one line in *problem; then none stays open. */
int listeners_open(const char *list, const char *systemd_name, struct listener out[LISTENERS_MAX], struct buf *problem);
/* Only looks whether the list is well formed; opens nothing. 0, or -EINVAL … with one line in *problem. */
int listeners_check(const char *list, struct buf *problem);
void listeners_close(struct listener *listeners, int n);

bool sockaddr_is_loopback(const struct sockaddr *sa);   /* unix sockets and mapped 127.0.0.0/8 too */

#endif
