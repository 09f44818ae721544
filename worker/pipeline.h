/*
 * The pipeline: leases jobs for free slots, has each CV read, stores the result, publishes every stage and the one terminal
 * event, and looks after what others left behind (reaper, sweep, recovery). Started by main in workers with the role
 * `process`. One job is one struct job (job.h), which says how it ends.
 */
#ifndef WORKER_PIPELINE_H
#define WORKER_PIPELINE_H

#include <uv.h>

#include "config.h"
#include "publish.h"
#include "queue.h"

struct extractor;
struct http_client;
struct net_guard;
struct pipeline;
struct spool;
struct vault;

/* What the pipeline works with; all of it is the caller's and outlives it. */
struct pipeline_parts {
	uv_loop_t *loop;
	const struct config *cfg;
	struct redis *redis;
	struct queue *queue;
	const struct publisher *publisher;
	struct spool *spool;
	struct vault *vault;                    /* NULL: CVs are kept in the spool */
	struct extractor *extractor;
	struct http_client *http;               /* NULL: nothing is fetched */
	const struct net_guard *guard;
};

int pipeline_start(const struct pipeline_parts *parts, struct pipeline **out);
/* A job may be waiting: look now instead of at the next poll. After accept_cv answered ACCEPT_OK. */
void pipeline_kick(struct pipeline *p);
/* Redis is connected (again): look for jobs, and whether it forgot any of the spool's. */
void pipeline_redis_connected(struct pipeline *p);
/* Takes no more jobs, waits up to worker.drain_s for those that run, gives the rest back. stopped is called once, later, and
 * the pipeline is gone; Redis and the extractor must live until then. */
void pipeline_stop(struct pipeline *p, void (*stopped)(void *ctx), void *ctx);
int pipeline_running(const struct pipeline *p);         /* CVs in work */

#endif
