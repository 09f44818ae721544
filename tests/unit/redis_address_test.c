/* src/redis_address.c: redis.url and the files with passwords. */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "redis.h"

static int parse_with(const char *url, const char *file, const char *sentinel_file, struct redis_address *a)
{
	const struct config cfg = { .redis_url = (char *)url, .redis_password_file = (char *)file, .redis_sentinel_password_file = (char *)sentinel_file };
	struct buf problem;
	int rc;

	buf_init(&problem, 1024);
	rc = redis_address_from(&cfg, a, &problem);
	assert_int_equal(rc < 0, problem.n > 0);
	buf_free(&problem);
	return rc;
}

static int parse(const char *url, const char *file, struct redis_address *a)
{
	return parse_with(url, file, "", a);
}

static void a_tcp_address_has_defaults(void **state)
{
	struct redis_address a;

	assert_int_equal(parse("redis://db.example", "", &a), 0);
	assert_string_equal(a.host, "db.example");
	assert_int_equal(a.port, 6379);
	assert_int_equal(a.db, 0);
	assert_string_equal(a.password, "");
	assert_string_equal(a.path, "");
}

static void every_part_of_a_tcp_address_counts(void **state)
{
	struct redis_address a;

	assert_int_equal(parse("redis://:p%40ss:w@[::1]:7000/12", "", &a), 0);
	assert_string_equal(a.host, "::1");
	assert_int_equal(a.port, 7000);
	assert_int_equal(a.db, 12);
	assert_string_equal(a.password, "p@ss:w");
	assert_int_equal(parse("redis://h:1/", "", &a), 0);
	assert_int_equal(parse("redis://:a@b@h", "", &a), 0);
	assert_string_equal(a.password, "a@b");
	assert_string_equal(a.host, "h");
}

static void a_unix_socket_may_have_a_database(void **state)
{
	struct redis_address a;

	assert_int_equal(parse("unix:///run/redis.sock?db=3", "", &a), 0);
	assert_string_equal(a.path, "/run/redis.sock");
	assert_string_equal(a.host, "");
	assert_int_equal(a.db, 3);
	assert_int_equal(parse("unix:///run/redis.sock", "", &a), 0);
}

static void odd_addresses_are_refused(void **state)
{
	static const char *const bad[] = { "", "redis", "http://x", "redis://", "redis://:6379", "redis://h:0", "redis://h:65536", "redis://h:x", "redis://::1",
					   "redis://h/x", "redis://h/65536", "redis://h/0/1", "redis://user:pw@h", "redis://user@h", "redis://[::1", "redis://[::1]x",
					   "redis://:%zz@h", "unix://", "unix://relative", "unix:///s?x=1", "unix:///s?db=x", NULL };
	char long_path[200] = "unix:///", long_host[400] = "redis://";
	struct redis_address a;

	for (int i = 0; bad[i]; i++)
		assert_int_equal(parse(bad[i], "", &a), -EINVAL);
	memset(long_path + 8, 'p', 107);
	memset(long_host + 8, 'h', 256);
	assert_int_equal(parse(long_path, "", &a), -EINVAL);
	assert_int_equal(parse(long_host, "", &a), -EINVAL);
}

static void sentinels_are_a_list_and_a_name(void **state)
{
	static const char *const bad[] = { "redis+sentinel://a", "redis+sentinel://a/", "redis+sentinel:///m", "redis+sentinel://a,,b/m",
					   "redis+sentinel://a:0/m", "redis+sentinel://a/m/x", "redis+sentinel://1,2,3,4,5,6,7,8,9,10/m" };
	struct redis_address a;

	assert_int_equal(parse("redis+sentinel://:pw@s1,[::1]:7,s3:26380/main/2", "", &a), 0);
	assert_int_equal(a.n_sentinels, 3);
	assert_string_equal(a.sentinels[0].host, "s1");
	assert_int_equal(a.sentinels[0].port, 26379);
	assert_string_equal(a.sentinels[1].host, "::1");
	assert_int_equal(a.sentinels[1].port, 7);
	assert_int_equal(a.sentinels[2].port, 26380);
	assert_string_equal(a.master, "main");
	assert_string_equal(a.password, "pw");
	assert_int_equal(a.db, 2);
	assert_string_equal(a.host, "");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(bad[i], "", &a), -EINVAL);
}

enum owner { OF_REDIS, OF_SENTINELS };

static int parse_with_file(enum owner owner, const char *text, size_t n, struct redis_address *a)
{
	char name[] = "/tmp/cvpulse-password-XXXXXX";
	int fd = mkstemp(name), rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), (ssize_t)n);
	close(fd);
	rc = parse_with("redis+sentinel://:other@h/m", owner == OF_REDIS ? name : "", owner == OF_SENTINELS ? name : "", a);
	unlink(name);
	return rc;
}

static void a_password_file_goes_over_the_url(void **state)
{
	struct redis_address a;

	assert_int_equal(parse_with_file(OF_REDIS, "secret word\r\nnot this\n", 22, &a), 0);
	assert_string_equal(a.password, "secret word");
	assert_string_equal(a.sentinel_password, "");
	assert_int_equal(parse("redis://h", "/nonexistent", &a), -EINVAL);
}

static void sentinels_have_a_password_of_their_own(void **state)
{
	struct redis_address a;

	assert_int_equal(parse_with_file(OF_SENTINELS, "theirs\n", 7, &a), 0);
	assert_string_equal(a.password, "other");
	assert_string_equal(a.sentinel_password, "theirs");
	redis_address_wipe(&a);
	assert_string_equal(a.password, "");
	assert_string_equal(a.sentinel_password, "");
	assert_int_equal(parse_with("redis+sentinel://h/m", "", "/nonexistent", &a), -EINVAL);
}

static void a_password_file_without_a_password_is_an_error(void **state)
{
	char text[600];
	struct redis_address a;

	memset(text, 'x', sizeof(text));
	for (enum owner owner = OF_REDIS; owner <= OF_SENTINELS; owner++) {
		assert_int_equal(parse_with_file(owner, "", 0, &a), -EINVAL);
		assert_int_equal(parse_with_file(owner, "\n", 1, &a), -EINVAL);
		assert_int_equal(parse_with_file(owner, text, sizeof(text), &a), -EINVAL);
		assert_int_equal(parse_with_file(owner, text, 511, &a), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sentinels_are_a_list_and_a_name),
		cmocka_unit_test(a_tcp_address_has_defaults),
		cmocka_unit_test(every_part_of_a_tcp_address_counts),
		cmocka_unit_test(a_unix_socket_may_have_a_database),
		cmocka_unit_test(odd_addresses_are_refused),
		cmocka_unit_test(a_password_file_goes_over_the_url),
		cmocka_unit_test(sentinels_have_a_password_of_their_own),
		cmocka_unit_test(a_password_file_without_a_password_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
