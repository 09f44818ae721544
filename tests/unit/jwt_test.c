/* src/jwt.c and src/jwt_keys.c: tokens that are accepted and refused, with keys made at each run. */
#include "test.h"

#include <errno.h>
#include <cjose/cjose.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "jwt.h"

#define NOW_S 1763712000
#define SECRET "0123456789abcdef0123456789abcdef"
#define GOOD_CLAIMS "{\"sub\":\"42\",\"exp\":1763712600}"

struct fixture {
	struct config cfg;
	struct jwt_keys *keys;
	char secret_path[32], pem_path[32];
	struct buf pem;                 /* the public key file's text */
	cjose_jwk_t *rsa, *ec, *other_rsa;
};

static void make_file(char path[32], const char *text)
{
	int fd;

	strcpy(path, "jwt-test-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* An RSA key made by OpenSSL; its public half as PEM, its whole as a JWK for signing. */
static void add_pem(struct fixture *f, EVP_PKEY *pkey)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n;

	assert_int_equal(PEM_write_bio_PUBKEY(bio, pkey), 1);
	n = BIO_get_mem_data(bio, &text);
	buf_add(&f->pem, text, (size_t)n);
	BIO_free(bio);
}

static size_t number(EVP_PKEY *pkey, const char *name, uint8_t *out)
{
	BIGNUM *bn = NULL;
	size_t n;

	assert_int_equal(EVP_PKEY_get_bn_param(pkey, name, &bn), 1);
	n = (size_t)BN_bn2bin(bn, out);
	BN_free(bn);
	return n;
}

static cjose_jwk_t *rsa_signer(EVP_PKEY *pkey)
{
	uint8_t n[512], e[8], d[512];
	cjose_jwk_rsa_keyspec spec = { .n = n, .e = e, .d = d };

	spec.nlen = number(pkey, "n", n);
	spec.elen = number(pkey, "e", e);
	spec.dlen = number(pkey, "d", d);
	return cjose_jwk_create_RSA_spec(&spec, NULL);
}

static cjose_jwk_t *ec_signer(EVP_PKEY *pkey)
{
	uint8_t x[32] = { 0 }, y[32] = { 0 }, d[32] = { 0 }, raw[32];
	cjose_jwk_ec_keyspec spec = { .crv = CJOSE_JWK_EC_P_256, .x = x, .xlen = 32, .y = y, .ylen = 32, .d = d, .dlen = 32 };
	size_t n;

	n = number(pkey, "qx", raw);
	memcpy(x + 32 - n, raw, n);
	n = number(pkey, "qy", raw);
	memcpy(y + 32 - n, raw, n);
	n = number(pkey, "priv", raw);
	memcpy(d + 32 - n, raw, n);
	return cjose_jwk_create_EC_spec(&spec, NULL);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	EVP_PKEY *rsa = EVP_RSA_gen(2048), *ec = EVP_EC_gen("P-256");
	struct config_args none = { .file = "/dev/null" };
	struct buf problem;

	buf_init(&problem, 4096);
	buf_init(&f->pem, 8192);
	add_pem(f, rsa);
	add_pem(f, ec);
	buf_add(&f->pem, "", 1);
	make_file(f->secret_path, SECRET "\n");
	make_file(f->pem_path, f->pem.p);
	assert_int_equal(config_load(&f->cfg, &none, &problem), 0);
	free(f->cfg.auth_jwt_secret_file);
	free(f->cfg.auth_jwt_public_key_file);
	f->cfg.auth_jwt_secret_file = strdup(f->secret_path);
	f->cfg.auth_jwt_public_key_file = strdup(f->pem_path);
	assert_int_equal(jwt_keys_load(&f->cfg, &f->keys, &problem), 0);
	f->rsa = rsa_signer(rsa);
	f->ec = ec_signer(ec);
	f->other_rsa = cjose_jwk_create_RSA_random(2048, (const uint8_t *)"\x01\x00\x01", 3, NULL);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
	buf_free(&problem);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	unlink(f->secret_path);
	unlink(f->pem_path);
	jwt_keys_free(f->keys);
	cjose_jwk_release(f->rsa);
	cjose_jwk_release(f->ec);
	cjose_jwk_release(f->other_rsa);
	buf_free(&f->pem);
	config_free(&f->cfg);
	free(f);
	return 0;
}

static char *sign(cjose_jwk_t *jwk, const char *alg, const char *kid, const char *claims)
{
	cjose_header_t *header = cjose_header_new(NULL);
	const char *text;
	cjose_jws_t *jws;
	char *copy;

	assert_true(cjose_header_set(header, "alg", alg, NULL));
	if (kid)
		assert_true(cjose_header_set(header, "kid", kid, NULL));
	jws = cjose_jws_sign(jwk, header, (const uint8_t *)claims, strlen(claims), NULL);
	assert_non_null(jws);
	assert_true(cjose_jws_export(jws, &text, NULL));
	copy = strdup(text);
	cjose_jws_release(jws);
	cjose_header_release(header);
	return copy;
}

static enum jwt_result verify(struct fixture *f, const char *token, struct jwt_claims *claims)
{
	return jwt_verify(f->keys, &f->cfg, str_c(token), NOW_S, claims);
}

static enum jwt_result verify_signed(struct fixture *f, cjose_jwk_t *jwk, const char *alg, const char *kid, const char *claims_json)
{
	struct jwt_claims claims;
	char *token = sign(jwk, alg, kid, claims_json);
	enum jwt_result result = verify(f, token, &claims);

	free(token);
	return result;
}

static enum jwt_result verify_claims(struct fixture *f, const char *claims_json)
{
	struct jwt_claims claims;
	enum jwt_result result;
	struct buf token;

	buf_init(&token, 8192);
	assert_int_equal(jwt_sign_hs256(STR(SECRET), str_c(claims_json), &token), 0);
	result = jwt_verify(f->keys, &f->cfg, buf_str(&token), NOW_S, &claims);
	buf_free(&token);
	return result;
}

static void every_allowed_algorithm_is_accepted_with_its_key(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(verify_claims(f, GOOD_CLAIMS), JWT_ok);
	assert_int_equal(verify_signed(f, f->rsa, "RS256", NULL, GOOD_CLAIMS), JWT_ok);
	assert_int_equal(verify_signed(f, f->ec, "ES256", NULL, GOOD_CLAIMS), JWT_ok);
}

static void the_claims_are_handed_out(void **state)
{
	struct fixture *f = *state;
	struct jwt_claims claims;
	char *token = sign(f->rsa, "RS256", NULL, "{\"sub\":\"jane@example.org\",\"exp\":1763712600,\"scope\":\"read service\"}");

	assert_int_equal(verify(f, token, &claims), JWT_ok);
	assert_string_equal(claims.sub, "jane@example.org");
	assert_int_equal(claims.exp_s, 1763712600);
	assert_true(claims.service);
	free(token);
}

static void a_scope_that_only_contains_the_word_is_no_service(void **state)
{
	struct fixture *f = *state;
	struct jwt_claims claims;
	char *token = sign(f->rsa, "RS256", NULL, "{\"sub\":\"42\",\"exp\":1763712600,\"scope\":\"services no-service\"}");

	assert_int_equal(verify(f, token, &claims), JWT_ok);
	assert_false(claims.service);
	free(token);
}

static void a_public_key_never_serves_as_an_hmac_secret(void **state)
{
	struct fixture *f = *state;
	cjose_jwk_t *confused = cjose_jwk_create_oct_spec((const uint8_t *)f->pem.p, f->pem.n - 1, NULL);

	assert_int_equal(verify_signed(f, confused, "HS256", NULL, GOOD_CLAIMS), JWT_signature);
	cjose_jwk_release(confused);
}

static void an_algorithm_outside_the_list_is_refused(void **state)
{
	struct fixture *f = *state;
	struct jwt_claims claims;

	assert_int_equal(verify(f, "eyJhbGciOiJub25lIn0.eyJzdWIiOiI0MiIsImV4cCI6MTc2MzcxMjYwMH0.", &claims), JWT_algorithm);
	assert_int_equal(verify_signed(f, f->rsa, "RS384", NULL, GOOD_CLAIMS), JWT_algorithm);
	free(f->cfg.auth_algorithms);
	f->cfg.auth_algorithms = strdup("RS256, ES256");
	assert_int_equal(verify_claims(f, GOOD_CLAIMS), JWT_algorithm);
}

static void a_wrong_signature_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(verify_signed(f, f->other_rsa, "RS256", NULL, GOOD_CLAIMS), JWT_signature);
}

static void what_is_no_token_is_refused(void **state)
{
	static const char *const bad[] = { "x", "a.b", "..", "a.b.c", "e30.e30.e30", "eyJhbGciOiJIUzI1NiJ9..", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA.x",
		"eyJhb=ciOiJIUzI0NiJ0AAA.e30.AAAA", "eyJhbGciOiJIUzI1NiJ9.e30.A", NULL };
	struct fixture *f = *state;
	struct jwt_claims claims;
	char *huge = malloc(JWT_MAX_BYTES + 2);

	for (int i = 0; bad[i]; i++)
		assert_int_not_equal(verify(f, bad[i], &claims), JWT_ok);
	memset(huge, 'a', JWT_MAX_BYTES + 1);
	huge[JWT_MAX_BYTES + 1] = '\0';
	assert_int_equal(verify(f, huge, &claims), JWT_malformed);
	assert_int_equal(verify(f, "", &claims), JWT_missing);
	free(huge);
}

static void times_are_checked_with_the_leeway(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(verify_claims(f, "{\"sub\":\"42\",\"exp\":1763711941}"), JWT_ok);
	assert_int_equal(verify_claims(f, "{\"sub\":\"42\",\"exp\":1763711940}"), JWT_expired);
	assert_int_equal(verify_claims(f, "{\"sub\":\"42\",\"exp\":1763712600,\"nbf\":1763712060}"), JWT_ok);
	assert_int_equal(verify_claims(f, "{\"sub\":\"42\",\"exp\":1763712600,\"nbf\":1763712061}"), JWT_not_yet_valid);
}

static void sub_and_exp_are_required(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(verify_claims(f, "{\"sub\":\"42\"}"), JWT_bad_claims);
	assert_int_equal(verify_claims(f, "{\"exp\":1763712600}"), JWT_bad_claims);
	assert_int_equal(verify_claims(f, "{\"sub\":\"a b\",\"exp\":1763712600}"), JWT_bad_claims);
	assert_int_equal(verify_claims(f, "{\"sub\":\"42\",\"exp\":\"1763712600\"}"), JWT_bad_claims);
	assert_int_equal(verify_claims(f, "{\"sub\":42,\"exp\":1763712600}"), JWT_bad_claims);
	assert_int_equal(verify_claims(f, "{\"sub\":\"42\",\"exp\":1e300}"), JWT_bad_claims);
	assert_int_equal(verify_claims(f, "[]"), JWT_bad_claims);
	assert_int_equal(verify_claims(f, "{\"exp\":1763712600,\"scope\":\"service\"}"), JWT_ok);
}

static void audience_and_issuer_are_checked_when_configured(void **state)
{
	struct fixture *f = *state;

	free(f->cfg.auth_audience);
	free(f->cfg.auth_issuer);
	f->cfg.auth_audience = strdup("cvpulse");
	f->cfg.auth_issuer = strdup("https://login.example.org");
	assert_int_equal(verify_claims(f, GOOD_CLAIMS), JWT_wrong_audience);
	assert_int_equal(verify_claims(f, "{\"sub\":\"42\",\"exp\":1763712600,\"aud\":\"other\"}"), JWT_wrong_audience);
	assert_int_equal(verify_claims(f, "{\"sub\":\"42\",\"exp\":1763712600,\"aud\":[\"other\",\"cvpulse\"]}"), JWT_wrong_issuer);
	assert_int_equal(verify_claims(f, "{\"sub\":\"42\",\"exp\":1763712600,\"aud\":\"cvpulse\",\"iss\":\"https://login.example.org\"}"), JWT_ok);
}

static void jwks_keys_are_found_by_name_and_replaced(void **state)
{
	struct fixture *f = *state;
	char *public_key = cjose_jwk_to_json(f->other_rsa, false, NULL), document[2048];
	int n = snprintf(document, sizeof(document), "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"},{\"kid\":\"one\",%s]}", public_key + 1);

	assert_int_equal(jwt_keys_set_jwks(f->keys, str_of(document, (size_t)n)), 1);
	assert_int_equal(verify_signed(f, f->other_rsa, "RS256", "one", GOOD_CLAIMS), JWT_ok);
	assert_int_equal(verify_signed(f, f->ec, "ES256", NULL, GOOD_CLAIMS), JWT_ok);
	assert_int_equal(jwt_keys_set_jwks(f->keys, STR("not json")), -EINVAL);
	assert_int_equal(verify_signed(f, f->other_rsa, "RS256", "one", GOOD_CLAIMS), JWT_ok);
	assert_int_equal(jwt_keys_set_jwks(f->keys, STR("{\"keys\":[]}")), 0);
	assert_int_equal(verify_signed(f, f->other_rsa, "RS256", "one", GOOD_CLAIMS), JWT_unknown_key);
	free(public_key);
}

static void a_key_name_that_nobody_has_is_told_apart(void **state)
{
	struct fixture *f = *state;
	char *public_key = cjose_jwk_to_json(f->other_rsa, false, NULL), document[2048];
	struct jwt_keys *keys;
	struct jwt_claims claims;
	struct buf problem;
	char *token = sign(f->other_rsa, "RS256", "two", GOOD_CLAIMS);
	int n = snprintf(document, sizeof(document), "{\"keys\":[{\"kid\":\"one\",%s]}", public_key + 1);

	buf_init(&problem, 1024);
	free(f->cfg.auth_jwt_secret_file);
	free(f->cfg.auth_jwt_public_key_file);
	f->cfg.auth_jwt_secret_file = strdup("");
	f->cfg.auth_jwt_public_key_file = strdup("");
	assert_int_equal(jwt_keys_load(&f->cfg, &keys, &problem), 0);
	assert_true(jwt_keys_empty(keys));
	assert_int_equal(jwt_keys_set_jwks(keys, str_of(document, (size_t)n)), 1);
	assert_int_equal(jwt_verify(keys, &f->cfg, str_c(token), NOW_S, &claims), JWT_unknown_key);
	jwt_keys_free(keys);
	free(public_key);
	free(token);
}

static void weak_or_missing_keys_are_named(void **state)
{
	struct fixture *f = *state;
	struct jwt_keys *keys;
	struct buf problem;
	char path[32];

	buf_init(&problem, 1024);
	make_file(path, "short\n");
	free(f->cfg.auth_jwt_secret_file);
	f->cfg.auth_jwt_secret_file = strdup(path);
	assert_int_equal(jwt_keys_load(&f->cfg, &keys, &problem), -EINVAL);
	assert_non_null(memmem(problem.p, problem.n, "jwt_secret_file", 15));
	unlink(path);
	assert_int_equal(jwt_keys_load(&f->cfg, &keys, &problem), -EINVAL);
	buf_free(&problem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_allowed_algorithm_is_accepted_with_its_key, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_claims_are_handed_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_scope_that_only_contains_the_word_is_no_service, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_public_key_never_serves_as_an_hmac_secret, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_algorithm_outside_the_list_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_wrong_signature_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_token_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(times_are_checked_with_the_leeway, set_up, tear_down),
		cmocka_unit_test_setup_teardown(sub_and_exp_are_required, set_up, tear_down),
		cmocka_unit_test_setup_teardown(audience_and_issuer_are_checked_when_configured, set_up, tear_down),
		cmocka_unit_test_setup_teardown(jwks_keys_are_found_by_name_and_replaced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_key_name_that_nobody_has_is_told_apart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(weak_or_missing_keys_are_named, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
