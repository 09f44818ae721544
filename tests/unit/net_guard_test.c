/* Unit tests of the guard of requests to addresses that strangers name. */
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "http_client.h"
#include "net_guard.h"

static struct net_guard guard;

static void set_guard(const char *allowed, const char *ports)
{
	assert_int_equal(net_guard_parse(allowed, ports, &guard, NULL), 0);
}

static bool allows(const char *address)
{
	struct sockaddr_in six_or_four = { .sin_family = AF_INET };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, address, &six_or_four.sin_addr) == 1)
		return net_guard_allows(&guard, (struct sockaddr *)&six_or_four);
	assert_int_equal(inet_pton(AF_INET6, address, &six.sin6_addr), 1);
	return net_guard_allows(&guard, (struct sockaddr *)&six);
}

static void public_addresses_are_open(void **state)
{
	static const char *const open[] = { "8.8.8.8", "1.1.1.1", "93.184.216.34", "172.15.255.255", "172.32.0.0", "100.63.255.255",
		"100.128.0.0", "192.167.255.255", "223.255.255.255", "2606:2800:220:1:248:1893:25c8:1946", "2a00::1" };

	set_guard("", "80");
	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
		if (!allows(open[i]))
			fail_msg("%s is refused", open[i]);
}

static void everything_else_is_refused(void **state)
{
	static const char *const refused[] = { "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1",
		"127.255.255.254", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1",
		"192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1",
		"255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "64:ff9b:1::1",
		"100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::", "3fff::1", "fc00::1", "fd12::1", "fe80::1", "fec0::1",
		"ff02::1" };

	set_guard("", "80");
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (allows(refused[i]))
			fail_msg("%s is let through", refused[i]);
}

static void a_named_network_is_open_but_not_by_another_spelling(void **state)
{
	set_guard("10.1.0.0/16, ::1", "80");
	assert_true(allows("10.1.2.3"));
	assert_true(allows("::1"));
	assert_false(allows("10.2.0.1"));
	assert_false(allows("::ffff:10.1.2.3"));
}

static void what_is_no_internet_address_is_refused(void **state)
{
	const struct sockaddr_un un = { .sun_family = AF_UNIX };

	set_guard("0.0.0.0/0, ::/0, unix:", "80");
	assert_false(net_guard_allows(&guard, (const struct sockaddr *)&un));
}

static void a_bad_list_is_named(void **state)
{
	struct net_guard g;
	struct str bad;

	assert_int_equal(net_guard_parse("10.0.0.0/33", "80", &g, &bad), -EINVAL);
	assert_true(str_eq(bad, STR("10.0.0.0/33")));
	assert_int_equal(net_guard_parse("", "80, 65536", &g, &bad), -EINVAL);
	assert_true(str_eq(bad, STR("65536")));
	assert_int_equal(net_guard_parse("", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", &g, &bad), -EINVAL);
}

static void an_address_is_judged_as_it_is_read(void **state)
{
	static const struct { const char *url; enum net_url_verdict verdict; } cases[] = {
		{ "http://example.org/cv.pdf", NET_URL_OK },
		{ "HTTPS://EXAMPLE.org", NET_URL_OK },
		{ "http://8.8.8.8/", NET_URL_OK },
		{ "http://[2a00::1]:80/", NET_URL_OK },
		{ "http://example.org:8080/", NET_URL_PORT },
		{ "ftp://example.org/", NET_URL_SCHEME },
		{ "file:///etc/passwd", NET_URL_SCHEME },
		{ "javascript:alert(1)", NET_URL_MALFORMED },
		{ "http://a:b@example.org/", NET_URL_CREDENTIALS },
		{ "http://a@example.org/", NET_URL_CREDENTIALS },
		{ "http://:@example.org/", NET_URL_CREDENTIALS },
		{ "http://134744072/", NET_URL_HOST },
		{ "http://010.8.8.8/", NET_URL_HOST },
		{ "http://0x08080808/", NET_URL_HOST },
		{ "http://8.8.2056/", NET_URL_HOST },
		{ "http://exa mple.org/", NET_URL_MALFORMED },
		{ "http://example.org/\r\nX", NET_URL_MALFORMED },
		{ "http://example.org\\@127.0.0.1/", NET_URL_MALFORMED },
		{ "http://", NET_URL_MALFORMED },
		{ "example.org", NET_URL_MALFORMED },
		{ "", NET_URL_MALFORMED },
	};

	set_guard("", "80,443");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum net_url_verdict verdict = http_url_judge(&guard, cases[i].url);

		if (verdict != cases[i].verdict)
			fail_msg("%s: \"%s\"", cases[i].url, net_url_sentence(verdict));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(public_addresses_are_open),
		cmocka_unit_test(everything_else_is_refused),
		cmocka_unit_test(a_named_network_is_open_but_not_by_another_spelling),
		cmocka_unit_test(what_is_no_internet_address_is_refused),
		cmocka_unit_test(a_bad_list_is_named),
		cmocka_unit_test(an_address_is_judged_as_it_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
