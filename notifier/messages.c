/* See messages.h. Only ping and auth mean something; everything else is counted and ignored. */
#include "notifier/messages.h"

#include "json_member.h"
#include "log.h"
#include "metrics.h"
#include "notifier/notifier.h"
#include "notifier/sign_in.h"

#define MESSAGE_MAX_CHARACTERS 500

static bool is_auth(struct str text, struct str *token)
{
	struct frame_info info;

	if (text.n < 2 || text.p[0] != '{' || frame_scan(text, &info) < 0 || !str_eq(info.type, STR("auth")))
		return false;
	*token = json_member(text, "token");
	if (token->n >= 2 && token->p[0] == '"')
		*token = str_of(token->p + 1, token->n - 2); /* a token needs no escapes */
	else
		*token = STR("");
	return true;
}

static bool is_ping(struct str text)
{
	struct frame_info info;

	if (str_eq(text, STR("ping")))
		return true;
	return text.n && text.p[0] == '{' && frame_scan(text, &info) == 0 && str_eq(info.type, STR("ping"));
}

static size_t characters(struct str text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += ((unsigned char)text.p[i] & 0xC0) != 0x80;
	return n;
}

static void on_ping(struct conn *c)
{
	metrics_add(METRIC_pings, 1);
	if (c->pongs_due < UINT8_MAX)
		c->pongs_due++;
	conn_answer_pings(c);
}

void conn_on_message(struct conn *c, struct str text)
{
	const struct config *cfg = c->notifier->cfg;
	int64_t now = notifier_now(c->notifier);
	struct str token;

	if (c->state == CONN_CLOSING)
		return;
	c->heard_ms = c->text_ms = now;
	metrics_add(METRIC_client_messages, 1);
	if (!bucket_take(&c->messages, cfg->notifier_message_rate, 2 * cfg->notifier_message_rate, now)) {
		conn_close(c, CLOSE_flood);
		return;
	}
	if (!text.p || (text.n > MESSAGE_MAX_CHARACTERS && !is_auth(text, &token) && characters(text) > MESSAGE_MAX_CHARACTERS))
		conn_close(c, CLOSE_too_long);
	else if (is_ping(text))
		on_ping(c);
	else if (is_auth(text, &token))
		sign_in_with(c, token);
	else
		metrics_add(METRIC_client_messages_ignored, 1);
}
