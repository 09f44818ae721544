/*
 * Who is asking: what a request says about its user (protocol: Tokens), judged. Both daemons call it, for each request and
 * each upgrade. What needs a round trip (tickets, an unknown key of a JWKS) is only recognised here; the caller acts.
 */
#ifndef CVPULSE_AUTH_H
#define CVPULSE_AUTH_H

#include "cidr.h"
#include "config.h"
#include "jwt.h"
#include "server.h"

enum auth_verdict {
#define AUTH_VERDICT(name, status, close, sentence) AUTH_##name,
#include "auth_verdicts.def"
#undef AUTH_VERDICT
	AUTH_VERDICT_COUNT
};

struct identity {
	char user[ID_MAX + 1];
	bool any_user;                  /* may name any user: scope service, or auth.mode = none */
	int64_t exp_s;                  /* wall clock; 0: never ends */
};

struct auth_judgement {
	enum auth_verdict verdict;
	enum jwt_result token;          /* of token_refused: what is wrong with it (JWT_missing: there is none) */
	struct identity who;            /* of ok */
};

/* What a request brings. Slices may be empty; p == NULL means absent. */
struct auth_credentials {
	struct str host, origin, authorization, cookie, user_header, query;
	struct ip client;
	bool changes;                   /* an upgrade or an unsafe method: a page of another site must not be able to make it */
};

struct auth;

/* Reads the keys. -EINVAL after having logged why. */
int auth_open(const struct config *cfg, struct auth **out);
void auth_close(struct auth *auth);
/* After a reload; keeps the old keys when the new ones cannot be read (logged). cfg must outlive auth. */
void auth_reload(struct auth *auth, const struct config *cfg);
bool auth_is_open(const struct auth *auth);              /* auth.mode = none */
struct jwt_keys *auth_keys(struct auth *auth);          /* for jwks_start */

/* Collects what the request brings; good inside on_request. */
struct auth_credentials auth_credentials_of(struct request *rq);
struct auth_judgement auth_judge(const struct auth *auth, const struct auth_credentials *c, int64_t now_s);
/* The token that auth_judge looks at: Bearer, cookie, ?token= in `storage`; empty when there is none. */
struct str auth_token_of(const struct auth *auth, const struct auth_credentials *c, char storage[JWT_MAX_BYTES + 1]);
/* One token that came by another way (first message, renewal). */
struct auth_judgement auth_judge_token(const struct auth *auth, struct str token, int64_t now_s);
/* ok, or other_user: whether this identity may have that user's events. */
enum auth_verdict auth_may(const struct identity *who, struct str user);

int auth_verdict_status(enum auth_verdict v);
int auth_verdict_close_code(enum auth_verdict v);
const char *auth_verdict_name(enum auth_verdict v);
/* What is wrong, for people; of token_refused the token's own sentence. */
const char *auth_sentence(const struct auth_judgement *j);
/* Adds a refusal to cvpulse_auth_failures_total. */
void auth_count_refusal(const struct auth_judgement *j);
/* Metric label and log reason: the token's result for token_refused, else the verdict. */
const char *auth_reason(const struct auth_judgement *j);

/* Whether a page of this origin may read answers for this Host: the same host, or one of auth.allowed_origins. */
bool auth_origin_allowed(const struct auth *auth, struct str origin, struct str host);

/* auth.mode = none: every listener must be on loopback or a unix socket. One line in *problems otherwise. */
void auth_check_listen(const struct config *cfg, const char *key, const char *addresses, struct buf *problems);

#endif
