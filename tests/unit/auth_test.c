#include "test.h"

#include "auth.h"

static struct config cfg;
static struct auth *auth;

static int setup(void **state)
{
	struct config_args args = { .file = "/dev/null", .sets = { "auth.mode=none", "auth.allowed_origins=https://app.example" }, .n_sets = 2 };
	struct buf problems;

	buf_init(&problems, 4096);
	assert_int_equal(config_load(&cfg, &args, &problems), 0);
	assert_int_equal(auth_open(&cfg, &auth), 0);
	return 0;
}

static int teardown(void **state)
{
	auth_close(auth);
	config_free(&cfg);
	return 0;
}

static struct auth_credentials local(void)
{
	return (struct auth_credentials){ .host = STR("localhost:8080"), .client = { .is_unix = true } };
}

static void without_tokens_the_user_is_demo(void **state)
{
	struct auth_credentials c = local();
	struct auth_judgement j = auth_judge(auth, &c, 0);

	assert_int_equal(j.verdict, AUTH_ok);
	assert_string_equal(j.who.user, "demo");
	assert_int_equal(auth_may(&j.who, STR("anybody")), AUTH_ok);
}

static void the_header_goes_before_the_query(void **state)
{
	struct auth_credentials c = local();

	c.query = STR("a=1&user_id=from%40query");
	assert_string_equal(auth_judge(auth, &c, 0).who.user, "from@query");
	c.user_header = STR("from.header");
	assert_string_equal(auth_judge(auth, &c, 0).who.user, "from.header");
}

static void a_bad_user_id_is_refused(void **state)
{
	struct auth_credentials c = local();

	c.query = STR("user_id=a/b");
	assert_int_equal(auth_judge(auth, &c, 0).verdict, AUTH_bad_user_id);
	c.query = STR("user_id=");
	assert_int_equal(auth_judge(auth, &c, 0).verdict, AUTH_bad_user_id);
	c.query = STR("user_id=%zz");
	assert_int_equal(auth_judge(auth, &c, 0).verdict, AUTH_bad_user_id);
	c.user_header = STR("a b");
	assert_int_equal(auth_judge(auth, &c, 0).verdict, AUTH_bad_user_id);
}

static void only_local_host_names_are_answered(void **state)
{
	static const char *const good[] = { "localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:80" };
	static const char *const bad[] = { "example.org", "localhost.example.org", "127.0.0.1.example.org:80", "", "[::2]", "10.0.0.1" };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct auth_credentials c = local();

		c.host = str_c(good[i]);
		assert_int_equal(auth_judge(auth, &c, 0).verdict, AUTH_ok);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct auth_credentials c = local();

		c.host = str_c(bad[i]);
		assert_int_equal(auth_judge(auth, &c, 0).verdict, AUTH_host_refused);
	}
}

static void a_client_from_elsewhere_is_refused(void **state)
{
	struct auth_credentials c = local();

	assert_int_equal(ip_parse(STR("192.0.2.1"), &c.client), 0);
	assert_int_equal(auth_judge(auth, &c, 0).verdict, AUTH_client_refused);
	assert_int_equal(ip_parse(STR("::ffff:127.0.0.9"), &c.client), 0);
	assert_int_equal(auth_judge(auth, &c, 0).verdict, AUTH_ok);
}

static void a_page_of_another_site_may_change_nothing(void **state)
{
	struct auth_credentials c = local();

	c.changes = true;
	assert_int_equal(auth_judge(auth, &c, 0).verdict, AUTH_ok);
	c.origin = STR("https://evil.example");
	assert_int_equal(auth_judge(auth, &c, 0).verdict, AUTH_origin_refused);
	c.origin = STR("null");
	assert_int_equal(auth_judge(auth, &c, 0).verdict, AUTH_origin_refused);
	c.origin = STR("https://app.example");
	assert_int_equal(auth_judge(auth, &c, 0).verdict, AUTH_ok);
	c.origin = STR("http://localhost:8080");
	assert_int_equal(auth_judge(auth, &c, 0).verdict, AUTH_ok);
	c.origin = STR("http://localhost:3000");
	assert_int_equal(auth_judge(auth, &c, 0).verdict, AUTH_origin_refused);
}

static void a_host_without_a_port_is_compared_without_it(void **state)
{
	assert_true(auth_origin_allowed(auth, STR("http://localhost:3000"), STR("localhost")));
	assert_false(auth_origin_allowed(auth, STR("http://localhost.evil:3000"), STR("localhost")));
	assert_true(auth_origin_allowed(auth, STR("http://[::1]:3000"), STR("[::1]")));
}

static void a_token_is_for_its_own_user(void **state)
{
	struct identity who = { .user = "42" };

	assert_int_equal(auth_may(&who, STR("42")), AUTH_ok);
	assert_int_equal(auth_may(&who, STR("4")), AUTH_other_user);
	assert_int_equal(auth_may(&who, STR("421")), AUTH_other_user);
}

static void without_a_token_a_guarded_server_says_what_is_missing(void **state)
{
	struct auth_credentials c = local();
	struct auth_judgement j;

	cfg.auth_mode[0] = 'j';
	j = auth_judge(auth, &c, 0);
	assert_int_equal(j.verdict, AUTH_token_refused);
	assert_int_equal(auth_verdict_status(j.verdict), 401);
	assert_string_equal(auth_reason(&j), "missing");
	c.authorization = STR("Bearer abc");
	j = auth_judge(auth, &c, 0);
	assert_string_equal(auth_reason(&j), "malformed");
	c.authorization = STR("");
	c.cookie = STR("a=b; cvpulse_token=abc");
	c.changes = true;
	assert_int_equal(auth_judge(auth, &c, 0).verdict, AUTH_origin_refused);
}

static void listeners_of_an_open_server_are_local(void **state)
{
	struct buf problems;

	buf_init(&problems, 4096);
	auth_check_listen(&cfg, "notifier.listen", "127.0.0.1:1,[::1]:2,localhost:3,unix:/x,systemd", &problems);
	assert_int_equal(problems.n, 0);
	auth_check_listen(&cfg, "notifier.listen", "127.0.0.1:1, 0.0.0.0:2", &problems);
	assert_true(problems.n > 0);
	buf_free(&problems);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(without_tokens_the_user_is_demo), T(the_header_goes_before_the_query), T(a_bad_user_id_is_refused),
		T(only_local_host_names_are_answered), T(a_client_from_elsewhere_is_refused), T(a_page_of_another_site_may_change_nothing),
		T(a_host_without_a_port_is_compared_without_it), T(a_token_is_for_its_own_user),
		T(without_a_token_a_guarded_server_says_what_is_missing), T(listeners_of_an_open_server_are_local),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
