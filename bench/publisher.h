/* What the load generators publish: over one connection to Redis, or by HTTP for servers that take events so. */
#ifndef BENCH_PUBLISHER_H
#define BENCH_PUBLISHER_H

#include <stdbool.h>
#include <stdint.h>

#include "str.h"

void publisher_start_redis(const char *socket_path);
void publisher_start_http(int port);

/* PUBLISH user:<user>:events, or POST /publish/<user>. Goes out with publisher_flush(). */
void publish_plain(const char *user, struct str payload);

/* publish.lua, loaded under its SHA-1: one event of a CV. */
void publish_by_script(const char *sha, const char *user, const char *batch, const char *cv, const char *status, int progress, struct str rest);

bool publisher_flush(void);             /* false: something is left for the next turn */

#endif
