/* Loads token keys: the HMAC secret, PEM public keys, JWKS documents. See jwt.h and jwt_keys.h. */
#include "jwt_keys.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

#define SECRET_MAX_BYTES 65536
#define SECRET_MIN_BYTES 16             /* RFC 7518, section 3.2 asks for 32; 16 is where a key can be guessed */
#define RSA_MIN_BITS 2048               /* RFC 7518, section 3.3 */

enum jwt_algorithm jwt_algorithm_by_name(struct str name)
{
	if (str_eq(name, STR("HS256")))
		return ALGORITHM_HS256;
	if (str_eq(name, STR("RS256")))
		return ALGORITHM_RS256;
	if (str_eq(name, STR("ES256")))
		return ALGORITHM_ES256;
	return ALGORITHM_NONE;
}

bool jwt_is_base64url(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
			return false;
	}
	return text.n % 4 != 1;
}

int secret_read(const char *file, struct buf *out, struct buf *problem)
{
	FILE *f = fopen(file, "re");
	char chunk[4096];
	size_t n;

	if (!f) {
		buf_addf(problem, "%s: %s (it must be there, and readable by the user of this program)\n", file, strerror(errno));
		return -EINVAL;
	}
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(out, chunk, n);
	fclose(f);
	explicit_bzero(chunk, sizeof(chunk));
	while (out->n && (out->p[out->n - 1] == '\n' || out->p[out->n - 1] == '\r'))
		out->n--;
	return out->failed ? -EINVAL : 0;
}

static int add_key(struct jwt_keys *keys, enum jwt_algorithm algorithm, cjose_jwk_t *jwk, const char *kid, bool from_jwks)
{
	struct jwt_key *k = &keys->key[keys->n];

	if (!jwk)
		return -EINVAL;
	if (keys->n == JWT_KEYS_MAX || strlen(kid) >= sizeof(k->kid)) {
		cjose_jwk_release(jwk);
		return -E2BIG;
	}
	*k = (struct jwt_key){ .algorithm = algorithm, .from_jwks = from_jwks, .jwk = jwk };
	memcpy(k->kid, kid, strlen(kid) + 1);
	keys->n++;
	return 0;
}

static int load_secret(struct jwt_keys *keys, const char *file, struct buf *problem)
{
	struct buf secret;
	int rc;

	buf_init(&secret, SECRET_MAX_BYTES);
	rc = secret_read(file, &secret, problem);
	if (rc == 0 && secret.n < SECRET_MIN_BYTES) {
		buf_addf(problem, "[auth] jwt_secret_file: %s has %zu bytes; a secret needs at least %d (32 or more is right): openssl rand -hex 32\n",
			 file, secret.n, SECRET_MIN_BYTES);
		rc = -EINVAL;
	}
	if (rc == 0)
		rc = add_key(keys, ALGORITHM_HS256, cjose_jwk_create_oct_spec((const uint8_t *)secret.p, secret.n, NULL), "", false);
	if (secret.p)
		explicit_bzero(secret.p, secret.cap);
	buf_free(&secret);
	return rc;
}

/* One integer of a public key as big-endian bytes, padded to `size` bytes when size is not 0; 0 when it is missing. */
static size_t key_number(EVP_PKEY *pkey, const char *name, uint8_t *out, size_t cap, size_t size)
{
	BIGNUM *bn = NULL;
	size_t n = 0;

	if (EVP_PKEY_get_bn_param(pkey, name, &bn) == 1) {
		n = size ? size : (size_t)BN_num_bytes(bn);
		if (n > cap || BN_bn2binpad(bn, out, (int)n) < 0)
			n = 0;
	}
	BN_free(bn);
	return n;
}

static cjose_jwk_t *rsa_jwk(EVP_PKEY *pkey)
{
	uint8_t n[2048], e[64];
	cjose_jwk_rsa_keyspec spec = { .n = n, .e = e };

	spec.nlen = key_number(pkey, OSSL_PKEY_PARAM_RSA_N, n, sizeof(n), 0);
	spec.elen = key_number(pkey, OSSL_PKEY_PARAM_RSA_E, e, sizeof(e), 0);
	if (!spec.nlen || !spec.elen || EVP_PKEY_get_bits(pkey) < RSA_MIN_BITS)
		return NULL;
	return cjose_jwk_create_RSA_spec(&spec, NULL);
}

static cjose_jwk_t *ec_jwk(EVP_PKEY *pkey)
{
	uint8_t x[32], y[32];
	cjose_jwk_ec_keyspec spec = { .crv = CJOSE_JWK_EC_P_256, .x = x, .y = y };

	if (EVP_PKEY_get_bits(pkey) != 256)
		return NULL;
	spec.xlen = key_number(pkey, OSSL_PKEY_PARAM_EC_PUB_X, x, sizeof(x), 32);
	spec.ylen = key_number(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, y, sizeof(y), 32);
	return spec.xlen && spec.ylen ? cjose_jwk_create_EC_spec(&spec, NULL) : NULL;
}

static int add_public_key(struct jwt_keys *keys, EVP_PKEY *pkey)
{
	switch (EVP_PKEY_get_base_id(pkey)) {
	case EVP_PKEY_RSA:
		return add_key(keys, ALGORITHM_RS256, rsa_jwk(pkey), "", false);
	case EVP_PKEY_EC:
		return add_key(keys, ALGORITHM_ES256, ec_jwk(pkey), "", false);
	default:
		return -EINVAL;
	}
}

/* A file may hold several keys one after the other: that is how a key is changed without a gap. */
static int load_pem(struct jwt_keys *keys, const char *file, struct buf *problem)
{
	FILE *f = fopen(file, "re");
	EVP_PKEY *pkey;
	int found = 0, rc = 0;

	if (!f) {
		buf_addf(problem, "%s: %s (it must be there, and readable by the user of this program)\n", file, strerror(errno));
		return -EINVAL;
	}
	while (rc == 0 && (pkey = PEM_read_PUBKEY(f, NULL, NULL, NULL)) != NULL) {
		rc = add_public_key(keys, pkey);
		EVP_PKEY_free(pkey);
		found++;
	}
	fclose(f);
	if (rc < 0 || found == 0) {
		buf_addf(problem, "[auth] jwt_public_key_file: %s must hold PEM public keys (RSA of %d bits or more, or EC P-256)\n", file, RSA_MIN_BITS);
		return -EINVAL;
	}
	return 0;
}

int jwt_keys_load(const struct config *cfg, struct jwt_keys **out, struct buf *problem)
{
	struct jwt_keys *keys = calloc(1, sizeof(*keys));
	int rc = 0;

	if (!keys)
		return -ENOMEM;
	if (cfg->auth_jwt_secret_file[0])
		rc = load_secret(keys, cfg->auth_jwt_secret_file, problem);
	if (rc == 0 && cfg->auth_jwt_public_key_file[0])
		rc = load_pem(keys, cfg->auth_jwt_public_key_file, problem);
	if (rc < 0) {
		jwt_keys_free(keys);
		return rc;
	}
	*out = keys;
	return 0;
}

void jwt_keys_free(struct jwt_keys *keys)
{
	for (int i = 0; keys && i < keys->n; i++)
		cjose_jwk_release(keys->key[i].jwk);
	free(keys);
}

int jwt_keys_reload(struct jwt_keys *keys, const struct config *cfg, struct buf *problem)
{
	struct jwt_keys *fresh, old = *keys;
	int rc = jwt_keys_load(cfg, &fresh, problem);

	if (rc < 0)
		return rc;
	*keys = *fresh;
	free(fresh);
	for (int i = 0; i < old.n; i++) {
		if (old.key[i].from_jwks && keys->n < JWT_KEYS_MAX)
			keys->key[keys->n++] = old.key[i];
		else
			cjose_jwk_release(old.key[i].jwk);
	}
	return 0;
}

bool jwt_keys_empty(const struct jwt_keys *keys)
{
	return keys->n == 0;
}

static const char *member(const cJSON *object, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

	return s ? s : "";
}

/* The algorithm of a JWK by its kind; an "alg" or "use" that says otherwise makes it unusable here. Symmetric keys have no
 * place in a public document. */
static enum jwt_algorithm jwk_algorithm(const cJSON *item)
{
	const char *kty = member(item, "kty"), *alg = member(item, "alg"), *use = member(item, "use");
	enum jwt_algorithm algorithm = ALGORITHM_NONE;

	if (strcmp(kty, "RSA") == 0)
		algorithm = ALGORITHM_RS256;
	else if (strcmp(kty, "EC") == 0 && strcmp(member(item, "crv"), "P-256") == 0)
		algorithm = ALGORITHM_ES256;
	for (const char *const *name = (const char *const[]){ "n", "e", "x", "y", NULL }; *name; name++)
		if (!jwt_is_base64url(str_c(member(item, *name))))
			return ALGORITHM_NONE; /* libcjose would end the process */
	if ((alg[0] && jwt_algorithm_by_name(str_c(alg)) != algorithm) || (use[0] && strcmp(use, "sig") != 0))
		return ALGORITHM_NONE;
	return algorithm;
}

static bool jwk_strong(const cjose_jwk_t *jwk, enum jwt_algorithm algorithm)
{
	return algorithm != ALGORITHM_RS256 || cjose_jwk_get_keysize(jwk, NULL) >= RSA_MIN_BITS;
}

static void add_jwk(struct jwt_keys *keys, const cJSON *item)
{
	enum jwt_algorithm algorithm = jwk_algorithm(item);
	char *text = algorithm == ALGORITHM_NONE ? NULL : cJSON_PrintUnformatted(item);
	cjose_jwk_t *jwk = text ? cjose_jwk_import(text, strlen(text), NULL) : NULL;

	if (jwk && !jwk_strong(jwk, algorithm)) {
		cjose_jwk_release(jwk);
		jwk = NULL;
	}
	add_key(keys, algorithm, jwk, member(item, "kid"), true);
	cJSON_free(text);
}

static void drop_jwks(struct jwt_keys *keys)
{
	int kept = 0;

	for (int i = 0; i < keys->n; i++) {
		if (keys->key[i].from_jwks)
			cjose_jwk_release(keys->key[i].jwk);
		else
			keys->key[kept++] = keys->key[i];
	}
	keys->n = kept;
}

int jwt_keys_set_jwks(struct jwt_keys *keys, struct str document)
{
	cJSON *root = cJSON_ParseWithLength(document.p, document.n);
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "keys"), *item;
	int before;

	if (!cJSON_IsArray(list)) {
		cJSON_Delete(root);
		return -EINVAL;
	}
	drop_jwks(keys);
	before = keys->n;
	cJSON_ArrayForEach(item, list)
		add_jwk(keys, item);
	cJSON_Delete(root);
	return keys->n - before;
}
