/* See queue_scripts.h. */
#include "queue_scripts.h"

#include <errno.h>
#include <stdlib.h>

#include "queue/ack.lua.h"
#include "queue/bury.lua.h"
#include "queue/common.lua.h"
#include "queue/drop.lua.h"
#include "queue/erase.lua.h"
#include "queue/hook_add.lua.h"
#include "queue/hook_drop.lua.h"
#include "queue/hook_end.lua.h"
#include "queue/hook_take.lua.h"
#include "queue/idle.lua.h"
#include "queue/inbox_end.lua.h"
#include "queue/inbox_erase.lua.h"
#include "queue/inbox_take.lua.h"
#include "queue/lease.lua.h"
#include "queue/list.lua.h"
#include "queue/push.lua.h"
#include "queue/reap.lua.h"
#include "queue/release.lua.h"
#include "queue/renew.lua.h"
#include "queue/retry.lua.h"
#include "queue/start.lua.h"
#include "queue/stats.lua.h"

#define SCRIPT_MAX_BYTES (64 << 10)

static const struct {
	const char *name, *body;
} sources[SCRIPT_COUNT] = {
#define S(name) [SCRIPT_##name] = { #name, name##_lua },
	QUEUE_SCRIPTS(S)
#undef S
};

void queue_scripts_free(struct queue_scripts *s)
{
	for (int i = 0; i < SCRIPT_COUNT; i++)
		free((char *)(uintptr_t)s->scripts[i].body);
}

int queue_scripts_load(struct queue_scripts *out)
{
	*out = (struct queue_scripts){ 0 };
	for (int i = 0; i < SCRIPT_COUNT; i++) {
		struct buf body;

		buf_init(&body, SCRIPT_MAX_BYTES);
		buf_addz(&body, common_lua);
		buf_addz(&body, sources[i].body);
		buf_add(&body, "", 1);
		if (body.failed) {
			buf_free(&body);
			queue_scripts_free(out);
			return -ENOMEM;
		}
		out->scripts[i].name = sources[i].name;
		out->scripts[i].body = body.p;
	}
	return 0;
}
