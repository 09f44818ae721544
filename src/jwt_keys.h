/* The keys that tokens are checked with; between jwt.c and jwt_keys.c. */
#ifndef CVPULSE_JWT_KEYS_H
#define CVPULSE_JWT_KEYS_H

#include <cjose/cjose.h>

#include "jwt.h"

#define JWT_KEYS_MAX 64                 /* a JWKS with more is cut; providers publish a handful */

enum jwt_algorithm { ALGORITHM_NONE, ALGORITHM_HS256, ALGORITHM_RS256, ALGORITHM_ES256 };

struct jwt_key {
	enum jwt_algorithm algorithm;   /* the one algorithm this key may be used with */
	bool from_jwks;
	char kid[128];                  /* "" when it has none */
	cjose_jwk_t *jwk;
};

struct jwt_keys {
	struct jwt_key key[JWT_KEYS_MAX];
	int n;
};

enum jwt_algorithm jwt_algorithm_by_name(struct str name);
bool jwt_is_base64url(struct str text); /* unpadded, of a possible length; "" is */

#endif
