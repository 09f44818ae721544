#include "test.h"

#include "notifier/close_reason.h"

static void a_reason_tells_who_ended_it(void **state)
{
	assert_string_equal(close_reason_by(CLOSE_slow), "server");
	assert_string_equal(close_reason_by(CLOSE_peer_closed), "client");
	assert_string_equal(close_reason_by(CLOSE_peer_lost), "network");
}

static void a_code_finds_its_first_reason(void **state)
{
	assert_int_equal(close_reason_by_code(4401, CLOSE_forbidden), CLOSE_unauthorized);
	assert_int_equal(close_reason_by_code(4999, CLOSE_signed_out), CLOSE_signed_out);
	assert_int_equal(close_reason_by_code(0, CLOSE_signed_out), CLOSE_signed_out);
}

static void only_a_loss_after_a_hundred_silent_seconds_points_at_cloudflare(void **state)
{
	assert_non_null(close_reason_hint(CLOSE_peer_lost, 100000));
	assert_non_null(close_reason_hint(CLOSE_peer_lost, 95000));
	assert_non_null(close_reason_hint(CLOSE_peer_lost, 130000));
	assert_null(close_reason_hint(CLOSE_peer_lost, 94999));
	assert_null(close_reason_hint(CLOSE_peer_lost, 130001));
	assert_null(close_reason_hint(CLOSE_peer_closed, 100000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reason_tells_who_ended_it), cmocka_unit_test(a_code_finds_its_first_reason),
		cmocka_unit_test(only_a_loss_after_a_hundred_silent_seconds_points_at_cloudflare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
