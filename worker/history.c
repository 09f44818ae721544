/* See history.h. */
#include "history.h"

#include "keys.h"
#include "strip.lua.h"

static struct script script = { .name = "strip", .body = strip_lua };

int history_strip(struct redis *r, const struct config *cfg, struct str user, struct str batch, struct str cv, bool forget,
		  redis_reply_fn *fn, void *ctx)
{
	char prefix[KEY_SIZE];

	return script_call(r, &script, fn, ctx, 1, 4, (struct str[]){
		key_user(prefix, cfg->redis_key_form, user, ""), batch, cv, forget ? STR("forget") : STR("keep") });
}
