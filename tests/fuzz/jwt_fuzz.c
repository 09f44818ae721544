/* Tokens and JWKS documents. The first byte chooses which; a token's parts are also tried with a good signature over them. */
#include <stdlib.h>

#include "jwt.h"
#include "jwt_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct config cfg = { .auth_algorithms = (char[]){ "HS256,RS256,ES256" }, .auth_audience = (char[]){ "" }, .auth_issuer = (char[]){ "" } };

static struct jwt_keys *keys_make(void)
{
	struct jwt_keys *keys = calloc(1, sizeof(*keys));

	keys->key[0] = (struct jwt_key){ .algorithm = ALGORITHM_HS256, .jwk = cjose_jwk_create_oct_spec((const uint8_t *)"0123456789abcdef", 16, NULL) };
	keys->n = 1;
	return keys;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct jwt_keys *keys;
	struct jwt_claims claims;
	struct buf token;

	if (!keys)
		keys = keys_make();
	if (size < 1)
		return 0;
	if (data[0] == 'j') {
		jwt_keys_set_jwks(keys, str_of(data + 1, size - 1));
		return 0;
	}
	jwt_verify(keys, &cfg, str_of(data + 1, size - 1), 1763712000, &claims);
	buf_init(&token, 65536);
	if (jwt_sign_hs256(STR("0123456789abcdef"), str_of(data + 1, size - 1), &token) == 0)
		jwt_verify(keys, &cfg, buf_str(&token), 1763712000, &claims);
	buf_free(&token);
	return 0;
}
