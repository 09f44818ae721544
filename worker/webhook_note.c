/* See webhook_note.h. */
#include "webhook_note.h"

#include "log.h"
#include "metrics.h"

static void on_noted(void *ctx, enum queue_answer answer)
{
	if (answer != QUEUE_full && answer != QUEUE_no_answer)
		return;
	metrics_add(METRIC_webhooks_dropped, 1);
	LOG(ERROR, "webhook_dropped", LOG_TEXT("reason", answer == QUEUE_full ? "webhook.pending_max wait already" : "Redis gave no answer"));
}

/* No answer: then the publishing, which goes by the same connection, hardly has one either, and both come again. */
void webhook_note(struct queue *q, const struct config *cfg, const struct webhook_cv *cv)
{
	if (*cfg->webhook_secret_file)
		queue_hook_add(q, cv->user, cv->batch, cv->cv, cv->attempt, on_noted, NULL);
}
