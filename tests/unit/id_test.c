/* src/id.c: identifiers that are accepted, made, and read from Redis. */
#include "test.h"

#include <errno.h>

#include "id.h"

static void ids_are_made_of_the_allowed_characters(void **state)
{
	char long_id[ID_MAX + 1];

	memset(long_id, 'a', sizeof(long_id));
	assert_true(id_valid(STR("42")));
	assert_true(id_valid(STR("AZaz09._@|+~=-")));
	assert_true(id_valid(str_of(long_id, ID_MAX)));
	assert_false(id_valid(str_of(long_id, ID_MAX + 1)));
	assert_false(id_valid(STR("")));
	assert_false(id_valid(STR("a b")));
	assert_false(id_valid(STR("a:b")));
	assert_false(id_valid(STR("a/b")));
	assert_false(id_valid(STR("a{b}")));
	assert_false(id_valid(STR("a*")));
	assert_false(id_valid(STR("a\0b")));
	assert_false(id_valid(STR("a\n")));
	assert_false(id_valid(STR("\xC3\xA9")));
}

static void a_new_id_is_valid_and_different_each_time(void **state)
{
	char one[ID_NEW_SIZE], two[ID_NEW_SIZE];

	id_new('c', one);
	id_new('c', two);
	assert_int_equal(one[0], 'c');
	assert_int_equal(strlen(one), ID_NEW_SIZE - 1);
	assert_true(id_valid(str_c(one)));
	assert_string_not_equal(one, two);
}

static void a_stream_id_survives_the_way_there_and_back(void **state)
{
	static const char *const good[] = { "0-0", "1763712000000-1", "18446744073709551615-18446744073709551615", NULL };
	char text[STREAM_ID_SIZE];
	struct stream_id id;

	for (int i = 0; good[i]; i++) {
		assert_int_equal(stream_id_parse(str_c(good[i]), &id), 0);
		stream_id_format(id, text);
		assert_string_equal(text, good[i]);
	}
}

static void odd_stream_ids_are_refused(void **state)
{
	static const char *const bad[] = { "", "-", "1", "1-", "-1", "1-2-3", "1--2", " 1-2", "1-2 ", "a-1", "18446744073709551616-0", "000000000000000000001-0", NULL };
	struct stream_id id;

	for (int i = 0; bad[i]; i++)
		assert_int_equal(stream_id_parse(str_c(bad[i]), &id), -EINVAL);
}

static void stream_ids_have_an_order(void **state)
{
	struct stream_id a = { 5, 9 }, b = { 6, 0 }, c = { 6, 1 };

	assert_true(stream_id_compare(a, b) < 0);
	assert_true(stream_id_compare(c, b) > 0);
	assert_int_equal(stream_id_compare(b, b), 0);
	assert_true(stream_id_is_zero((struct stream_id){ 0, 0 }));
	assert_false(stream_id_is_zero((struct stream_id){ 0, 1 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_made_of_the_allowed_characters),
		cmocka_unit_test(a_new_id_is_valid_and_different_each_time),
		cmocka_unit_test(a_stream_id_survives_the_way_there_and_back),
		cmocka_unit_test(odd_stream_ids_are_refused),
		cmocka_unit_test(stream_ids_have_an_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
