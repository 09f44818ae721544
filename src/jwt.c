/* See jwt.h. */
#include "jwt.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>

#include "jwt_keys.h"

static const struct {
	const char *name, *sentence;
} results[JWT_RESULT_COUNT] = {
#define JWT_RESULT(n, s) [JWT_##n] = { #n, s },
#include "jwt_results.def"
#undef JWT_RESULT
};

const char *jwt_result_name(enum jwt_result r)
{
	return results[r].name;
}

const char *jwt_result_sentence(enum jwt_result r)
{
	return results[r].sentence;
}

static bool list_holds(const char *list, struct str wanted)
{
	struct str rest = str_c(list);

	while (rest.n)
		if (str_eq(str_trim(str_cut(&rest, ',')), wanted))
			return true;
	return false;
}

/* Three parts of base64url without padding (RFC 7515, section 3.1). libcjose 0.6.2 ends the process by an assertion on
 * padding or a length that cannot be (found by fuzzing), so nothing else may reach it. */
static bool is_compact(struct str token)
{
	for (int parts = 0; parts < 3; parts++) {
		struct str part = str_cut(&token, '.');

		if (!jwt_is_base64url(part) || (parts < 2) != (token.p != NULL))
			return false;
	}
	return true;
}

/* One part of a compact token, decoded; NULL when it is no JSON. */
static cJSON *parse_part(struct str encoded)
{
	uint8_t *text = NULL;
	size_t n = 0;
	cJSON *json;

	if (!cjose_base64url_decode(encoded.p, encoded.n, &text, &n, NULL))
		return NULL;
	json = cJSON_ParseWithLength((const char *)text, n);
	free(text);
	return json;
}

/* The header before anything is believed: alg and kid decide which keys are tried (RFC 8725, section 3.1). */
static enum jwt_result read_header(struct str token, const struct config *cfg, enum jwt_algorithm *algorithm, char kid[128])
{
	struct str rest = token, alg;
	const char *text;
	cJSON *header = parse_part(str_cut(&rest, '.'));
	enum jwt_result result = JWT_ok;

	alg = str_c(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(header, "alg")));
	text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(header, "kid"));
	*algorithm = jwt_algorithm_by_name(alg);
	kid[0] = '\0';
	if (!alg.p)
		result = JWT_malformed;
	else if (*algorithm == ALGORITHM_NONE || !list_holds(cfg->auth_algorithms, alg))
		result = JWT_algorithm;
	else if (cJSON_HasObjectItem(header, "crit"))
		result = JWT_malformed; /* RFC 7515, section 4.1.11: extensions that are not understood */
	else if (text && strlen(text) >= 128)
		result = JWT_unknown_key;
	else if (text)
		memcpy(kid, text, strlen(text) + 1);
	cJSON_Delete(header);
	return result;
}

bool jwt_subject_unchecked(struct str token, char out[ID_MAX + 1])
{
	struct str rest = token, sub;
	cJSON *claims;
	bool found;

	if (!is_compact(token))
		return false;
	str_cut(&rest, '.');
	claims = parse_part(str_cut(&rest, '.'));
	sub = str_c(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(claims, "sub")));
	found = id_valid(sub);
	if (found)
		memcpy(out, sub.p, sub.n + 1);
	cJSON_Delete(claims);
	return found;
}

/* A key without a name may have signed any token; a named key only a token of that name or of none. */
static bool key_fits(const struct jwt_key *k, enum jwt_algorithm algorithm, const char *kid)
{
	return k->algorithm == algorithm && (!k->kid[0] || !kid[0] || strcmp(k->kid, kid) == 0);
}

static enum jwt_result check_signature(const struct jwt_keys *keys, cjose_jws_t *jws, enum jwt_algorithm algorithm, const char *kid)
{
	enum jwt_result result = JWT_unknown_key;

	for (int i = 0; i < keys->n; i++) {
		if (!key_fits(&keys->key[i], algorithm, kid))
			continue;
		if (cjose_jws_verify(jws, keys->key[i].jwk, NULL))
			return JWT_ok;
		/* A name that only nameless keys were tried for is still unknown: a provider may have it meanwhile. */
		if (!kid[0] || keys->key[i].kid[0])
			result = JWT_signature;
	}
	return result;
}

static bool names_audience(const cJSON *aud, const char *wanted)
{
	const cJSON *item;

	if (cJSON_IsString(aud))
		return list_holds(wanted, str_c(aud->valuestring));
	cJSON_ArrayForEach(item, aud)
		if (cJSON_IsString(item) && list_holds(wanted, str_c(item->valuestring)))
			return true;
	return false;
}

/* scope as RFC 8693, section 4.2 (a string with spaces) or as an array. */
static bool has_service_scope(const cJSON *scope)
{
	const cJSON *item;
	struct str rest = str_c(cJSON_GetStringValue(scope));

	while (rest.n)
		if (str_eq(str_cut(&rest, ' '), STR("service")))
			return true;
	if (cJSON_IsArray(scope))
		cJSON_ArrayForEach(item, scope)
			if (cJSON_IsString(item) && strcmp(item->valuestring, "service") == 0)
				return true;
	return false;
}

static bool is_second(const cJSON *number)
{
	return cJSON_IsNumber(number) && number->valuedouble >= 0 && number->valuedouble < 253402300800.0; /* year 10000 */
}

static enum jwt_result check_claims(const cJSON *claims, const struct config *cfg, int64_t now_s, struct jwt_claims *out)
{
	const cJSON *exp = cJSON_GetObjectItemCaseSensitive(claims, "exp"), *nbf = cJSON_GetObjectItemCaseSensitive(claims, "nbf");
	struct str sub = str_c(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(claims, "sub")));
	int64_t leeway_s = cfg->auth_leeway_ms / 1000;
	bool service = has_service_scope(cJSON_GetObjectItemCaseSensitive(claims, "scope"));

	/* A service acts for users by name and may have no user of its own. */
	if (!is_second(exp) || (nbf && !is_second(nbf)) || (sub.n ? !id_valid(sub) : !service))
		return JWT_bad_claims;
	if (now_s >= (int64_t)exp->valuedouble + leeway_s)
		return JWT_expired;
	if (nbf && now_s < (int64_t)nbf->valuedouble - leeway_s)
		return JWT_not_yet_valid;
	if (cfg->auth_audience[0] && !names_audience(cJSON_GetObjectItemCaseSensitive(claims, "aud"), cfg->auth_audience))
		return JWT_wrong_audience;
	if (cfg->auth_issuer[0] && !list_holds(cfg->auth_issuer, str_c(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(claims, "iss")))))
		return JWT_wrong_issuer;
	if (sub.n)
		memcpy(out->sub, sub.p, sub.n);
	out->sub[sub.n] = '\0';
	out->exp_s = (int64_t)exp->valuedouble;
	out->service = service;
	return JWT_ok;
}

enum jwt_result jwt_verify(const struct jwt_keys *keys, const struct config *cfg, struct str token, int64_t now_s,
			   struct jwt_claims *claims)
{
	enum jwt_algorithm algorithm;
	enum jwt_result result;
	cjose_jws_t *jws;
	uint8_t *payload;
	char kid[128];
	cJSON *json;
	size_t n;

	if (token.n == 0)
		return JWT_missing;
	if (token.n > JWT_MAX_BYTES)
		return JWT_malformed;
	if (!is_compact(token))
		return JWT_malformed;
	result = read_header(token, cfg, &algorithm, kid);
	if (result != JWT_ok)
		return result;
	jws = cjose_jws_import(token.p, token.n, NULL);
	if (!jws)
		return JWT_malformed;
	result = check_signature(keys, jws, algorithm, kid);
	if (result == JWT_ok && !cjose_jws_get_plaintext(jws, &payload, &n, NULL))
		result = JWT_malformed;
	if (result == JWT_ok) {
		json = cJSON_ParseWithLength((const char *)payload, n);
		result = cJSON_IsObject(json) ? check_claims(json, cfg, now_s, claims) : JWT_bad_claims;
		cJSON_Delete(json);
	}
	cjose_jws_release(jws);
	return result;
}

int jwt_sign_hs256(struct str secret, struct str claims_json, struct buf *out)
{
	cjose_jwk_t *jwk = cjose_jwk_create_oct_spec((const uint8_t *)secret.p, secret.n, NULL);
	cjose_header_t *header = cjose_header_new(NULL);
	cjose_jws_t *jws = NULL;
	const char *text = NULL;

	if (jwk && header && cjose_header_set(header, CJOSE_HDR_ALG, CJOSE_HDR_ALG_HS256, NULL) && cjose_header_set(header, "typ", "JWT", NULL))
		jws = cjose_jws_sign(jwk, header, (const uint8_t *)claims_json.p, claims_json.n, NULL);
	if (jws && cjose_jws_export(jws, &text, NULL))
		buf_addz(out, text);
	cjose_jws_release(jws);
	cjose_header_release(header);
	cjose_jwk_release(jwk);
	return text && !out->failed ? 0 : -EINVAL;
}
