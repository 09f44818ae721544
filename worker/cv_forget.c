/* See cv_forget.h. */
#include "cv_forget.h"

#include "hash_index.h"
#include "history.h"
#include "intake.h"
#include "once.h"

int cv_forget(struct redis *r, const struct config *cfg, struct queue *q, const struct spool_record *rec, bool forget,
	      redis_reply_fn *fn, void *ctx)
{
	struct str user = str_c(rec->user), cv = str_c(rec->cv);

	if (!*rec->duplicate_of)
		hash_index_remove(r, cfg, user, rec->sha256);
	queue_hook_drop(q, user, cv, NULL, NULL);
	if (*rec->once)
		once_forget(r, cfg, user, INTAKE_ONCE, rec->once);
	return history_strip(r, cfg, user, str_c(rec->batch), cv, forget, fn, ctx);
}
