/* See routes.h: limits, identity and wishes of a request for events. */
#include <errno.h>

#include "clock.h"
#include "metrics.h"
#include "notifier/resume.h"
#include "notifier/routes.h"
#include "notifier/sign_in.h"

static bool is_within_rate(struct notifier *n, struct request *rq)
{
	const struct config *cfg = n->cfg;

	if (rate_table_take(n->rates, &rq->client, cfg->notifier_connect_rate_per_ip, cfg->notifier_connect_burst_per_ip, notifier_now(n)))
		return true;
	metrics_add(METRIC_connect_rate_refused, 1);
	request_problem(rq, 429, "rate_limited", "Too many new connections from this address.", 1);
	return false;
}

/* Last-Event-ID goes before after_id: an EventSource that reconnects repeats its first address. */
static void read_wishes(struct request *rq, struct entry *e)
{
	char flag[8];
	int n = request_header(rq, "last-event-id", e->after_id, sizeof(e->after_id));

	if (n == -ENOENT)
		n = query_get(rq->query, "after_id", e->after_id, sizeof(e->after_id));
	e->has_after_id = n != -ENOENT;
	if (e->has_after_id && n < 0)
		memcpy(e->after_id, "?", 2); /* malformed, and answered as such */
	e->snapshot = query_get(rq->query, "snapshot", flag, sizeof(flag)) == 1 && flag[0] == '1';
	e->by_message = query_get(rq->query, "auth", flag, sizeof(flag)) == 7 && memcmp(flag, "message", 7) == 0;
	n = query_get(rq->query, "ticket", e->ticket, sizeof(e->ticket));
	if (n < 0)
		memcpy(e->ticket, n == -ENOENT ? "" : "?", n == -ENOENT ? 1 : 2);
	e->opted_in = e->has_after_id || e->snapshot || e->by_message || e->ticket[0] || query_get(rq->query, "token", flag, 1) != -ENOENT;
}

/* A refusal that only a round trip can decide is none yet. */
static bool may_still_sign_in(struct notifier *n, const struct entry *e)
{
	const struct auth_judgement *j = &e->judgement;

	if (j->verdict != AUTH_token_refused)
		return false;
	return (j->token == JWT_missing && (e->ticket[0] || e->by_message)) || (j->token == JWT_unknown_key && n->jwks);
}

enum entry_verdict entry_judge(struct notifier *n, struct request *rq, struct str raw_user, struct entry *e)
{
	struct auth_credentials credentials = auth_credentials_of(rq);
	struct auth_judgement *j = &e->judgement;
	struct str token;
	int length;

	if (n->drain.running) {
		request_problem(rq, 503, "restarting", "The server restarts; come back in a moment.", 1);
		return ENTRY_ANSWERED;
	}
	if (!is_within_rate(n, rq))
		return ENTRY_ANSWERED;
	length = url_decode(raw_user, false, e->user_text, sizeof(e->user_text));
	e->user = str_of(e->user_text, length > 0 ? (size_t)length : 0);
	if (!id_valid(e->user))
		return ENTRY_BAD_USER;
	if (n->cfg->notifier_max_connections && n->n_conns >= (size_t)n->cfg->notifier_max_connections)
		return ENTRY_FULL;
	read_wishes(rq, e);
	if (e->ticket[0])
		credentials.cookie = str_of(NULL, 0); /* a ticket goes before a cookie */
	*j = auth_judge(n->auth, &credentials, clock_wall_ms() / 1000);
	token = auth_token_of(n->auth, &credentials, e->token);
	if (token.n && token.p != e->token && token.n < sizeof(e->token))
		memcpy(e->token, token.p, token.n);
	e->token[token.n < sizeof(e->token) ? token.n : 0] = '\0';
	if (j->verdict == AUTH_ok)
		j->verdict = auth_may(&j->who, e->user);
	return j->verdict == AUTH_ok || may_still_sign_in(n, e) ? ENTRY_OK : ENTRY_REFUSED;
}

void entry_begin(struct conn *c, const struct entry *e)
{
	bool by_ticket = e->judgement.verdict != AUTH_ok && e->judgement.token == JWT_missing && e->ticket[0];

	c->opted_in = e->opted_in;
	c->wants_sign_in = e->by_message;
	if ((e->has_after_id || e->snapshot) && resume_begin(c, e->has_after_id ? e->after_id : NULL, e->snapshot) < 0) {
		conn_close(c, CLOSE_overloaded);
		return;
	}
	if (by_ticket)
		sign_in_ticket(c, str_c(e->ticket));
	else
		sign_in_judged(c, &e->judgement, str_c(e->token));
}
