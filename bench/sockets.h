/*
 * The WebSocket connections of the load generators (load.c, soak.c), and the loop that they and the publisher share. One
 * thread. Connection i is of user "u<i>". What cannot happen in a good run ends the program.
 */
#ifndef BENCH_SOCKETS_H
#define BENCH_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>

#include "str.h"

struct sockets_options {
	int port, connections;
	bool one_user;                          /* all connections are of u0 */
	bool silent;                            /* the server answers no "ping": ready is who got the upgrade */
	const char *tokens;                     /* file with one bearer token a line, of u0, u1, …; NULL: none */
	/* Writes what stands behind the path ("?after_id=…") of a connection that is opened; NULL: nothing. */
	void (*query)(int connection, char *out, size_t size);
	void (*on_frame)(int connection, struct str payload);   /* every text frame but the first pong */
};

void sockets_start(const struct sockets_options *options);
void sockets_open(int connection);
void sockets_cut(int connection);               /* no goodbye: the peer gets a RST */
int sockets_ready(void);                        /* how many got their pong: the server promises every later event then */
bool sockets_is_ready(int connection);

/* Opens all connections, so many handshakes at a time, and returns when each is ready. */
void sockets_open_all(int in_flight_max);

/* One more descriptor in the same loop. */
void sockets_watch(int fd, void (*on_readable)(void));

/* One turn of the loop, of at most so long. */
void sockets_turn(int64_t timeout_ns);

#endif
