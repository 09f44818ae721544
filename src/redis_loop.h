/* hiredis' asynchronous context on libuv; called by redis.c. */
#ifndef CVPULSE_REDIS_LOOP_H
#define CVPULSE_REDIS_LOOP_H

#include <uv.h>

struct redisAsyncContext;

/* 0 or -errno. Detaches by itself when hiredis frees the context. */
int redis_loop_attach(uv_loop_t *loop, struct redisAsyncContext *ac);

#endif
