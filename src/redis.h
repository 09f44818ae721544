/*
 * A connection for Redis commands on the loop: hiredis behind a small door, with reconnection (full-jitter back-off),
 * a connect and a command time-out (hiredis 0.14 has none of its own), and a bound on what may wait. With Sentinels the
 * connection is to the master that they name, and ends when they name another. hiredis is included by redis*.c only; replies are
 * read through the accessors below.
 */
#ifndef CVPULSE_REDIS_H
#define CVPULSE_REDIS_H

#include <stdbool.h>
#include <uv.h>

#include "config.h"
#include "str.h"

struct redis;
struct redisReply;

#define REDIS_PASSWORD_SIZE 512
#define REDIS_SENTINELS_MAX 9
struct redis_sentinel {
	char host[256];
	int port;
};

/* Where a Redis is, from redis.url. */
struct redis_address {
	char host[256];                 /* "" for a unix socket, and with Sentinels */
	int port;
	char path[108];
	char password[REDIS_PASSWORD_SIZE];
	int db;
	struct redis_sentinel sentinels[REDIS_SENTINELS_MAX]; /* who know where the master of this name is */
	int n_sentinels;
	char master[128];
	char sentinel_password[REDIS_PASSWORD_SIZE];
};
/* 0, or -EINVAL with a sentence in *problem. Reads no file. */
int redis_address_parse(const char *url, struct redis_address *out, struct buf *problem);
/* From redis.url, and from redis.password_file, which goes over a password in the URL. 0, or -EINVAL with "key: sentence" in
 * *problem, which must be empty. */
int redis_address_from(const struct config *cfg, struct redis_address *out, struct buf *problem);
void redis_address_wipe(struct redis_address *a); /* its passwords */

/* reply is NULL when the connection broke or timed out: whether the command took effect is unknown. */
typedef void redis_reply_fn(void *ctx, const struct redisReply *reply);

struct redis_listener {
	void (*connected)(void *ctx);           /* authenticated, selected, ready for commands */
	void (*disconnected)(void *ctx);        /* all pending replies have been given as NULL; a new attempt is under way */
	void *ctx;
};

/* Starts connecting at once. listener may be NULL. 0 or -errno (bad address: -EINVAL, already logged). */
int redis_open(uv_loop_t *loop, const struct config *cfg, const struct redis_listener *listener, struct redis **out);
/* Pending replies are given as NULL, nothing is called afterwards; the memory goes with the loop's next turn. */
void redis_close(struct redis *r);
bool redis_is_connected(const struct redis *r);
/* Milliseconds since the last answer of any kind; for health. -1: never. */
int64_t redis_last_answer_age_ms(const struct redis *r);

/* In `connected`: this may be another Redis than the one of the connection before, and lack what that one had. */
bool redis_has_moved(const struct redis *r);
/* Where it is, in `connected`, and while there is a connection. See redis_find.h. */
struct redis_place;
const struct redis_place *redis_place(const struct redis *r);

/* Why there is no connection, for people; "" while there is one. */
const char *redis_problem(const struct redis *r);

/* Makes this connection a subscriber: fn gets ["subscribe", channel, 1] when it has begun, then ["message", channel, text]
 * each. From then on it takes no commands. The subscription ends with the connection: renew it in `connected`. For a single
 * reader; the notifier has its own subscriber for many. -ENOTCONN. */
int redis_subscribe(struct redis *r, struct str channel, redis_reply_fn *fn, void *ctx);

/* Sends one command; fn (may be NULL) is called exactly once if 0 is returned. -ENOTCONN: not connected. -EBUSY: too many
 * wait (redis.pending_max). argv is copied. */
int redis_command(struct redis *r, redis_reply_fn *fn, void *ctx, int argc, const struct str *argv);
#define REDIS_ARGS_MAX 64                               /* of one command; more: -E2BIG */
#define REDIS_COMMAND(r, fn, ctx, ...) redis_command((r), (fn), (ctx), \
	(int)(sizeof((struct str[]){ __VA_ARGS__ }) / sizeof(struct str)), (struct str[]){ __VA_ARGS__ })

/* A Lua script, embedded at build time; its SHA1 is computed once. Sent as EVALSHA; on NOSCRIPT once more as EVAL. */
struct script {
	const char *name, *body;
	char sha[41];
};
/* keys first, then arguments, in argv; n_keys of argv are keys. fn gets the script's reply. Errors as redis_command. */
int script_call(struct redis *r, struct script *s, redis_reply_fn *fn, void *ctx, int n_keys, int argc, const struct str *argv);

/* Makes Redis know it beforehand, for a call that must not come behind what is sent after it. */
int script_load(struct redis *r, struct script *s);

enum reply_kind { REPLY_LOST, REPLY_STRING, REPLY_INTEGER, REPLY_ARRAY, REPLY_NIL, REPLY_STATUS, REPLY_ERROR };
enum reply_kind reply_kind(const struct redisReply *reply);     /* REPLY_LOST for NULL */
/* Redis is away, or says why it cannot (loading, out of memory …). */
static inline bool reply_failed(const struct redisReply *reply) { return reply_kind(reply) == REPLY_LOST || reply_kind(reply) == REPLY_ERROR; }
struct str reply_str(const struct redisReply *reply);           /* string, status, error text; else "" */
int64_t reply_int(const struct redisReply *reply, int64_t otherwise); /* an integer, or a string that is one */
size_t reply_count(const struct redisReply *reply);             /* elements of an array; 0 otherwise */
const struct redisReply *reply_at(const struct redisReply *reply, size_t i);

#endif
