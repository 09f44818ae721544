/* src/address.c: listening sockets of every kind, and what is in their way. */
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "address.h"

static struct listener listeners[LISTENERS_MAX];
static struct buf problem;

static int free_port(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (void *)&sa, sizeof(sa)), 0);
	assert_int_equal(getsockname(fd, (void *)&sa, &len), 0);
	close(fd);
	return ntohs(sa.sin_port);
}

static int open_list(const char *list)
{
	buf_clear(&problem);
	return listeners_open(list, "cvpulse", listeners, &problem);
}

static void several_addresses_are_opened_at_once(void **state)
{
	int port = free_port();
	char list[100];

	snprintf(list, sizeof(list), "127.0.0.1:%d , [::1]:%d,unix:a.sock", port, port);
	assert_int_equal(open_list(list), 3);
	assert_true(listeners[0].is_loopback && listeners[1].is_loopback && listeners[2].is_loopback);
	assert_true(listeners[2].is_unix);
	assert_string_equal(listeners[2].name, "unix:a.sock");
	listeners_close(listeners, 3);
	assert_int_equal(access("a.sock", F_OK), -1);
}

static void any_address_is_no_loopback(void **state)
{
	char list[100];

	snprintf(list, sizeof(list), "0.0.0.0:%d", free_port());
	assert_int_equal(open_list(list), 1);
	assert_false(listeners[0].is_loopback);
	listeners_close(listeners, 1);
}

static void odd_addresses_are_named(void **state)
{
	static const char *const bad[] = { "", ",", "127.0.0.1:7000,", "7000", ":7000", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "::1:7000", "[]:1", "unix:", NULL };

	for (int i = 0; bad[i]; i++) {
		assert_int_equal(open_list(bad[i]), -EINVAL);
		assert_non_null(memmem(problem.p, problem.n, "it must be host:port", 20));
		buf_clear(&problem);
		assert_int_equal(listeners_check(bad[i], &problem), -EINVAL);
	}
}

static void no_socket_from_systemd_is_said(void **state)
{
	assert_int_equal(open_list("systemd"), -ENOENT);
	assert_str_equal(buf_str(&problem), "\"systemd\": systemd handed no such socket over");
}

static void too_many_addresses_are_refused(void **state)
{
	char list[400] = "unix:0.sock";

	for (int i = 1; i <= LISTENERS_MAX; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), ",unix:%d.sock", i);
	assert_int_equal(open_list(list), -E2BIG);
	assert_int_equal(access("0.sock", F_OK), -1);
}

static void a_port_in_use_closes_what_was_opened_before(void **state)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char list[64];

	assert_int_equal(bind(fd, (void *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 1), 0);
	getsockname(fd, (void *)&sa, &len);
	snprintf(list, sizeof(list), "unix:b.sock,127.0.0.1:%d", ntohs(sa.sin_port));
	assert_int_equal(open_list(list), -EADDRINUSE);
	assert_non_null(memmem(problem.p, problem.n, "Address already in use", 22));
	assert_int_equal(access("b.sock", F_OK), -1);
	close(fd);
}

static int unix_socket(const char *path, int backlog)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(sa.sun_path, path);
	assert_int_equal(bind(fd, (void *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static void a_left_over_socket_is_replaced(void **state)
{
	close(unix_socket("c.sock", 1));
	assert_int_equal(open_list("unix:c.sock"), 1);
	listeners_close(listeners, 1);
}

static void a_living_socket_is_not_replaced_even_when_its_backlog_is_full(void **state)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX, .sun_path = "d.sock" };
	int fd = unix_socket("d.sock", 0), waiting[8], n = 0;

	do {
		waiting[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	} while (connect(waiting[n], (void *)&sa, sizeof(sa)) == 0 && ++n < 8);
	assert_in_range(n, 1, 7);
	assert_int_equal(open_list("unix:d.sock"), -EADDRINUSE);
	assert_int_equal(access("d.sock", F_OK), 0);
	while (n >= 0)
		close(waiting[n--]);
	close(fd);
	unlink("d.sock");
}

static void a_file_that_is_no_socket_stays(void **state)
{
	FILE *f = fopen("e.sock", "w");

	fclose(f);
	assert_int_equal(open_list("unix:e.sock"), -EADDRINUSE);
	assert_int_equal(access("e.sock", F_OK), 0);
	unlink("e.sock");
}

static bool loopback_v6(const char *text)
{
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6 };

	assert_int_equal(inet_pton(AF_INET6, text, &sa.sin6_addr), 1);
	return sockaddr_is_loopback((void *)&sa);
}

static void loopback_is_known_in_every_form(void **state)
{
	assert_true(loopback_v6("::1"));
	assert_true(loopback_v6("::ffff:127.1.2.3"));
	assert_false(loopback_v6("::ffff:10.0.0.1"));
	assert_false(loopback_v6("::"));
	assert_false(sockaddr_is_loopback(&(struct sockaddr){ .sa_family = AF_UNSPEC }));
}

static int set_up(void **state)
{
	static char directory[] = "/tmp/cvpulse-address-XXXXXX";

	buf_init(&problem, 1024);
	*state = directory;
	return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	buf_free(&problem);
	return chdir("/") < 0 || rmdir(*state) < 0 ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_addresses_are_opened_at_once),
		cmocka_unit_test(any_address_is_no_loopback),
		cmocka_unit_test(odd_addresses_are_named),
		cmocka_unit_test(no_socket_from_systemd_is_said),
		cmocka_unit_test(too_many_addresses_are_refused),
		cmocka_unit_test(a_port_in_use_closes_what_was_opened_before),
		cmocka_unit_test(a_left_over_socket_is_replaced),
		cmocka_unit_test(a_living_socket_is_not_replaced_even_when_its_backlog_is_full),
		cmocka_unit_test(a_file_that_is_no_socket_stays),
		cmocka_unit_test(loopback_is_known_in_every_form),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
