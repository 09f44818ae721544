/*
 * The operator's own processor of results, over HTTP: it gets a CV's text and JSON Resume by POST, may answer with lines of
 * progress ({"progress":60,"message":"…"}), and ends with the JSON that replaces ours. Called by job_hook.c.
 */
#ifndef WORKER_HOOK_H
#define WORKER_HOOK_H

#include "pipeline.h"
#include "str.h"

struct hook;

struct hook_callbacks {
	/* percent: 0 to 100. message: valid UTF-8, at most HOOK_MESSAGE_MAX bytes, may be empty. */
	void (*progress)(void *ctx, int percent, struct str message);
	/* 0: resume is a JSON object, or empty when the processor leaves ours as it is. -errno, or the HTTP status as a positive
	 * number: it failed. The last call. */
	void (*done)(void *ctx, int rc, struct str resume);
};

#define HOOK_MESSAGE_MAX 200

/* body: the request. No callback comes from inside this. 0 or -errno. */
int hook_start(const struct pipeline_parts *parts, struct str body, const struct hook_callbacks *callbacks, void *ctx,
	       struct hook **out);
void hook_cancel(struct hook *hook);            /* no callback any more */

#endif
