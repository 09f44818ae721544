/*
 * The frame of a daemon: flags and configuration, the loop, signals, sd_notify. main() of each daemon fills struct
 * daemon_hooks and calls daemon_main.
 */
#ifndef CVPULSE_DAEMON_H
#define CVPULSE_DAEMON_H

#include <stdbool.h>
#include <uv.h>

#include "config.h"

struct daemon {
	uv_loop_t *loop;
	struct config config;
	struct config_args args;
	void *app;                      /* the program's own state, set by start */
};

struct daemon_hooks {
	const char *usage;              /* for --help */
	/* Checks beyond the table (listen addresses, auth.mode on loopback …); adds lines to problems. May be NULL. */
	void (*check)(const struct config *cfg, struct buf *problems);
	/* Starts the work; 0 or -errno after having logged why (-EINVAL: a configuration error, exit status 2). Calls daemon_ready when it serves. */
	int (*start)(struct daemon *d);
	/* SIGTERM or SIGINT, the first one: stop gracefully, then call daemon_stopped. */
	void (*stop)(struct daemon *d);
	/* After SIGHUP, when the new configuration is in place. May be NULL. */
	void (*reloaded)(struct daemon *d);
	/* Called once the loop has ended; frees app. */
	void (*finish)(struct daemon *d);
	/* Whether the watchdog may be fed. NULL: always, while the loop turns. */
	bool (*healthy)(struct daemon *d);
};

int daemon_main(int argc, char **argv, const struct daemon_hooks *hooks);
void daemon_ready(struct daemon *d);            /* logs `ready`, tells systemd */
void daemon_stopped(struct daemon *d);          /* ends the loop; exit status 0 */
void daemon_failed(struct daemon *d);           /* ends the loop; exit status 1 */

#endif
