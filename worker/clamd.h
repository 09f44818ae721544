/*
 * One file looked at by clamd, the daemon of ClamAV, over its socket (command INSTREAM, clamd(8)): the bytes go out in chunks
 * as clamd takes them, one line comes back. Called by job_scan.c.
 */
#ifndef WORKER_CLAMD_H
#define WORKER_CLAMD_H

#include <uv.h>

#include "str.h"

/* NO_ANSWER: clamd is away, too slow, or says something else; another try may end otherwise. */
#define CLAMD_VERDICTS(V) V(CLEAN) V(INFECTED) V(TOO_LARGE) V(NO_ANSWER)
enum clamd_verdict {
#define V(name) CLAMD_##name,
	CLAMD_VERDICTS(V)
#undef V
};

struct clamd_scan;

/* detail: the signature that was found, or what went wrong. Last, and never from inside clamd_start. */
typedef void clamd_fn(void *ctx, enum clamd_verdict verdict, struct str detail);

/* address: "unix:/path", "127.0.0.1:3310" or "[::1]:3310". file_fd is read from its beginning, and copied. 0 or -errno. */
int clamd_start(uv_loop_t *loop, const char *address, int file_fd, int64_t timeout_ms, clamd_fn *fn, void *ctx,
		struct clamd_scan **out);
/* fn is not called any more. */
void clamd_cancel(struct clamd_scan *scan);

/* Whether clamd_start could use this address. */
int clamd_check_address(const char *address);

/* What clamd's answer means; *detail is a part of it. */
enum clamd_verdict clamd_judge(struct str answer, struct str *detail);

#endif
