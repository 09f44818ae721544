/* From requests of the server to calls of the API: routes, sign-in, small bodies. main.c hands its handler to the server. */
#ifndef WORKER_ROUTER_H
#define WORKER_ROUTER_H

#include "server.h"

struct worker;

struct server_handler router_handler(struct worker *w);

#endif
