/* See auth.h. No clock is read and nothing is sent here. */
#include "auth.h"

#include <errno.h>
#include <stdlib.h>

#include "log.h"
#include "metrics.h"

struct auth {
	const struct config *cfg;
	struct jwt_keys *keys;
};

static const struct {
	const char *name, *sentence;
	int status, close_code;
} verdicts[] = {
#define AUTH_VERDICT(n, st, cl, se) [AUTH_##n] = { #n, se, st, cl },
#include "auth_verdicts.def"
#undef AUTH_VERDICT
};

bool auth_is_open(const struct auth *auth)
{
	return strcmp(auth->cfg->auth_mode, "none") == 0;
}

int auth_open(const struct config *cfg, struct auth **out)
{
	struct auth *auth = calloc(1, sizeof(*auth));
	struct buf problem;
	int rc;

	if (!auth)
		return -ENOMEM;
	auth->cfg = cfg;
	buf_init(&problem, 4096);
	rc = jwt_keys_load(cfg, &auth->keys, &problem);
	if (rc < 0) {
		LOG(ERROR, "config_invalid", LOG_STR("reason", buf_str(&problem)));
		free(auth);
	} else {
		*out = auth;
	}
	buf_free(&problem);
	return rc;
}

void auth_close(struct auth *auth)
{
	if (!auth)
		return;
	jwt_keys_free(auth->keys);
	free(auth);
}

struct jwt_keys *auth_keys(struct auth *auth)
{
	return auth->keys;
}

/* The host of "name:port", "[v6]:port" or a name alone. */
static struct str host_name(struct str host)
{
	const char *colon = host.n ? memrchr(host.p, ':', host.n) : NULL;

	if (!colon || (host.p[0] == '[' && memchr(colon, ']', (size_t)(host.p + host.n - colon))))
		return host;
	return str_of(host.p, (size_t)(colon - host.p));
}

static bool host_is_local(struct str host)
{
	struct str name = host_name(host);

	return str_eq_nocase(name, STR("localhost")) || str_eq(name, STR("127.0.0.1")) || str_eq(name, STR("[::1]"));
}

/* A default port may be written or left out on either side; a Host without a port is compared without it. */
static bool same_host(struct str origin, struct str host)
{
	struct str rest = origin, at = { NULL, 0 };

	if (str_starts(rest, STR("https://")))
		at = str_skip(rest, 8);
	else if (str_starts(rest, STR("http://")))
		at = str_skip(rest, 7);
	if (at.n == 0 || host.n == 0)
		return false;
	if (str_eq_nocase(at, host))
		return true;
	if (host_name(host).n == host.n)
		return str_eq_nocase(host_name(at), host);
	return false;
}

bool auth_origin_allowed(const struct auth *auth, struct str origin, struct str host)
{
	struct str rest = str_c(auth->cfg->auth_allowed_origins);

	if (same_host(origin, host))
		return true;
	while (rest.n)
		if (str_eq_nocase(str_trim(str_cut(&rest, ',')), origin))
			return true;
	return false;
}

static struct auth_judgement verdict(enum auth_verdict v)
{
	return (struct auth_judgement){ .verdict = v };
}

static struct auth_judgement refused_token(enum jwt_result r)
{
	return (struct auth_judgement){ .verdict = AUTH_token_refused, .token = r };
}

/* auth.mode = none: the user is X-User-Id, else ?user_id=, else demo. */
static struct auth_judgement judge_open(const struct auth_credentials *c)
{
	struct auth_judgement j = { .verdict = AUTH_ok, .who = { .user = "demo", .any_user = true } };
	int rc;

	if (!host_is_local(c->host))
		return verdict(AUTH_host_refused);
	if (!ip_is_loopback(&c->client))
		return verdict(AUTH_client_refused);
	if (c->user_header.p && c->user_header.n) {
		if (!id_valid(c->user_header))
			return verdict(AUTH_bad_user_id);
		memcpy(j.who.user, c->user_header.p, c->user_header.n);
		j.who.user[c->user_header.n] = '\0';
		return j;
	}
	rc = query_get(c->query, "user_id", j.who.user, sizeof(j.who.user));
	if (rc == -ENOENT)
		memcpy(j.who.user, "demo", 5);
	else if (rc < 0 || !id_valid(str_c(j.who.user)))
		return verdict(AUTH_bad_user_id);
	return j;
}

struct auth_judgement auth_judge_token(const struct auth *auth, struct str token, int64_t now_s)
{
	struct auth_judgement j = { .verdict = AUTH_ok };
	struct jwt_claims claims;
	enum jwt_result r;

	if (token.n > JWT_MAX_BYTES)
		return refused_token(JWT_malformed);
	r = jwt_verify(auth->keys, auth->cfg, token, now_s, &claims);
	if (r != JWT_ok)
		return refused_token(r);
	if (!id_valid(str_c(claims.sub)))
		return refused_token(JWT_bad_claims);
	memcpy(j.who.user, claims.sub, sizeof(j.who.user));
	j.who.any_user = claims.service;
	j.who.exp_s = claims.exp_s;
	return j;
}

static struct str bearer_token(struct str authorization)
{
	if (authorization.n < 7 || !str_eq_nocase(str_of(authorization.p, 7), STR("bearer ")))
		return (struct str){ NULL, 0 };
	return str_trim(str_skip(authorization, 7));
}

static struct str cookie_token(const struct auth *auth, struct str cookies)
{
	while (cookies.n) {
		struct str value = str_trim(str_cut(&cookies, ';')), name = str_cut(&value, '=');

		if (str_eq(name, str_c(auth->cfg->auth_cookie_name)) && value.n)
			return value;
	}
	return (struct str){ NULL, 0 };
}

struct str auth_token_of(const struct auth *auth, const struct auth_credentials *c, char storage[JWT_MAX_BYTES + 1])
{
	struct str token = bearer_token(c->authorization);
	int n;

	if (!token.p)
		token = cookie_token(auth, c->cookie);
	if (token.p || !auth->cfg->auth_query_token)
		return token;
	n = query_get(c->query, "token", storage, JWT_MAX_BYTES + 1);
	if (n == -ENOENT)
		return token;
	return n < 0 ? STR("") : str_of(storage, (size_t)n);
}

static struct auth_judgement judge_tokens(const struct auth *auth, const struct auth_credentials *c, int64_t now_s)
{
	char storage[JWT_MAX_BYTES + 1];
	struct str token = auth_token_of(auth, c, storage);
	bool is_cookie = !bearer_token(c->authorization).p && cookie_token(auth, c->cookie).p;

	if (!token.p)
		return refused_token(JWT_missing);
	/* Browsers send cookies for pages of any site: the Origin must be there and be ours. */
	if (is_cookie && c->changes && !c->origin.p)
		return verdict(AUTH_origin_refused);
	return auth_judge_token(auth, token, now_s);
}

struct auth_judgement auth_judge(const struct auth *auth, const struct auth_credentials *c, int64_t now_s)
{
	if (c->changes && c->origin.p && !auth_origin_allowed(auth, c->origin, c->host))
		return verdict(AUTH_origin_refused);
	return auth_is_open(auth) ? judge_open(c) : judge_tokens(auth, c, now_s);
}

enum auth_verdict auth_may(const struct identity *who, struct str user)
{
	return who->any_user || str_eq(str_c(who->user), user) ? AUTH_ok : AUTH_other_user;
}

struct auth_credentials auth_credentials_of(struct request *rq)
{
	return (struct auth_credentials){
		.host = request_field(rq, "host"),
		.origin = request_field(rq, "origin"),
		.authorization = request_field(rq, "authorization"),
		.cookie = request_field(rq, "cookie"),
		.user_header = request_field(rq, "x-user-id"),
		.query = rq->query,
		.client = rq->client,
		.changes = rq->upgrade || (rq->method != HTTP_GET && rq->method != HTTP_HEAD && rq->method != HTTP_OPTIONS),
	};
}

int auth_verdict_status(enum auth_verdict v)
{
	return verdicts[v].status;
}

int auth_verdict_close_code(enum auth_verdict v)
{
	return verdicts[v].close_code;
}

const char *auth_verdict_name(enum auth_verdict v)
{
	return verdicts[v].name;
}

const char *auth_sentence(const struct auth_judgement *j)
{
	return j->verdict == AUTH_token_refused ? jwt_result_sentence(j->token) : verdicts[j->verdict].sentence;
}

const char *auth_reason(const struct auth_judgement *j)
{
	return j->verdict == AUTH_token_refused ? jwt_result_name(j->token) : verdicts[j->verdict].name;
}

/* Keys from a JWKS live in the same object: they come back with the next fetch. */
void auth_reload(struct auth *auth, const struct config *cfg)
{
	struct buf problem;

	auth->cfg = cfg;
	buf_init(&problem, 4096);
	if (jwt_keys_reload(auth->keys, cfg, &problem) < 0)
		LOG(ERROR, "config_invalid", LOG_STR("reason", buf_str(&problem)));
	buf_free(&problem);
}

void auth_check_listen(const struct config *cfg, const char *key, const char *addresses, struct buf *problems)
{
	struct str rest = str_c(addresses);

	if (strcmp(cfg->auth_mode, "none") != 0)
		return;
	while (rest.n) {
		struct str item = str_trim(str_cut(&rest, ','));

		if (item.n == 0 || str_starts(item, STR("unix:")) || str_eq(item, STR("systemd")) || host_is_local(item) ||
		    str_starts(item, STR("127.")))
			continue;
		buf_addf(problems, "[auth] mode = none needs every listener on loopback or a unix socket, but %s has " STR_FMT "\n",
			 key, STR_ARG(item));
	}
}

void auth_count_refusal(const struct auth_judgement *j)
{
	int metric = j->verdict == AUTH_token_refused ? (int)METRIC_auth_token_ok + (int)j->token : (int)METRIC_auth_ok + (int)j->verdict;

	metrics_add((enum metric)metric, 1);
}
