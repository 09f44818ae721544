/*
 * One file fetched from an address that a stranger named, into the spool: redirects are followed one by one, each judged like
 * the first (net_guard.h); the size and the time are limited; the sender waits for the disk. Called by job_fetch.c.
 */
#ifndef WORKER_FETCH_H
#define WORKER_FETCH_H

#include "errors.h"
#include "pipeline.h"
#include "spool.h"

struct fetch;

enum fetch_again {
	FETCH_NEVER,            /* another try would end alike */
	FETCH_AGAIN,
	FETCH_LATER,            /* it could not be kept now, which is no fault of the file */
};

struct fetch_callbacks {
	/* ERR_NONE: the file is in the spool, and rec (good during the call) says so. It is the last call, and never comes from
	 * inside fetch_start. */
	void (*done)(void *ctx, enum error_code code, enum fetch_again again, const struct spool_record *rec);
};

/* rec: its url is fetched; copied. 0, -EACCES (the address is not allowed), -ENOMEM. callbacks must outlive it. */
int fetch_start(const struct pipeline_parts *parts, const struct spool_record *rec, const struct fetch_callbacks *callbacks,
		void *ctx, struct fetch **out);
/* No callback comes after this; what came so far leaves the disk. */
void fetch_cancel(struct fetch *f);

#endif
