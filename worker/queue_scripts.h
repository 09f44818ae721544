/* The queue's Lua scripts, each with queue/common.lua before it. Only queue*.c use this. */
#ifndef WORKER_QUEUE_SCRIPTS_H
#define WORKER_QUEUE_SCRIPTS_H

#include "redis.h"

#define QUEUE_SCRIPTS(S) S(push) S(start) S(drop) S(lease) S(reap) S(renew) S(ack) S(retry) S(release) S(bury) S(list) \
	S(stats) S(idle) S(inbox_take) S(inbox_end) S(inbox_erase) S(erase) S(hook_add) S(hook_drop) S(hook_end) S(hook_take)
enum queue_script {
#define S(name) SCRIPT_##name,
	QUEUE_SCRIPTS(S)
#undef S
	SCRIPT_COUNT
};

struct queue_scripts {
	struct script scripts[SCRIPT_COUNT];
};

int queue_scripts_load(struct queue_scripts *out);      /* 0 or -ENOMEM (nothing to free then) */
void queue_scripts_free(struct queue_scripts *s);

#endif
