/* Whole conversations with the HTTP server over a socket pair. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "server_internal.h"

static struct {
	struct server *server;
	int client;
	struct buf body;
	int ends, completed, body_ends;
	char path[256], header[256];
	struct str answer_now;          /* answered inside on_request */
	bool answer_at_end;             /* echoes the body once it is complete */
	struct request *held;           /* the last request */
	bool pause, close_at_end;
} t;

static void on_request(struct request *rq, void *ctx)
{
	t.held = rq;
	buf_clear(&t.body);
	snprintf(t.path, sizeof(t.path), STR_FMT, STR_ARG(rq->path));
	if (request_header(rq, "x-test", t.header, sizeof(t.header)) < 0)
		t.header[0] = '\0';
	if (t.pause)
		request_pause(rq);
	if (t.answer_now.p)
		request_respond(rq, 200, "text/plain", t.answer_now, NULL, 0);
}

static void on_body(struct request *rq, struct str chunk, void *ctx)
{
	buf_adds(&t.body, chunk);
}

static void on_body_end(struct request *rq, void *ctx)
{
	t.body_ends++;
	if (t.answer_at_end)
		request_respond(rq, 200, "text/plain", buf_str(&t.body), NULL, 0);
}

static void on_request_end(struct request *rq, bool completed, void *ctx)
{
	if (t.close_at_end)
		server_close(t.server);
	t.ends++;
	t.completed += completed;
	t.held = NULL;
}

static void turn(void)
{
	for (int i = 0; i < 8; i++)
		uv_run(uv_default_loop(), UV_RUN_NOWAIT);
}

static int setup(void **state)
{
	static const struct server_handler handler = { on_request, on_body, on_body_end, NULL, on_request_end, NULL };
	struct config cfg;
	struct config_args args = { .file = "/dev/null" };
	struct buf problems;
	struct sockaddr_un peer = { .sun_family = AF_UNIX };
	int pair[2];

	memset(&t, 0, sizeof(t));
	buf_init(&t.body, 1 << 24);
	buf_init(&problems, 4096);
	assert_int_equal(config_load(&cfg, &args, &problems), 0);
	assert_int_equal(server_open(uv_default_loop(), &cfg, &handler, &t.server), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	fcntl(pair[1], F_SETFL, O_NONBLOCK);
	t.client = pair[1];
	http_connection_open(t.server, pair[0], (struct sockaddr *)&peer, false, true);
	config_free(&cfg);
	buf_free(&problems);
	return 0;
}

static int teardown(void **state)
{
	close(t.client);
	if (t.server)
		server_close(t.server);
	turn();
	buf_free(&t.body);
	return 0;
}

static void say(const char *text)
{
	assert_int_equal(send(t.client, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	turn();
}

/* All that has come from the server. */
static const char *heard(void)
{
	static char text[65536];
	size_t n = 0;
	ssize_t got;

	turn();
	while ((got = recv(t.client, text + n, sizeof(text) - 1 - n, 0)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	return text;
}

static bool is_over(void)
{
	char byte;

	turn();
	return recv(t.client, &byte, 1, 0) == 0;
}

static void answers(const char *request, const char *status_line)
{
	const char *text;

	say(request);
	text = heard();
	if (strncmp(text, status_line, strlen(status_line)) != 0)
		fail_msg("%s was answered: %.60s", request, text);
}

static void a_request_is_answered_and_the_connection_lives(void **state)
{
	t.answer_now = STR("hi");
	say("GET /a?b=1 HTTP/1.1\r\nHost: x\r\nX-Test: yes\r\n\r\n");
	assert_string_equal(heard(), "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nhi");
	assert_string_equal(t.path, "/a");
	assert_string_equal(t.header, "yes");
	answers("GET /second HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200");
	assert_string_equal(t.path, "/second");
	assert_int_equal(t.completed, 2);
}

static void a_request_may_come_byte_by_byte(void **state)
{
	const char *request = "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";

	t.answer_at_end = true;
	for (const char *p = request; *p; p++)
		say((char[]){ *p, '\0' });
	assert_non_null(strstr(heard(), "\r\n\r\nabc"));
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	const char *text;

	t.answer_at_end = true;
	say("POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nonePOST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\ntwo");
	text = heard();
	assert_non_null(strstr(text, "one"));
	assert_true(strstr(text, "two") > strstr(text, "one"));
	assert_int_equal(t.completed, 2);
}

static void a_late_answer_waits_for_the_handler(void **state)
{
	say("GET /late HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_string_equal(heard(), "");
	assert_int_equal(request_respond(t.held, 204, NULL, STR(""), NULL, 0), 0);
	assert_string_equal(heard(), "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n");
}

static void a_second_answer_is_refused(void **state)
{
	struct request *rq;

	say("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n");
	rq = t.held;
	assert_int_equal(request_problem(rq, 413, "too_large", NULL, 0), 0);
	assert_int_equal(request_problem(rq, 413, "too_large", NULL, 0), -EALREADY);
}

static void a_body_is_not_read_while_paused(void **state)
{
	t.pause = t.answer_at_end = true;
	say("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc");
	say("def");
	assert_int_equal(t.body.n, 0);
	request_resume(t.held);
	assert_non_null(strstr(heard(), "abcdef"));
	assert_int_equal(t.body_ends, 1);
}

static void an_answer_in_mid_body_is_seen_and_the_rest_dropped(void **state)
{
	const char *text;

	say("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc");
	request_problem(t.held, 413, "too_large", "The file is too large.", 0);
	text = heard();
	assert_non_null(strstr(text, "413"));
	assert_non_null(strstr(text, "Connection: close"));
	assert_non_null(strstr(text, "\"code\":\"too_large\""));
	assert_int_equal(t.completed, 1);
	for (int i = 0; i < 100; i++)
		say("more and more and more of the body that nobody wants to read any longer");
	assert_int_equal(t.body.n, 3);
	assert_true(is_over());
}

static void an_early_answer_to_a_small_body_keeps_the_connection(void **state)
{
	t.answer_now = STR("no");
	answers("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 200");
	answers("GET /y HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200");
	assert_string_equal(t.path, "/y");
}

static void a_post_without_a_length_has_no_body(void **state)
{
	t.answer_now = STR("ok");
	answers("POST /close HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200");
	answers("GET /y HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200");
}

static void head_gets_the_length_without_the_body(void **state)
{
	t.answer_now = STR("four");
	say("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_string_equal(heard(), "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\nConnection: keep-alive\r\n\r\n");
}

static void a_client_that_asks_is_told_to_continue(void **state)
{
	t.answer_at_end = true;
	say("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
	assert_string_equal(heard(), "HTTP/1.1 100 Continue\r\n\r\n");
	answers("ok", "HTTP/1.1 200");
}

static void a_file_is_sent_from_an_offset(void **state)
{
	char name[] = "/tmp/server_test.XXXXXX";
	int fd = mkstemp(name);

	unlink(name);
	assert_int_equal(write(fd, "0123456789", 10), 10);
	say("GET /file HTTP/1.1\r\nHost: x\r\n\r\n");
	request_respond_file(t.held, 206, "application/pdf", fd, 3, 4, NULL, 0);
	assert_non_null(strstr(heard(), "Content-Length: 4\r\nConnection: keep-alive\r\n\r\n3456"));
	t.answer_now = STR("x");
	answers("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200");
}

static void a_stream_ends_with_its_connection(void **state)
{
	say("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
	request_stream(t.held, 200, "text/event-stream", NULL, 0);
	assert_int_equal(request_stream_write(t.held, STR("data: 1\n\n")), 0);
	assert_non_null(strstr(heard(), "Connection: close\r\n\r\ndata: 1\n\n"));
	request_stream_write(t.held, STR("data: 2\n\n"));
	request_stream_end(t.held);
	assert_string_equal(heard(), "data: 2\n\n");
	assert_true(is_over());
	assert_int_equal(t.completed, 1);
}

static void a_client_that_leaves_ends_its_stream(void **state)
{
	say("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
	request_stream(t.held, 200, "text/event-stream", NULL, 0);
	shutdown(t.client, SHUT_WR);
	turn();
	assert_int_equal(t.ends, 1);
	assert_int_equal(t.completed, 0);
}

static void a_client_that_half_closes_still_gets_its_answer(void **state)
{
	say("GET /late HTTP/1.1\r\nHost: x\r\n\r\n");
	shutdown(t.client, SHUT_WR);
	turn();
	request_respond(t.held, 200, "text/plain", STR("late"), NULL, 0);
	assert_non_null(strstr(heard(), "late"));
}

static void a_large_answer_waits_for_the_reader(void **state)
{
	static char large[4 << 20];
	size_t got = 0;

	memset(large, 'x', sizeof(large));
	say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	request_respond(t.held, 200, "text/plain", str_of(large, sizeof(large)), NULL, 0);
	assert_int_equal(t.completed, 0);
	for (int i = 0; i < 1000 && got < sizeof(large); i++)
		got += strlen(heard());
	assert_true(got > sizeof(large));
	assert_int_equal(t.completed, 1);
}

/* Each of these would be read differently by some proxy in front. */
static void ambiguous_requests_are_refused_and_the_connection_closed(void **state)
{
	static const struct { const char *request, *status; } bad[] = {
		{ "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 411" },
		{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: identity\r\n\r\nabc", "HTTP/1.1 411" },
		{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 28\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 400" },
		{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 400" },
		{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc", "HTTP/1.1 400" },
		{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\nabc", "HTTP/1.1 400" },
		{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x3\r\n\r\nabc", "HTTP/1.1 400" },
		{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", "HTTP/1.1 400" },
		{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n", "HTTP/1.1 400" },
		{ "GET / HTTP/1.1\nHost: x\n\n", "HTTP/1.1 400" },
		{ "GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", "HTTP/1.1 400" },
		{ "GET / HTTP/1.1\r\nHost : x\r\n\r\n", "HTTP/1.1 400" },
		{ "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "HTTP/1.1 400" },
		{ "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400" },
		{ "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400" },
		{ "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400" },
		{ "GET a HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400" },
		{ "GET / HTTP/2.0\r\nHost: x\r\n\r\n", "HTTP/1.1 505" },
		{ "\x16\x03\x01\x02", "HTTP/1.1 400" },
		{ "GET / HTTP/1.1\r\nHost: x\r\nX: a\x01\r\n\r\n", "HTTP/1.1 400" },
		{ "GET / HTTP/1.1\r\nHost: x\r\nExpect: gold\r\n\r\n", "HTTP/1.1 417" },
		{ "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "HTTP/1.1 400" },
		{ "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
		  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n\r\n", "HTTP/1.1 426" },
	};

	teardown(NULL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setup(NULL);
		t.answer_now = STR("never");
		answers(bad[i].request, bad[i].status);
		assert_true(is_over());
		assert_int_equal(t.ends, 0);
		teardown(NULL);
	}
	setup(NULL);
}

static void headers_of_more_than_16_kib_are_refused(void **state)
{
	say("GET / HTTP/1.1\r\nHost: x\r\nX: ");
	for (int i = 0; i < 300; i++)
		say("0123456789012345678901234567890123456789012345678901234567890123456789");
	assert_int_equal(strncmp(heard(), "HTTP/1.1 431", 12), 0);
}

static void headers_of_just_under_16_kib_are_taken(void **state)
{
	t.answer_now = STR("ok");
	say("GET / HTTP/1.1\r\nHost: x\r\nX: ");
	for (int i = 0; i < 160; i++)
		say("0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789");
	answers("\r\n\r\n", "HTTP/1.1 200");
}

/* As the wheel does it: off the wheel first. */
static void expire(void)
{
	struct http_connection *c = t.server->connections.next;

	server_arm(t.server, c, 0);
	http_connection_timeout(c);
}

static void a_request_that_waited_because_the_loop_was_late_is_answered(void **state)
{
	const char *request = "GET /late HTTP/1.1\r\nHost: x\r\n\r\n";

	t.answer_now = STR("hi");
	assert_int_equal(send(t.client, request, strlen(request), 0), (ssize_t)strlen(request));
	expire();
	assert_string_equal(t.path, "/late");
	assert_int_equal(strncmp(heard(), "HTTP/1.1 200", 12), 0);
	expire();
	assert_true(is_over());
}

static void a_head_that_never_ends_is_answered_408(void **state)
{
	t.server->header_timeout_ms = 60;
	say("GET / HTTP/1.1\r\n");
	for (int64_t until = clock_monotonic_ms() + 3000; clock_monotonic_ms() < until && t.server->connections.next->state != HTTP_STATE_LINGERING; )
		uv_run(uv_default_loop(), UV_RUN_ONCE);
	assert_int_equal(strncmp(heard(), "HTTP/1.1 408", 12), 0);
}

static void another_upgrade_is_a_plain_request(void **state)
{
	t.answer_now = STR("plain");
	answers("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n", "HTTP/1.1 200");
}

static void an_absolute_target_is_understood(void **state)
{
	t.answer_now = STR("ok");
	answers("GET http://x:80/there?q HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200");
	assert_string_equal(t.path, "/there");
}

static void draining_ends_connections_after_their_answer(void **state)
{
	say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	server_drain(t.server);
	request_respond(t.held, 200, "text/plain", STR("last"), NULL, 0);
	assert_non_null(strstr(heard(), "Connection: close\r\n\r\nlast"));
	assert_true(is_over());
}

static void the_server_may_be_closed_from_the_end_of_a_request(void **state)
{
	t.close_at_end = true;
	say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	server_close(t.server);
	assert_int_equal(t.ends, 1);
	assert_true(is_over());
	t.server = NULL;
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_request_is_answered_and_the_connection_lives), T(a_request_may_come_byte_by_byte),
		T(pipelined_requests_are_answered_in_order), T(a_late_answer_waits_for_the_handler), T(a_second_answer_is_refused),
		T(a_body_is_not_read_while_paused), T(an_answer_in_mid_body_is_seen_and_the_rest_dropped),
		T(an_early_answer_to_a_small_body_keeps_the_connection), T(a_post_without_a_length_has_no_body),
		T(head_gets_the_length_without_the_body), T(a_client_that_asks_is_told_to_continue), T(a_file_is_sent_from_an_offset),
		T(a_stream_ends_with_its_connection), T(a_client_that_leaves_ends_its_stream),
		T(a_client_that_half_closes_still_gets_its_answer), T(a_large_answer_waits_for_the_reader),
		T(ambiguous_requests_are_refused_and_the_connection_closed), T(headers_of_more_than_16_kib_are_refused),
		T(headers_of_just_under_16_kib_are_taken), T(a_head_that_never_ends_is_answered_408),
		T(a_request_that_waited_because_the_loop_was_late_is_answered), T(another_upgrade_is_a_plain_request),
		T(an_absolute_target_is_understood), T(draining_ends_connections_after_their_answer), T(the_server_may_be_closed_from_the_end_of_a_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
