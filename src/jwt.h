/*
 * Verifies JSON Web Tokens (RFC 7519, 8725): HS256, RS256, ES256, by a secret, PEM keys or a JWKS. An algorithm is taken only
 * from the configured list and only with a key of its own kind, so a public key can never serve as an HMAC secret.
 * libcjose is included by jwt.c and jwt_keys.c only. No clock is read here and nothing is logged.
 */
#ifndef CVPULSE_JWT_H
#define CVPULSE_JWT_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "id.h"
#include "str.h"

enum jwt_result {
#define JWT_RESULT(name, sentence) JWT_##name,
#include "jwt_results.def"
#undef JWT_RESULT
	JWT_RESULT_COUNT
};

const char *jwt_result_name(enum jwt_result r);
const char *jwt_result_sentence(enum jwt_result r);

#define JWT_MAX_BYTES 8192

struct jwt_claims {
	char sub[ID_MAX + 1];
	int64_t exp_s;                  /* since 1970 */
	bool service;                   /* scope holds "service": may name any user */
};

struct jwt_keys;

/* Reads the secret and the PEM files that the configuration names. 0, or -EINVAL with one line in *problem. */
int jwt_keys_load(const struct config *cfg, struct jwt_keys **out, struct buf *problem);
/* The same again after a change; keys from a JWKS stay. -EINVAL: all old keys stay. */
int jwt_keys_reload(struct jwt_keys *keys, const struct config *cfg, struct buf *problem);
void jwt_keys_free(struct jwt_keys *keys);
bool jwt_keys_empty(const struct jwt_keys *keys);
/* Replaces the keys that came from a JWKS (RFC 7517, section 5) by those of this document; keys of unknown kinds are
 * skipped. Returns how many are usable; -EINVAL: not a JWKS, the old keys stay. */
int jwt_keys_set_jwks(struct jwt_keys *keys, struct str document);

/* Checks signature, exp, nbf, aud, iss and sub at wall-clock second now_s. *claims is filled for JWT_ok only. */
enum jwt_result jwt_verify(const struct jwt_keys *keys, const struct config *cfg, struct str token, int64_t now_s,
			   struct jwt_claims *claims);

/* Whose a token says that it is, for a program that was given one to use; nothing is checked. False: it names nobody. */
bool jwt_subject_unchecked(struct str token, char out[ID_MAX + 1]);

/* Makes an HS256 token for tests and for people's scripts (`cvpulse token`); claims is a JSON object. 0 or -errno. */
int jwt_sign_hs256(struct str secret, struct str claims_json, struct buf *out);

/* Reads a secret file without the line end at its end. 0 or -EINVAL with one line in *problem. */
int secret_read(const char *file, struct buf *out, struct buf *problem);

#endif
