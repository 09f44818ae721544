#include "test.h"

#include <errno.h>

#include "cidr.h"

static bool has(const char *list, const char *address)
{
	struct cidr_list l;
	struct ip ip;

	assert_int_equal(cidr_list_parse(list, &l, NULL), 0);
	assert_int_equal(ip_parse(str_c(address), &ip), 0);
	return cidr_list_has(&l, &ip);
}

static void networks_hold_their_addresses_only(void **state)
{
	assert_true(has("10.0.0.0/8", "10.255.1.2"));
	assert_false(has("10.0.0.0/8", "11.0.0.0"));
	assert_true(has("192.0.2.128/25", "192.0.2.128"));
	assert_false(has("192.0.2.128/25", "192.0.2.127"));
	assert_true(has("192.0.2.1", "192.0.2.1"));
	assert_false(has("192.0.2.1", "192.0.2.2"));
	assert_true(has("::1, 2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(has("2001:db8::/33", "2001:db8:8000::1"));
	assert_true(has("0.0.0.0/0", "8.8.8.8"));
	assert_false(has("0.0.0.0/0", "::1"));
	assert_false(has("unix:", "::"));
}

static void a_mapped_address_is_the_same_host(void **state)
{
	assert_true(has("127.0.0.0/8", "::ffff:127.0.0.1"));
	assert_true(has("::ffff:10.0.0.0/104", "10.1.2.3"));
}

static void a_unix_socket_is_named_unix(void **state)
{
	struct cidr_list l;
	struct ip ip = { .is_unix = true };
	char text[IP_TEXT_SIZE];

	cidr_list_parse("unix:", &l, NULL);
	assert_true(cidr_list_has(&l, &ip));
	cidr_list_parse("0.0.0.0/0,::/0", &l, NULL);
	assert_false(cidr_list_has(&l, &ip));
	ip_format(&ip, text);
	assert_string_equal(text, "unix");
}

static void malformed_lists_name_the_item(void **state)
{
	static const char *const bad[] = { "x", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/", "10.0.0.0/-1", "1.2.3.4.5" };
	struct cidr_list l;
	struct str item;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(cidr_list_parse(bad[i], &l, &item), -EINVAL);
		assert_true(str_eq(item, str_c(bad[i])));
	}
	assert_int_equal(cidr_list_parse("", &l, NULL), 0);
	assert_int_equal(l.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(networks_hold_their_addresses_only), cmocka_unit_test(a_mapped_address_is_the_same_host),
		cmocka_unit_test(a_unix_socket_is_named_unix), cmocka_unit_test(malformed_lists_name_the_item),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
