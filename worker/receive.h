/*
 * One file on its way from the loop to the spool. Writing, hashing and syncing happen in libuv's thread pool, one job at a
 * time; what comes meanwhile waits in a buffer whose size tells the caller when to pause the sender. All calls and
 * callbacks are on the loop's thread; no callback runs inside a call.
 */
#ifndef WORKER_RECEIVE_H
#define WORKER_RECEIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "spool.h"

struct receive;

/* Pause the sender while this much waits. */
#define RECEIVE_HIGH_BYTES (256 * 1024)

struct receive_callbacks {
	/* Some of what waited has been written: the sender may go on if receive_waiting_bytes says so. */
	void (*written)(void *ctx);
	/* All bytes are on the disk; answers receive_end. */
	void (*synced)(void *ctx, int64_t bytes, const char *sha256);
	/* The CV is in the spool; answers receive_commit. */
	void (*committed)(void *ctx);
	/* -errno; the only call from here on is receive_free. */
	void (*failed)(void *ctx, int rc);
};

/* callbacks must outlive the object. NULL: no memory. */
struct receive *receive_new(uv_loop_t *loop, struct spool *spool, struct str cv, const struct receive_callbacks *callbacks, void *ctx);
/* Before anything else: the file never has a name, and cannot be committed. */
void receive_hide(struct receive *r);
/* Once it is synced: a descriptor for reading the file, the caller's. */
int receive_open(struct receive *r);
void receive_write(struct receive *r, struct str bytes);
size_t receive_waiting_bytes(const struct receive *r);
void receive_end(struct receive *r);
/* rec is borrowed until committed or failed. If it names a duplicate_of, that one's result becomes this one's as well; when
 * it has none, duplicate_of is emptied. */
void receive_commit(struct receive *r, struct spool_record *rec);
/* No callback comes after this. What was not committed leaves the spool, off the loop. NULL is allowed. */
void receive_free(struct receive *r);

#endif
