/* src/json_member.c: raw members of valid objects, and safety on anything else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "json_member.h"

static void expect(const char *object, const char *name, const char *value)
{
	struct str found = json_member(str_c(object), name);

	if (!value) {
		assert_null(found.p);
		return;
	}
	assert_int_equal(found.n, strlen(value));
	assert_memory_equal(found.p, value, found.n);
}

static void a_member_comes_out_byte_for_byte(void **state)
{
	expect("{\"a\":1,\"resume\":{\"x\":[],\"y\":{}, \"z\":0.10},\"b\":2}", "resume", "{\"x\":[],\"y\":{}, \"z\":0.10}");
	expect(" { \"a\" : \"b\" , \"c\" : -1.5e3 } ", "a", "\"b\"");
	expect(" { \"a\" : \"b\" , \"c\" : -1.5e3 } ", "c", "-1.5e3");
}

static void only_the_outermost_object_counts(void **state)
{
	expect("{\"a\":{\"b\":1},\"c\":[{\"b\":2}],\"b\":3}", "b", "3");
	expect("{\"a\":{\"b\":1}}", "b", NULL);
}

static void brackets_and_quotes_inside_strings_do_not_count(void **state)
{
	expect("{\"a\":\"}]\\\",\\\\\",\"b\":true}", "a", "\"}]\\\",\\\\\"");
	expect("{\"a\":\"}]\\\",\\\\\",\"b\":true}", "b", "true");
}

static void what_is_missing_or_no_object_gives_nothing(void **state)
{
	expect("{}", "a", NULL);
	expect("{\"a\":1}", "b", NULL);
	expect("[1]", "a", NULL);
	expect("", "a", NULL);
}

static void every_truncation_is_safe(void **state)
{
	static const char text[] = "{\"a\":{\"b\":[1,\"\\\"\"]},\"c\":\"d\"}";

	for (size_t n = 0; n < sizeof(text); n++) {
		json_member(str_of(text, n), "c");
		json_member(str_of(text, n), "a");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_member_comes_out_byte_for_byte),
		cmocka_unit_test(only_the_outermost_object_counts),
		cmocka_unit_test(brackets_and_quotes_inside_strings_do_not_count),
		cmocka_unit_test(what_is_missing_or_no_object_gives_nothing),
		cmocka_unit_test(every_truncation_is_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
