#include "test.h"

#include "rate.h"

static int take_all(struct bucket *b, int64_t per_s, int64_t burst, int64_t now_ms)
{
	int n = 0;

	while (n < 100000 && bucket_take(b, per_s, burst, now_ms))
		n++;
	return n;
}

static void a_bucket_gives_its_burst_and_then_its_rate(void **state)
{
	struct bucket b = { 0 };

	assert_int_equal(take_all(&b, 10, 100, 5000), 100);
	assert_int_equal(take_all(&b, 10, 100, 5099), 0);
	assert_int_equal(take_all(&b, 10, 100, 5100), 1);
	assert_int_equal(take_all(&b, 10, 100, 6100), 10);
	assert_int_equal(take_all(&b, 10, 100, 1000000), 100);
}

static void a_rate_of_zero_is_no_limit(void **state)
{
	struct bucket b = { 0 };

	assert_int_equal(take_all(&b, 0, 1, 1), 100000);
}

static struct ip address(const char *text)
{
	struct ip ip;

	assert_int_equal(ip_parse(str_c(text), &ip), 0);
	return ip;
}

static void addresses_have_their_own_buckets(void **state)
{
	struct rate_table *t = rate_table_new(7);
	struct ip a = address("192.0.2.1"), b = address("192.0.2.2");

	assert_true(rate_table_take(t, &a, 1, 1, 1000));
	assert_false(rate_table_take(t, &a, 1, 1, 1000));
	assert_true(rate_table_take(t, &b, 1, 1, 1000));
	rate_table_free(t);
}

static void ipv6_addresses_of_one_network_share_a_bucket(void **state)
{
	struct rate_table *t = rate_table_new(7);
	struct ip a = address("2001:db8::1"), b = address("2001:db8::ffff:2"), c = address("2001:db8:0:1::1");

	assert_true(rate_table_take(t, &a, 1, 1, 1000));
	assert_false(rate_table_take(t, &b, 1, 1, 1000));
	assert_true(rate_table_take(t, &c, 1, 1, 1000));
	rate_table_free(t);
}

static void a_unix_socket_is_not_limited(void **state)
{
	struct rate_table *t = rate_table_new(7);
	struct ip ip = { .is_unix = true };

	for (int i = 0; i < 100; i++)
		assert_true(rate_table_take(t, &ip, 1, 1, 1000));
	rate_table_free(t);
}

static void a_busy_address_is_not_forgotten_for_new_ones(void **state)
{
	struct rate_table *t = rate_table_new(3);
	struct ip busy = address("198.51.100.7"), other = address("10.0.0.0");

	for (int i = 0; i < 50; i++)
		assert_true(rate_table_take(t, &busy, 1, 50, 1000));
	for (unsigned i = 0; i < 500000; i++) {
		other.bytes[13] = (unsigned char)(i >> 16);
		other.bytes[14] = (unsigned char)(i >> 8);
		other.bytes[15] = (unsigned char)i;
		rate_table_take(t, &other, 1, 50, 1000);
	}
	assert_false(rate_table_take(t, &busy, 1, 50, 1000));
	rate_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bucket_gives_its_burst_and_then_its_rate), cmocka_unit_test(a_rate_of_zero_is_no_limit),
		cmocka_unit_test(addresses_have_their_own_buckets), cmocka_unit_test(ipv6_addresses_of_one_network_share_a_bucket),
		cmocka_unit_test(a_unix_socket_is_not_limited), cmocka_unit_test(a_busy_address_is_not_forgotten_for_new_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
