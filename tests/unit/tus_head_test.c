/* Unit tests of worker/tus_head.c. */
#include <errno.h>

#include "test.h"
#include "tus_head.h"

static void base64_is_read_strictly(void **state)
{
	char out[16];

	assert_int_equal(base64_decode(STR(""), out, sizeof(out)), 0);
	assert_int_equal(base64_decode(STR("aGVsbG8="), out, sizeof(out)), 5);
	assert_memory_equal(out, "hello", 5);
	assert_int_equal(base64_decode(STR("+/8="), out, sizeof(out)), 2);
	assert_memory_equal(out, "\xfb\xff", 2);
	for (size_t i = 0; i < 9; i++) {
		static const char *const bad[] = { "a", "aGVsbG8", "aGVsbG9=", "aGV bG8=", "=", "====", "aG=sbG8=", "aGVsbG8=aGVsbG8=", "a-_=" };

		assert_int_equal(base64_decode(str_c(bad[i]), out, sizeof(out)), -EINVAL);
	}
	assert_int_equal(base64_decode(STR("aGVsbG8="), out, 4), -EINVAL);
}

static void metadata_is_a_list_of_pairs(void **state)
{
	const struct str header = STR("filename Y3YudHh0, flag ,empty,batch_id YjE=");
	char out[16];

	assert_true(tus_metadata_valid(header));
	assert_int_equal(tus_metadata_get(header, "filename", out, sizeof(out)), 6);
	assert_string_equal(out, "cv.txt");
	assert_int_equal(tus_metadata_get(header, "batch_id", out, sizeof(out)), 2);
	assert_int_equal(tus_metadata_get(header, "flag", out, sizeof(out)), 0);
	assert_int_equal(tus_metadata_get(header, "empty", out, sizeof(out)), 0);
	assert_int_equal(tus_metadata_get(header, "file", out, sizeof(out)), -ENOENT);
	assert_int_equal(tus_metadata_get(header, "filename", out, 6), -EMSGSIZE);
	assert_int_equal(tus_metadata_get(str_of(NULL, 0), "filename", out, 6), -ENOENT);
}

static void malformed_metadata_is_refused(void **state)
{
	static const char *const bad[] = { ",", "a YQ==,", "a x", "a YQ==,a YQ==", "a YQ== YQ==" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(tus_metadata_valid(str_c(bad[i])));
	assert_true(tus_metadata_valid(str_of(NULL, 0)));
	assert_true(tus_metadata_valid(STR("a YQ==")));
}

static void a_checksum_has_a_known_algorithm_and_its_length(void **state)
{
	struct tus_checksum c;

	assert_int_equal(tus_checksum_parse(STR("sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk="), &c), 0);
	assert_int_equal(c.algorithm, TUS_SHA1);
	assert_int_equal(c.n, 20);
	assert_int_equal(tus_checksum_parse(STR("sha256 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="), &c), 0);
	assert_int_equal(c.algorithm, TUS_SHA256);
	assert_int_equal(tus_checksum_parse(STR("md5 1B2M2Y8AsgTpgAmY7PhCfg=="), &c), -ENOTSUP);
	assert_int_equal(tus_checksum_parse(STR("sha1"), &c), -EINVAL);
	assert_int_equal(tus_checksum_parse(STR("sha1 "), &c), -EINVAL);
	assert_int_equal(tus_checksum_parse(STR("sha256 2jmj7l5rSw0yVb/vlWAYkK/YBwk="), &c), -EINVAL);
	assert_int_equal(tus_checksum_parse(STR(" 2jmj7l5rSw0yVb/vlWAYkK/YBwk="), &c), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_is_read_strictly),
		cmocka_unit_test(metadata_is_a_list_of_pairs),
		cmocka_unit_test(malformed_metadata_is_refused),
		cmocka_unit_test(a_checksum_has_a_known_algorithm_and_its_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
