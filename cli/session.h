/* One Redis connection of a command that runs its own loop and waits for answers. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "cli.h"
#include "redis.h"

struct session {
	const struct command *command;
	uv_loop_t loop;
	struct redis *redis;
	int connections;                /* how often it has been connected */
	void (*connected)(void *ctx);   /* called for each; may be set after session_open */
	void *ctx;
};

/* Connects, or says why not and what to do. 0 or -errno. */
int session_open(struct session *s, const struct command *command, const struct config *cfg);
void session_close(struct session *s);

/* One command and its reply; fn (may be NULL) gets it, NULL when the connection broke. -errno when it was not sent. */
int session_ask(struct session *s, redis_reply_fn *fn, void *ctx, int argc, const struct str *argv);
#define SESSION_ASK(s, fn, ctx, ...) session_ask((s), (fn), (ctx), \
	(int)(sizeof((struct str[]){ __VA_ARGS__ }) / sizeof(struct str)), (struct str[]){ __VA_ARGS__ })

/* Turns the loop until *done. */
void session_wait(struct session *s, const bool *done);

#endif
