/* See sign_in.h. */
#include "notifier/sign_in.h"

#include <stdlib.h>

#include "clock.h"
#include "keys.h"
#include "log.h"
#include "notifier/notifier.h"

#define FIRST_MESSAGE_MS 5000
#define TICKET_MAX_BYTES 128

void sign_in_refused(const struct auth_judgement *j)
{
	auth_count_refusal(j);
	LOG(WARNING, "auth_failed", LOG_TEXT("reason", auth_reason(j)));
}

static enum close_reason close_reason_of(enum auth_verdict v)
{
	return close_reason_by_code(auth_verdict_close_code(v), CLOSE_forbidden);
}

/* A good token that is for somebody else is a refusal too. */
static bool is_accepted(struct auth_judgement *j, struct str user)
{
	if (j->verdict == AUTH_ok)
		j->verdict = auth_may(&j->who, user);
	if (j->verdict == AUTH_ok)
		return true;
	sign_in_refused(j);
	return false;
}

static void renew(struct conn *c, struct auth_judgement *j)
{
	if (!is_accepted(j, user_id(c->user))) {
		conn_close(c, close_reason_of(j->verdict));
		return;
	}
	c->exp_s = j->who.exp_s;
	c->warned = false;
	conn_arm(c);
}

static void begin(struct conn *c, struct auth_judgement *j)
{
	if (is_accepted(j, str_c(c->user_id)))
		conn_begin(c, &j->who);
	else
		conn_close(c, close_reason_of(j->verdict));
}

/* What waits for an answer: a token whose key is being fetched, or (n = 0) a ticket that is being redeemed. */
struct late_token {
	struct conn *conn;              /* NULL: it ended meanwhile */
	size_t n;
	char token[];
};

static struct late_token *late_new(struct conn *c, struct str token)
{
	struct late_token *late = malloc(sizeof(*late) + token.n);

	if (!late)
		return NULL;
	late->conn = c;
	late->n = token.n;
	if (token.n)
		memcpy(late->token, token.p, token.n);
	c->late_token = late;
	return late;
}

void sign_in_forget(struct conn *c)
{
	struct late_token *late = c->late_token;

	c->late_token = NULL;
	if (!late)
		return;
	late->conn = NULL;
	if (late->n) {
		jwks_forget(c->notifier->jwks, late);
		free(late);
	}
}

static void on_keys(void *ctx, bool fetched)
{
	struct late_token *late = ctx;
	struct conn *c = late->conn;
	struct auth_judgement j = auth_judge_token(c->notifier->auth, str_of(late->token, late->n), clock_wall_ms() / 1000);

	c->late_token = NULL;
	free(late);
	if (c->state == CONN_SIGNING_IN)
		begin(c, &j);
	else
		renew(c, &j);
}

static bool waits_for_keys(struct conn *c, const struct auth_judgement *j, struct str token)
{
	struct late_token *late;

	if (j->verdict != AUTH_token_refused || j->token != JWT_unknown_key || !c->notifier->jwks || c->late_token || token.n == 0)
		return false;
	late = late_new(c, token);
	if (!late)
		return false;
	jwks_refresh(c->notifier->jwks, on_keys, late);
	return true;
}

void sign_in_with(struct conn *c, struct str token)
{
	struct auth_judgement j;

	if (auth_is_open(c->notifier->auth))
		return;
	j = auth_judge_token(c->notifier->auth, token, clock_wall_ms() / 1000);
	if (waits_for_keys(c, &j, token))
		return;
	if (c->state != CONN_SIGNING_IN)
		renew(c, &j);
	else if (c->wants_sign_in)
		begin(c, &j);
}

void sign_in_judged(struct conn *c, const struct auth_judgement *j, struct str token)
{
	struct auth_judgement copy = *j;

	if (waits_for_keys(c, j, token))
		return;
	if (c->wants_sign_in && j->verdict == AUTH_token_refused && j->token == JWT_missing) {
		c->deadline_ms = notifier_now(c->notifier) + FIRST_MESSAGE_MS;
		conn_arm(c);
		return;
	}
	begin(c, &copy);
}

static struct str ticket_key(char *out, size_t cap, struct str ticket)
{
	int n = snprintf(out, cap, KEY_TICKET_PREFIX STR_FMT, STR_ARG(ticket));

	return str_of(out, (size_t)n);
}

/* A ticket's value is "<user> <exp_s>"; a user id has no space. */
static struct auth_judgement judge_ticket(struct str value)
{
	struct auth_judgement j = { .verdict = AUTH_ok };
	struct str exp = value, user = str_cut(&exp, ' ');
	uint64_t exp_s;

	if (!id_valid(user) || str_to_u64(exp, 0, INT64_MAX, &exp_s) < 0)
		return (struct auth_judgement){ .verdict = AUTH_ticket_refused };
	memcpy(j.who.user, user.p, user.n);
	j.who.exp_s = (int64_t)exp_s;
	return j;
}

static void on_ticket(void *ctx, const struct redisReply *reply)
{
	struct late_token *late = ctx;
	struct conn *c = late->conn;
	struct auth_judgement j = judge_ticket(reply_str(reply));

	free(late);
	if (!c)
		return;
	c->late_token = NULL;
	if (reply_kind(reply) == REPLY_LOST || reply_kind(reply) == REPLY_ERROR)
		conn_close(c, CLOSE_overloaded); /* not known whether it was good: the client may try a new one */
	else
		begin(c, &j);
}

void sign_in_ticket(struct conn *c, struct str ticket)
{
	char key[sizeof(KEY_TICKET_PREFIX) + TICKET_MAX_BYTES];
	struct auth_judgement bad = { .verdict = AUTH_ticket_refused };
	struct late_token *late;

	if (ticket.n > TICKET_MAX_BYTES || !id_valid(ticket)) {
		begin(c, &bad);
		return;
	}
	late = late_new(c, str_of(NULL, 0));
	if (late && REDIS_COMMAND(c->notifier->redis, on_ticket, late, STR("GETDEL"), ticket_key(key, sizeof(key), ticket)) == 0)
		return;
	c->late_token = NULL;
	free(late);
	conn_close(c, CLOSE_overloaded);
}

/* --- POST /tickets --------------------------------------------------------------------------------------------------- */

#define TICKET_LIFE "30"

struct new_ticket {
	struct request *request;        /* NULL: the client has gone */
	char ticket[ID_NEW_SIZE];
};

static void on_ticket_stored(void *ctx, const struct redisReply *reply)
{
	struct new_ticket *t = ctx;
	char body[128];
	int n = snprintf(body, sizeof(body), "{\"ticket\":\"%s\",\"expires_in\":" TICKET_LIFE "}", t->ticket);

	if (t->request) {
		struct http_header no_store = { "Cache-Control", STR("private, no-store") };

		t->request->user = NULL;
		if (reply_kind(reply) == REPLY_STATUS)
			request_respond(t->request, 200, "application/json", str_of(body, (size_t)n), &no_store, 1);
		else
			request_problem(t->request, 503, "redis_unavailable", "Try again in a moment.", 1);
	}
	free(t);
}

void sign_in_ticket_forget(struct new_ticket *t)
{
	t->request = NULL;
}

void sign_in_new_ticket(struct notifier *n, struct request *rq, const struct identity *who)
{
	struct new_ticket *t = calloc(1, sizeof(*t));
	char key[sizeof(KEY_TICKET_PREFIX) + ID_NEW_SIZE], value[ID_MAX + 32];
	int length = snprintf(value, sizeof(value), "%s %lld", who->user, (long long)who->exp_s);

	if (t) {
		t->request = rq;
		id_new('t', t->ticket);
	}
	if (t && REDIS_COMMAND(n->redis, on_ticket_stored, t, STR("SET"), ticket_key(key, sizeof(key), str_c(t->ticket)),
			       str_of(value, (size_t)length), STR("EX"), STR(TICKET_LIFE)) == 0) {
		rq->user = t;
		return;
	}
	free(t);
	request_problem(rq, 503, "redis_unavailable", "Try again in a moment.", 1);
}
