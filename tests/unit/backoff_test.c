/* src/backoff.c: waiting times between attempts. */
#include "test.h"

#include "backoff.h"

static void the_range_doubles_with_each_failure_up_to_the_maximum(void **state)
{
	assert_int_equal(backoff_ms(50, 5000, 0, 49), 50);
	assert_int_equal(backoff_ms(50, 5000, 1, 99), 100);
	assert_int_equal(backoff_ms(50, 5000, 6, 3199), 3200);
	assert_int_equal(backoff_ms(50, 5000, 7, 4999), 5000);
	assert_int_equal(backoff_ms(50, 5000, 1000000, 4999), 5000);
	assert_int_equal(backoff_ms(50, INT64_MAX, 1000000, INT64_MAX - 1), INT64_MAX);
}

static void every_wait_is_within_the_range(void **state)
{
	assert_int_equal(backoff_ms(50, 5000, 0, 0), 1);
	assert_int_equal(backoff_ms(50, 5000, 0, 50), 1);
	assert_in_range(backoff_ms(50, 5000, 3, UINT64_MAX), 1, 400);
	assert_in_range(backoff_ms(50, 10, 0, UINT64_MAX), 1, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_range_doubles_with_each_failure_up_to_the_maximum),
		cmocka_unit_test(every_wait_is_within_the_range),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
