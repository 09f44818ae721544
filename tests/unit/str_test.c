/* src/str.c: slices, numbers from outside, UTF-8, URLs, buffers. */
#include "test.h"

#include <errno.h>
#include <stdlib.h>

static void a_cut_ends_with_a_null_slice(void **state)
{
	struct str rest = STR("a,,b");

	assert_str_equal(str_cut(&rest, ','), "a");
	assert_str_equal(str_cut(&rest, ','), "");
	assert_non_null(rest.p);
	assert_str_equal(str_cut(&rest, ','), "b");
	assert_null(rest.p);
	assert_int_equal(str_cut(&rest, ',').n, 0);
}

static void a_trailing_separator_leaves_an_empty_rest_that_is_not_null(void **state)
{
	struct str rest = STR("key=");

	assert_str_equal(str_cut(&rest, '='), "key");
	assert_non_null(rest.p);
	assert_int_equal(rest.n, 0);
}

static void trim_takes_spaces_and_tabs_off_both_ends(void **state)
{
	assert_str_equal(str_trim(STR(" \ta b\t ")), "a b");
	assert_str_equal(str_trim(STR(" \t ")), "");
	assert_str_equal(str_trim(STR("")), "");
}

static void skipping_more_than_there_is_gives_nothing(void **state)
{
	assert_str_equal(str_skip(STR("abc"), 2), "c");
	assert_str_equal(str_skip(STR("abc"), 4), "");
}

static void comparing_without_case_is_for_ascii_only(void **state)
{
	assert_true(str_eq_nocase(STR("Content-LENGTH"), STR("content-length")));
	assert_false(str_eq_nocase(STR("\xC4"), STR("\xE4")));
	assert_false(str_eq_nocase(STR("ab"), STR("abc")));
}

static int number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	return str_to_u64(str_c(text), min, max, out);
}

static void only_plain_digits_are_a_number(void **state)
{
	static const char *const bad[] = { "", " 1", "1 ", "+1", "-1", "0x1", "1.0", "1e3", "\xD9\xA1", NULL };
	uint64_t v = 77;

	for (int i = 0; bad[i]; i++)
		assert_int_equal(number(bad[i], 0, UINT64_MAX, &v), -EINVAL);
	assert_int_equal(str_to_u64(str_of("1\0", 2), 0, 9, &v), -EINVAL);
	assert_int_equal(v, 77);
	assert_int_equal(number("007", 0, 9, &v), 0);
	assert_int_equal(v, 7);
}

static void numbers_know_their_limits(void **state)
{
	uint64_t v = 77;

	assert_int_equal(number("18446744073709551615", 0, UINT64_MAX, &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(number("18446744073709551616", 0, UINT64_MAX, &v), -ERANGE);
	assert_int_equal(number("99999999999999999999999", 0, UINT64_MAX, &v), -ERANGE);
	assert_int_equal(number("4", 5, 9, &v), -ERANGE);
	assert_int_equal(number("10", 5, 9, &v), -ERANGE);
	/* Digits behind an overflow are still checked: this is no number at all. */
	assert_int_equal(number("99999999999999999999999x", 0, UINT64_MAX, &v), -EINVAL);
}

static int ms_of(const char *text, int64_t max_ms)
{
	int64_t ms;
	int rc = str_to_ms(str_c(text), max_ms, &ms);

	return rc < 0 ? rc : (int)ms;
}

static void seconds_become_milliseconds(void **state)
{
	assert_int_equal(ms_of("0", 9000), 0);
	assert_int_equal(ms_of("1.5", 9000), 1500);
	assert_int_equal(ms_of("0.05", 9000), 50);
	assert_int_equal(ms_of("0.0019", 9000), 1);
	assert_int_equal(ms_of("9", 9000), 9000);
	assert_int_equal(ms_of("9.001", 9000), -ERANGE);
	assert_int_equal(ms_of("10", 9000), -ERANGE);
}

static void odd_seconds_are_refused(void **state)
{
	static const char *const bad[] = { "", ".", ".5", "1.", "1.5.5", "-1", "1,5", "1s", "1.5s", " 1", "1e1", "inf", "nan", NULL };

	for (int i = 0; bad[i]; i++)
		assert_int_equal(ms_of(bad[i], 9000), -EINVAL);
}

static void utf8_follows_rfc_3629(void **state)
{
	static const char *const good[] = { "", "a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xF4\x8F\xBF\xBF", NULL };
	static const char *const bad[] = { "\x80", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3(", "\xE0\x9F\xBF", "\xE2\x82", "\xE2\x28\xA1", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
					   "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xF0\x9F\x98", "\xF0\x9F\x98(", "\xFF", NULL };

	for (int i = 0; good[i]; i++)
		assert_true(utf8_valid(good[i], strlen(good[i])));
	for (int i = 0; bad[i]; i++)
		assert_false(utf8_valid(bad[i], strlen(bad[i])));
}

static void url_escapes_are_decoded(void **state)
{
	char out[8];

	assert_int_equal(url_decode(STR("a%2Fb%2f"), false, out, sizeof(out)), 4);
	assert_string_equal(out, "a/b/");
	assert_int_equal(url_decode(STR("a+b"), false, out, sizeof(out)), 3);
	assert_string_equal(out, "a+b");
	assert_int_equal(url_decode(STR("a+b"), true, out, sizeof(out)), 3);
	assert_string_equal(out, "a b");
	assert_int_equal(url_decode(STR(""), false, out, sizeof(out)), 0);
	assert_int_equal(url_decode(STR("1234567"), false, out, sizeof(out)), 7);
}

static void bad_url_escapes_are_refused(void **state)
{
	static const char *const bad[] = { "%", "%4", "a%4", "%zz", "%4g", "%00", "12345678", NULL };
	char out[8];

	for (int i = 0; bad[i]; i++)
		assert_int_equal(url_decode(str_c(bad[i]), false, out, sizeof(out)), -EINVAL);
	assert_int_equal(url_decode(str_of("a\0b", 3), false, out, sizeof(out)), -EINVAL);
	assert_int_equal(url_decode(STR(""), false, out, 0), -EINVAL);
}

static void the_first_value_of_a_query_key_counts(void **state)
{
	char out[16];

	assert_int_equal(query_get(STR("a=1&b=x%26y&a=2"), "a", out, sizeof(out)), 1);
	assert_string_equal(out, "1");
	assert_int_equal(query_get(STR("a=1&b=x%26y"), "b", out, sizeof(out)), 3);
	assert_string_equal(out, "x&y");
	assert_int_equal(query_get(STR("a=1&snapshot&c"), "snapshot", out, sizeof(out)), 0);
	assert_int_equal(query_get(STR("%61fter=3"), "after", out, sizeof(out)), 1);
	assert_int_equal(query_get(STR("ab=1&&=&"), "a", out, sizeof(out)), -ENOENT);
	assert_int_equal(query_get(STR(""), "a", out, sizeof(out)), -ENOENT);
	assert_int_equal(query_get(STR("a=%2"), "a", out, sizeof(out)), -EINVAL);
	assert_int_equal(query_get(STR("a=0123456789abcdef"), "a", out, sizeof(out)), -EINVAL);
}

static void a_buffer_stops_at_its_maximum_and_says_so(void **state)
{
	struct buf b;

	buf_init(&b, 10);
	buf_addz(&b, "12345");
	buf_addz(&b, "67890");
	assert_false(b.failed);
	assert_int_equal(b.n, 10);
	buf_addz(&b, "x");
	assert_true(b.failed);
	assert_str_equal(buf_str(&b), "1234567890");
	buf_clear(&b);
	assert_false(b.failed);
	buf_addf(&b, "%d-%s", 42, "abc");
	assert_str_equal(buf_str(&b), "42-abc");
	buf_free(&b);
	assert_int_equal(b.n, 0);
}

static void formatted_text_may_fill_a_buffer_to_the_last_byte(void **state)
{
	struct buf b;

	buf_init(&b, 8);
	buf_addf(&b, "%s", "12345678");
	assert_false(b.failed);
	assert_str_equal(buf_str(&b), "12345678");
	buf_addf(&b, "%s", "");
	assert_false(b.failed);
	buf_addf(&b, "%s", "9");
	assert_true(b.failed);
	buf_free(&b);
}

static void nothing_is_added_after_a_failure(void **state)
{
	struct buf b;

	buf_init(&b, 4);
	buf_addz(&b, "12345");
	buf_addz(&b, "1");
	assert_true(b.failed);
	assert_int_equal(b.n, 0);
	assert_false(buf_reserve(&b, 1));
	buf_free(&b);
}

static void json(const char *p, size_t n, const char *expected)
{
	struct buf b;

	buf_init(&b, 1024);
	buf_add_json(&b, str_of(p, n));
	buf_add(&b, "", 1);
	assert_false(b.failed);
	assert_string_equal(b.p, expected);
	buf_free(&b);
}
#define JSON(in, out) json(in, sizeof(in) - 1, out)

static void json_strings_are_always_valid(void **state)
{
	JSON("", "\"\"");
	JSON("plain", "\"plain\"");
	JSON("\"\\\n\r\t\b\x01\x1F", "\"\\\"\\\\\\n\\r\\t\\u0008\\u0001\\u001f\"");
	JSON("a\0b", "\"a\\u0000b\"");
	JSON("\x7F", "\"\\u007f\"");
	JSON("\xC3\xA9\xF0\x9F\x98\x80", "\"\xC3\xA9\xF0\x9F\x98\x80\"");
	JSON("\xC3", "\"\xEF\xBF\xBD\"");
	JSON("a\xFF" "b\xED\xA0\x80", "\"a\xEF\xBF\xBD" "b\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cut_ends_with_a_null_slice),
		cmocka_unit_test(a_trailing_separator_leaves_an_empty_rest_that_is_not_null),
		cmocka_unit_test(trim_takes_spaces_and_tabs_off_both_ends),
		cmocka_unit_test(skipping_more_than_there_is_gives_nothing),
		cmocka_unit_test(comparing_without_case_is_for_ascii_only),
		cmocka_unit_test(only_plain_digits_are_a_number),
		cmocka_unit_test(numbers_know_their_limits),
		cmocka_unit_test(seconds_become_milliseconds),
		cmocka_unit_test(odd_seconds_are_refused),
		cmocka_unit_test(utf8_follows_rfc_3629),
		cmocka_unit_test(url_escapes_are_decoded),
		cmocka_unit_test(bad_url_escapes_are_refused),
		cmocka_unit_test(the_first_value_of_a_query_key_counts),
		cmocka_unit_test(a_buffer_stops_at_its_maximum_and_says_so),
		cmocka_unit_test(formatted_text_may_fill_a_buffer_to_the_last_byte),
		cmocka_unit_test(nothing_is_added_after_a_failure),
		cmocka_unit_test(json_strings_are_always_valid),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
