/* The sockets of the load generator: WebSocket connections, and one Redis connection that only publishes. One thread. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "str.h"

/* on_frame gets every text frame of every connection. What cannot happen in a good run ends the program. */
void load_start(const char *redis_socket, int connections, void (*on_frame)(int connection, struct str payload));

/* Opens all connections, of users u0, u1, … (one_user: all of u0), and returns when each has got a pong: the server promises
 * every later event then. */
void load_connect(int port, bool one_user);

/* PUBLISH user:<user>:events payload; goes out with the next turn. */
void load_publish(const char *user, struct str payload);

/* One turn of the loop, of at most so long. */
void load_turn(int64_t timeout_ns);

#endif
