/* See messages.h. */
#include "notifier/messages.h"

#include "metrics.h"
#include "notifier/message.h"
#include "notifier/notifier.h"
#include "notifier/sign_in.h"

static void on_ping(struct conn *c)
{
	metrics_add(METRIC_pings, 1);
	if (c->pongs_due < UINT8_MAX)
		c->pongs_due++;
	conn_answer_pings(c);
}

static void act(struct conn *c, struct str text)
{
	struct str token;

	switch (message_read(text, &token)) {
	case MESSAGE_PING:
		on_ping(c);
		break;
	case MESSAGE_AUTH:
		sign_in_with(c, token);
		break;
	case MESSAGE_TOO_LONG:
		conn_close(c, CLOSE_too_long);
		break;
	case MESSAGE_OTHER:
		metrics_add(METRIC_client_messages_ignored, 1);
		break;
	}
}

void conn_on_message(struct conn *c, struct str text)
{
	const struct config *cfg = c->notifier->cfg;
	int64_t now = notifier_now(c->notifier);

	if (c->state == CONN_CLOSING)
		return;
	c->heard_ms = c->text_ms = now;
	metrics_add(METRIC_client_messages, 1);
	if (!bucket_take(&c->messages, cfg->notifier_message_rate, 2 * cfg->notifier_message_rate, now))
		conn_close(c, CLOSE_flood);
	else if (!text.p)
		conn_close(c, CLOSE_too_long);
	else
		act(c, text);
}
