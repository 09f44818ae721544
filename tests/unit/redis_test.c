/*
 * src/redis*.c against a real redis-server that is killed, stopped, restarted and locked while commands wait. Skipped where
 * no redis-server is installed.
 */
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "redis.h"

#define PATIENCE_MS 15000

static char directory[] = "/tmp/cvpulse-redis-XXXXXX";
static char url[64];
static pid_t server;
static struct config cfg;

struct client {
	uv_loop_t loop;
	struct redis *redis;
	int connected, disconnected;
	int answers, lost, errors;
	int64_t number;
	char text[200];
	int answers_when_disconnected;
};

static void server_start(const char *password)
{
	server = fork();
	if (server == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, STDOUT_FILENO);
		execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", "redis.sock", "--save", "", "--requirepass", password, (char *)NULL);
		_exit(127);
	}
	assert_true(server > 0);
}

static void server_signal(int signum)
{
	assert_int_equal(kill(server, signum), 0);
}

static void server_kill(void)
{
	if (server <= 0)
		return;
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	server = 0;
}

static void on_connected(void *ctx)
{
	((struct client *)ctx)->connected++;
}

static void on_disconnected(void *ctx)
{
	struct client *c = ctx;

	assert_false(redis_is_connected(c->redis));
	c->disconnected++;
	c->answers_when_disconnected = c->answers + c->lost;
}

static void on_reply(void *ctx, const struct redisReply *reply)
{
	struct client *c = ctx;

	if (reply_kind(reply) == REPLY_LOST)
		c->lost++;
	else if (reply_kind(reply) == REPLY_ERROR)
		c->errors++;
	else
		c->answers++;
	c->number = reply_int(reply, -1);
	snprintf(c->text, sizeof(c->text), STR_FMT, STR_ARG(reply_str(reply)));
}

static void client_open(struct client *c)
{
	struct redis_listener listener = { on_connected, on_disconnected, c };

	*c = (struct client){ 0 };
	uv_loop_init(&c->loop);
	assert_int_equal(redis_open(&c->loop, &cfg, &listener, &c->redis), 0);
}

static void client_close(struct client *c)
{
	redis_close(c->redis);
	uv_run(&c->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&c->loop), 0);
}

static void on_tick(uv_timer_t *timer)
{
}

/* Turns the loop until *value reaches the wanted one. */
static void wait_for(struct client *c, const int *value, int wanted)
{
	int64_t end = clock_monotonic_ms() + PATIENCE_MS;
	uv_timer_t tick;

	uv_timer_init(&c->loop, &tick);
	uv_timer_start(&tick, on_tick, 10, 10);
	while (*value < wanted && clock_monotonic_ms() < end)
		uv_run(&c->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&tick, NULL);
	uv_run(&c->loop, UV_RUN_NOWAIT);
	assert_true(*value >= wanted);
}

/* Turns the loop for a while in which nothing may be connected. */
static void expect_no_connection(struct client *c, int64_t for_ms)
{
	int before = c->connected;

	for (int64_t end = clock_monotonic_ms() + for_ms; clock_monotonic_ms() < end;)
		uv_run(&c->loop, UV_RUN_ONCE);
	assert_int_equal(c->connected, before);
	assert_false(redis_is_connected(c->redis));
}

static void set_key(const char *section, const char *key, const char *value)
{
	struct buf problems;

	buf_init(&problems, 1024);
	assert_int_equal(config_set(&cfg, str_c(section), str_c(key), str_c(value), "test", &problems), 0);
	buf_free(&problems);
}

static void write_password(const char *text)
{
	FILE *f = fopen("password", "w");

	fputs(text, f);
	fclose(f);
	set_key("redis", "password_file", "password");
}

static void commands_are_answered_in_order(void **state)
{
	struct client c;

	client_open(&c);
	assert_int_equal(REDIS_COMMAND(c.redis, on_reply, &c, STR("PING")), -ENOTCONN);
	assert_int_equal(redis_last_answer_age_ms(c.redis), -1);
	wait_for(&c, &c.connected, 1);
	assert_true(redis_is_connected(c.redis));
	assert_int_equal(REDIS_COMMAND(c.redis, on_reply, &c, STR("SET"), STR("a key"), str_of("1\0002", 3)), 0);
	assert_int_equal(REDIS_COMMAND(c.redis, on_reply, &c, STR("STRLEN"), STR("a key")), 0);
	wait_for(&c, &c.answers, 2);
	assert_int_equal(c.number, 3);
	assert_true(redis_last_answer_age_ms(c.redis) >= 0);
	client_close(&c);
}

static void an_error_reply_is_an_answer(void **state)
{
	struct client c;

	client_open(&c);
	wait_for(&c, &c.connected, 1);
	REDIS_COMMAND(c.redis, on_reply, &c, STR("NOSUCHCOMMAND"));
	wait_for(&c, &c.errors, 1);
	assert_true(redis_is_connected(c.redis));
	client_close(&c);
}

/* A master that another one has replaced. What it refused counts as lost with the connection. */
static void a_master_that_has_become_a_replica_is_left(void **state)
{
	struct client c;

	client_open(&c);
	wait_for(&c, &c.connected, 1);
	REDIS_COMMAND(c.redis, on_reply, &c, STR("REPLICAOF"), STR("127.0.0.1"), STR("1"));
	REDIS_COMMAND(c.redis, on_reply, &c, STR("SET"), STR("a key"), STR("1"));
	REDIS_COMMAND(c.redis, on_reply, &c, STR("PING"));
	wait_for(&c, &c.disconnected, 1);
	assert_int_equal(c.answers, 2);
	assert_int_equal(c.lost, 1);
	assert_int_equal(c.errors, 0);
	wait_for(&c, &c.connected, 2);
	REDIS_COMMAND(c.redis, on_reply, &c, STR("REPLICAOF"), STR("NO"), STR("ONE"));
	REDIS_COMMAND(c.redis, on_reply, &c, STR("SET"), STR("a key"), STR("1"));
	wait_for(&c, &c.answers, 4);
	assert_int_equal(c.disconnected, 1);
	client_close(&c);
}

static void on_connected_write(void *ctx)
{
	struct client *c = ctx;

	c->connected++;
	REDIS_COMMAND(c->redis, on_reply, c, STR("SET"), STR("a key"), STR("1"));
}

/* As the daemons do, who write as soon as they are connected. */
static void a_replica_is_come_back_to_ever_more_seldom(void **state)
{
	struct redis_listener listener = { on_connected_write, on_disconnected, NULL };
	struct client c = { 0 };
	int64_t end;

	listener.ctx = &c;
	set_key("redis", "reconnect_max_s", "10");
	uv_loop_init(&c.loop);
	assert_int_equal(redis_open(&c.loop, &cfg, &listener, &c.redis), 0);
	wait_for(&c, &c.answers, 1);
	REDIS_COMMAND(c.redis, on_reply, &c, STR("REPLICAOF"), STR("127.0.0.1"), STR("1"));
	REDIS_COMMAND(c.redis, on_reply, &c, STR("SET"), STR("a key"), STR("1"));
	wait_for(&c, &c.disconnected, 1);
	for (end = clock_monotonic_ms() + 2000; clock_monotonic_ms() < end;)
		uv_run(&c.loop, UV_RUN_ONCE);
	assert_in_range(c.disconnected, 1, 7);
	set_key("redis", "reconnect_max_s", "0.1");
	redis_close(c.redis);
	uv_run(&c.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&c.loop), 0);
	client_open(&c);
	wait_for(&c, &c.connected, 1);
	REDIS_COMMAND(c.redis, on_reply, &c, STR("REPLICAOF"), STR("NO"), STR("ONE"));
	wait_for(&c, &c.answers, 1);
	client_close(&c);
}

static void what_may_wait_is_bounded(void **state)
{
	struct client c;
	struct str many[REDIS_ARGS_MAX + 1];

	set_key("redis", "pending_max", "100");
	client_open(&c);
	wait_for(&c, &c.connected, 1);
	for (int i = 0; i < 100; i++)
		assert_int_equal(REDIS_COMMAND(c.redis, on_reply, &c, STR("PING")), 0);
	assert_int_equal(REDIS_COMMAND(c.redis, on_reply, &c, STR("PING")), -EBUSY);
	wait_for(&c, &c.answers, 100);
	assert_int_equal(REDIS_COMMAND(c.redis, NULL, NULL, STR("PING")), 0);
	for (int i = 0; i <= REDIS_ARGS_MAX; i++)
		many[i] = STR("x");
	assert_int_equal(redis_command(c.redis, NULL, NULL, REDIS_ARGS_MAX + 1, many), -E2BIG);
	client_close(&c);
	set_key("redis", "pending_max", "100000");
}

static void closing_gives_every_waiting_reply_as_lost(void **state)
{
	struct client c;

	client_open(&c);
	wait_for(&c, &c.connected, 1);
	for (int i = 0; i < 5; i++)
		REDIS_COMMAND(c.redis, on_reply, &c, STR("PING"));
	client_close(&c);
	assert_int_equal(c.lost, 5);
	assert_int_equal(c.disconnected, 0);
}

static void on_reply_that_closes(void *ctx, const struct redisReply *reply)
{
	struct client *c = ctx;

	on_reply(ctx, reply);
	redis_close(c->redis);
}

static void a_reply_may_close_the_connection(void **state)
{
	struct client c;

	client_open(&c);
	wait_for(&c, &c.connected, 1);
	REDIS_COMMAND(c.redis, on_reply_that_closes, &c, STR("PING"));
	REDIS_COMMAND(c.redis, on_reply, &c, STR("PING"));
	uv_run(&c.loop, UV_RUN_DEFAULT);
	assert_int_equal(c.answers, 1);
	assert_int_equal(c.lost, 1);
	assert_int_equal(uv_loop_close(&c.loop), 0);
}

static void a_killed_server_is_noticed_and_found_again(void **state)
{
	struct client c;
	int64_t began;

	set_key("redis", "command_timeout_s", "60");
	client_open(&c);
	wait_for(&c, &c.connected, 1);
	server_signal(SIGSTOP);
	for (int i = 0; i < 20; i++)
		REDIS_COMMAND(c.redis, on_reply, &c, STR("PING"));
	uv_run(&c.loop, UV_RUN_NOWAIT);
	began = clock_monotonic_ms();
	server_kill();
	wait_for(&c, &c.disconnected, 1);
	assert_true(clock_monotonic_ms() - began < 5000); /* by the reset itself, not by a time-out */
	assert_int_equal(c.lost, 20);
	assert_int_equal(c.answers_when_disconnected, 20);
	server_start("");
	wait_for(&c, &c.connected, 2);
	REDIS_COMMAND(c.redis, on_reply, &c, STR("PING"));
	wait_for(&c, &c.answers, 1);
	client_close(&c);
	set_key("redis", "command_timeout_s", "5");
}

static void a_server_that_hangs_breaks_the_connection(void **state)
{
	struct client c;

	set_key("redis", "command_timeout_s", "0.2");
	set_key("redis", "connect_timeout_s", "0.2");
	client_open(&c);
	wait_for(&c, &c.connected, 1);
	server_signal(SIGSTOP);
	REDIS_COMMAND(c.redis, on_reply, &c, STR("PING"));
	wait_for(&c, &c.disconnected, 1);
	assert_int_equal(c.lost, 1);
	assert_int_equal(REDIS_COMMAND(c.redis, on_reply, &c, STR("PING")), -ENOTCONN);
	expect_no_connection(&c, 700); /* the kernel accepts for it, so attempts time out in the greeting */
	server_signal(SIGCONT);
	wait_for(&c, &c.connected, 2);
	client_close(&c);
	set_key("redis", "command_timeout_s", "5");
	set_key("redis", "connect_timeout_s", "3");
}

static void without_the_password_nothing_counts_as_connected(void **state)
{
	struct client c;

	server_kill();
	server_start("secret");
	client_open(&c);
	expect_no_connection(&c, 500);
	client_close(&c);
	server_kill();
	server_start("");
}

/* Redis answers AUTH with an error, and the PING behind it with a PONG: still refused. */
static void a_password_where_none_is_set_is_refused(void **state)
{
	struct client c;

	write_password("some");
	client_open(&c);
	expect_no_connection(&c, 500);
	assert_int_equal(c.disconnected, 0);
	client_close(&c);
	set_key("redis", "password_file", "");
}

static void the_right_password_connects(void **state)
{
	struct client c;

	server_kill();
	server_start("se cret");
	write_password("se cret\n");
	client_open(&c);
	wait_for(&c, &c.connected, 1);
	client_close(&c);
	set_key("redis", "password_file", "");
	server_kill();
	server_start("");
}

static void a_database_that_does_not_exist_is_refused(void **state)
{
	char with_db[80];
	struct client c;

	snprintf(with_db, sizeof(with_db), "%s?db=9999", url);
	set_key("redis", "url", with_db);
	client_open(&c);
	expect_no_connection(&c, 300);
	client_close(&c);
	set_key("redis", "url", url);
}

static void a_refused_port_is_tried_again_until_somebody_listens(void **state)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	char tcp[64];
	struct client c;

	/* Bound, not listening: connects are refused, and nobody else gets the port. */
	assert_int_equal(bind(fd, (void *)&sa, sizeof(sa)), 0);
	getsockname(fd, (void *)&sa, &len);
	snprintf(tcp, sizeof(tcp), "redis://127.0.0.1:%d", ntohs(sa.sin_port));
	set_key("redis", "url", tcp);
	client_open(&c);
	expect_no_connection(&c, 300);
	listen(fd, 1);
	for (int accepted = -1; accepted < 0;) {
		uv_run(&c.loop, UV_RUN_ONCE);
		accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK);
		if (accepted >= 0)
			close(accepted); /* a reset in the greeting */
	}
	expect_no_connection(&c, 100);
	client_close(&c);
	close(fd);
	set_key("redis", "url", url);
}

static void a_name_that_does_not_resolve_holds_nothing_up(void **state)
{
	struct client c;

	set_key("redis", "url", "redis://no-such-host.invalid");
	client_open(&c);
	expect_no_connection(&c, 100);
	client_close(&c);
	client_open(&c);
	client_close(&c); /* while it is being resolved */
	set_key("redis", "url", url);
}

static void a_wrong_address_is_an_error_at_once(void **state)
{
	struct redis *redis;
	uv_loop_t loop;

	uv_loop_init(&loop);
	set_key("redis", "url", "http://x");
	assert_int_equal(redis_open(&loop, &cfg, NULL, &redis), -EINVAL);
	assert_int_equal(uv_loop_close(&loop), 0);
	set_key("redis", "url", url);
}

static void on_message(void *ctx, const struct redisReply *message)
{
	struct client *c = ctx;

	if (str_eq(reply_str(reply_at(message, 0)), STR("message")))
		c->lost++;
	else
		c->answers++;
	snprintf(c->text, sizeof(c->text), STR_FMT, STR_ARG(reply_str(reply_at(message, 2))));
}

static void a_subscription_gives_each_message_and_ends_with_the_connection(void **state)
{
	struct client sub, pub;

	client_open(&sub);
	client_open(&pub);
	assert_int_equal(redis_subscribe(sub.redis, STR("a channel"), on_message, &sub), -ENOTCONN);
	wait_for(&sub, &sub.connected, 1);
	wait_for(&pub, &pub.connected, 1);
	assert_int_equal(redis_subscribe(sub.redis, STR("a channel"), on_message, &sub), 0);
	wait_for(&sub, &sub.answers, 1);
	REDIS_COMMAND(pub.redis, on_reply, &pub, STR("PUBLISH"), STR("a channel"), STR("first"));
	wait_for(&pub, &pub.answers, 1);
	wait_for(&sub, &sub.lost, 1);
	assert_string_equal(sub.text, "first");
	server_kill();
	wait_for(&sub, &sub.disconnected, 1);
	assert_string_not_equal(redis_problem(sub.redis), "");
	server_start("");
	wait_for(&sub, &sub.connected, 2);
	assert_string_equal(redis_problem(sub.redis), "");
	assert_int_equal(redis_subscribe(sub.redis, STR("a channel"), on_message, &sub), 0);
	wait_for(&sub, &sub.answers, 2);
	client_close(&sub);
	client_close(&pub);
}

static struct script add_script = { .name = "add", .body = "return redis.call('INCRBY', KEYS[1], ARGV[1])" };

static void a_script_survives_a_server_that_forgot_it(void **state)
{
	struct client c;
	struct str args[] = { STR("counter"), STR("5") };

	client_open(&c);
	wait_for(&c, &c.connected, 1);
	for (int i = 1; i <= 2; i++) {
		assert_int_equal(script_call(c.redis, &add_script, on_reply, &c, 1, 2, args), 0);
		wait_for(&c, &c.answers, i);
		assert_int_equal(c.number, 5 * i);
	}
	REDIS_COMMAND(c.redis, NULL, NULL, STR("SCRIPT"), STR("FLUSH"));
	script_call(c.redis, &add_script, on_reply, &c, 1, 2, args);
	wait_for(&c, &c.answers, 3);
	assert_int_equal(c.number, 15);
	client_close(&c);
}

static void a_lost_script_call_is_told(void **state)
{
	struct client c;

	client_open(&c);
	wait_for(&c, &c.connected, 1);
	script_call(c.redis, &add_script, on_reply, &c, 1, 2, (struct str[]){ STR("counter"), STR("5") });
	client_close(&c);
	assert_int_equal(c.lost, 1);
}

static int set_up(void **state)
{
	struct config_args args = { 0 };
	struct buf problems;

	if (!mkdtemp(directory) || chdir(directory) < 0)
		return -1;
	snprintf(url, sizeof(url), "unix://%s/redis.sock", directory);
	buf_init(&problems, 4096);
	config_load(&cfg, &args, &problems);
	buf_free(&problems);
	set_key("redis", "url", url);
	set_key("redis", "reconnect_max_s", "0.1");
	log_threshold = LOG_LEVEL_ERROR + 1;
	signal(SIGPIPE, SIG_IGN);
	server_start("");
	return 0;
}

static int tear_down(void **state)
{
	server_kill();
	config_free(&cfg);
	unlink("redis.sock");
	unlink("password");
	return chdir("/") < 0 || rmdir(directory) < 0 ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_answered_in_order),
		cmocka_unit_test(an_error_reply_is_an_answer),
		cmocka_unit_test(a_master_that_has_become_a_replica_is_left),
		cmocka_unit_test(a_replica_is_come_back_to_ever_more_seldom),
		cmocka_unit_test(what_may_wait_is_bounded),
		cmocka_unit_test(closing_gives_every_waiting_reply_as_lost),
		cmocka_unit_test(a_reply_may_close_the_connection),
		cmocka_unit_test(a_killed_server_is_noticed_and_found_again),
		cmocka_unit_test(a_server_that_hangs_breaks_the_connection),
		cmocka_unit_test(without_the_password_nothing_counts_as_connected),
		cmocka_unit_test(a_password_where_none_is_set_is_refused),
		cmocka_unit_test(the_right_password_connects),
		cmocka_unit_test(a_database_that_does_not_exist_is_refused),
		cmocka_unit_test(a_refused_port_is_tried_again_until_somebody_listens),
		cmocka_unit_test(a_name_that_does_not_resolve_holds_nothing_up),
		cmocka_unit_test(a_wrong_address_is_an_error_at_once),
		cmocka_unit_test(a_subscription_gives_each_message_and_ends_with_the_connection),
		cmocka_unit_test(a_script_survives_a_server_that_forgot_it),
		cmocka_unit_test(a_lost_script_call_is_told),
	};

	if (system("command -v redis-server >/dev/null") != 0)
		return 77; /* automake: skipped */
	alarm(180);        /* a test that waits for ever should not hold up the others */
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
