/* The parts of the running worker, made by main.c, used by the calls of the API. */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include <uv.h>

#include "address.h"
#include "auth.h"
#include "config.h"
#include "net_guard.h"
#include "pipeline.h"
#include "publish.h"
#include "queue.h"
#include "redis.h"
#include "server.h"
#include "spool.h"

struct daemon;
struct extractor;
struct inbox;
struct http_client;
struct jwks;
struct rate_table;
struct sweep;
struct tus;
struct vault;
struct webhooks;

enum worker_state {
	WORKER_STARTING,
	WORKER_SERVING,
	WORKER_DRAINING,        /* requests and running CVs end */
	WORKER_CLOSING,         /* no connection is left; the last calls hear from Redis and the disk */
	WORKER_STOPPED,
};

struct worker {
	struct daemon *daemon;
	uv_loop_t *loop;
	const struct config *cfg;
	enum worker_state state;
	struct redis *redis;
	struct publisher publisher;
	struct queue *queue;
	struct spool *spool;
	struct vault *vault;                    /* NULL: CVs are kept in the spool */
	struct auth *auth;
	struct http_client *http_client;
	struct jwks *jwks;                      /* NULL without auth.jwks_url */
	struct net_guard guard;                 /* of addresses that others name */
	struct net_guard webhook_guard;         /* of those that webhooks go to; ports are not looked at */
	struct rate_table *rates;               /* requests, by user */
	struct tus *tus;                        /* the uploads that requests are about now */
	struct extractor *extractor;            /* NULL without the role `process`, as pipeline */
	struct pipeline *pipeline;
	struct pipeline_parts parts;            /* the pipeline's, and the sweep's where there is none */
	struct sweep *sweep;                    /* without a pipeline, and with a vault: nobody else looks after this spool */
	struct inbox *inbox;                    /* NULL without the role `ingest` */
	struct webhooks *webhooks;              /* NULL without the role `process` */
	struct server *server;
	struct listener listeners[2 * LISTENERS_MAX];   /* the API's, then the admin's */
	int n_api, n_admin;
	uv_timer_t drain_timer;
	size_t calls;                           /* API calls that are not over (api.h) */
	void (*call_over)(struct worker *w);    /* one of them is */
};

#endif
