/* src/redis_find.c against Sentinels made here, that answer right, wrong, in pieces, late or not at all. */
#include "test.h"

#include <stdlib.h>

#include "redis_find.h"

#define RIGHT "*2\r\n$9\r\n127.0.0.9\r\n$4\r\n7379\r\n"
#define TIMEOUT_MS 100

struct sentinel {
	uv_tcp_t server, peer;
	uv_timer_t next_piece;
	const char *answer;             /* NULL: it says nothing */
	size_t piece_bytes;             /* of the answer at a time; 0: whole */
	size_t said;
	int asked;
	char heard[256];
	size_t heard_bytes;
};

static uv_loop_t loop;
static struct sentinel sentinels[3];
static struct redis_address address;
static struct redis_place found;
static char why[512];
static int calls, places;

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	struct sentinel *s = handle->data;

	*out = uv_buf_init(s->heard + s->heard_bytes, (unsigned int)(sizeof(s->heard) - 1 - s->heard_bytes));
}

static void say(uv_timer_t *timer)
{
	struct sentinel *s = timer->data;
	size_t all = strlen(s->answer), left = s->said < all ? all - s->said : 0;
	size_t n = s->piece_bytes && s->piece_bytes < left ? s->piece_bytes : left;
	uv_buf_t piece = uv_buf_init((char *)s->answer + s->said, (unsigned int)n);

	if (uv_is_closing((uv_handle_t *)&s->peer) || n == 0)
		return;
	assert_int_equal(uv_try_write((uv_stream_t *)&s->peer, &piece, 1), (int)n);
	s->said += n;
	uv_timer_start(timer, say, 1, 0);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct sentinel *s = stream->data;

	if (n < 0) {
		uv_timer_stop(&s->next_piece); /* the next case has another answer */
		uv_close((uv_handle_t *)stream, NULL);
		return;
	}
	s->heard_bytes += (size_t)n;
	if (s->answer && strstr(s->heard, "get-master-addr-by-name\r\n$4\r\nmain\r\n"))
		say(&s->next_piece);
	if (s->answer && !*s->answer)
		uv_close((uv_handle_t *)stream, NULL);
}

static void on_peer(uv_stream_t *server, int status)
{
	struct sentinel *s = server->data;

	assert_int_equal(status, 0);
	s->asked++;
	s->said = s->heard_bytes = 0;
	memset(s->heard, 0, sizeof(s->heard));
	uv_tcp_init(&loop, &s->peer);
	s->peer.data = s;
	assert_int_equal(uv_accept(server, (uv_stream_t *)&s->peer), 0);
	uv_read_start((uv_stream_t *)&s->peer, on_alloc, on_read);
}

/* Each on a port of its own; the address names them in this order. */
static int set_up(void **state)
{
	uv_loop_init(&loop);
	address = (struct redis_address){ .n_sentinels = 3, .master = "main" };
	for (int i = 0; i < 3; i++) {
		struct sentinel *s = &sentinels[i];
		struct sockaddr_in where;
		int n = sizeof(where);

		*s = (struct sentinel){ 0 };
		s->server.data = s->next_piece.data = s;
		uv_tcp_init(&loop, &s->server);
		uv_timer_init(&loop, &s->next_piece);
		uv_ip4_addr("127.0.0.1", 0, &where);
		assert_int_equal(uv_tcp_bind(&s->server, (struct sockaddr *)&where, 0), 0);
		assert_int_equal(uv_listen((uv_stream_t *)&s->server, 8, on_peer), 0);
		uv_tcp_getsockname(&s->server, (struct sockaddr *)&where, &n);
		snprintf(address.sentinels[i].host, sizeof(address.sentinels[i].host), "%s", i == 1 ? "localhost" : "127.0.0.1");
		address.sentinels[i].port = ntohs(where.sin_port);
	}
	calls = places = 0;
	return 0;
}

static void close_all(uv_handle_t *handle, void *ctx)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static int tear_down(void **state)
{
	uv_walk(&loop, close_all, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	return uv_loop_close(&loop);
}

static void on_found(void *ctx, const struct redis_place *place, const char *reason)
{
	calls++;
	snprintf(why, sizeof(why), "%s", reason);
	if (place) {
		found = *place;
		places++;
	}
}

static void run_until_called(void)
{
	while (calls == 0)
		uv_run(&loop, UV_RUN_ONCE);
}

static void find(void)
{
	calls = places = 0;
	assert_non_null(redis_find(&loop, &address, TIMEOUT_MS, on_found, NULL));
	assert_int_equal(calls, 0);
	run_until_called();
	assert_int_equal(calls, 1);
}

static void the_first_one_that_knows_is_believed_and_asked_first_the_next_time(void **state)
{
	sentinels[1].answer = "*-1\r\n";
	sentinels[2].answer = RIGHT;
	find();
	assert_int_equal(places, 1);
	assert_string_equal(found.host, "127.0.0.9");
	assert_int_equal(found.port, 7379);
	assert_int_equal(sentinels[0].asked + sentinels[1].asked + sentinels[2].asked, 3);
	find();
	assert_int_equal(places, 1);
	assert_int_equal(sentinels[0].asked + sentinels[1].asked, 2);
	assert_int_equal(sentinels[2].asked, 2);
}

static void who_named_no_master_is_asked_last(void **state)
{
	for (int i = 0; i < 3; i++)
		sentinels[i].answer = RIGHT;
	find();
	redis_find_distrust(&address);
	find();
	assert_int_equal(sentinels[0].asked, 1);
	assert_int_equal(sentinels[1].asked, 1);
}

static void who_told_of_a_fail_over_is_asked_first(void **state)
{
	const struct redis_sentinel who = address.sentinels[2], stranger = { "127.0.0.1", 1 };

	sentinels[2].answer = RIGHT;
	redis_find_trust(&address, &who);
	redis_find_trust(&address, &stranger);
	redis_find_trust(&address, &who);
	find();
	assert_int_equal(places, 1);
	assert_int_equal(sentinels[0].asked + sentinels[1].asked, 0);
}

/* The verdict after a check that asks as often as it must. */
static enum redis_verdict check(struct redis_doubt *doubt, const struct redis_place *here)
{
	enum redis_verdict verdict = REDIS_ASK_ANOTHER;

	redis_check_begin(doubt, &address);
	for (int i = 0; i < 3 && verdict == REDIS_ASK_ANOTHER; i++) {
		find();
		verdict = redis_check_judge(doubt, &address, here, places ? &found : NULL);
	}
	return verdict;
}

static void two_who_name_another_master_are_needed_to_leave_it(void **state)
{
	static const char *const others[] = { "*2\r\n$9\r\n127.0.0.9\r\n$1\r\n1\r\n", "*2\r\n$9\r\n127.0.0.9\r\n$1\r\n2\r\n" };
	struct redis_doubt doubt = { 0 };
	struct redis_place here;

	for (int i = 0; i < 3; i++)
		sentinels[i].answer = RIGHT;
	find();
	here = found;
	assert_int_equal(check(&doubt, &here), REDIS_STAY);
	sentinels[1].answer = others[0];
	for (int i = 0; i < 4; i++)
		assert_int_equal(check(&doubt, &here), REDIS_STAY);
	sentinels[2].answer = others[1];
	sentinels[0].answer = "";
	for (int i = 0; i < 4; i++)
		assert_int_equal(check(&doubt, &here), REDIS_STAY);
	sentinels[2].answer = others[0];
	assert_int_equal(check(&doubt, &here), REDIS_LEAVE);
	sentinels[2].answer = "";
	assert_int_equal(check(&doubt, &here), REDIS_STAY);
	for (int i = 0; i < 3; i++)
		sentinels[i].answer = "";
	assert_int_equal(check(&doubt, &here), REDIS_STAY);
}

static void an_only_sentinel_is_believed(void **state)
{
	struct redis_doubt doubt = { 0 };
	struct redis_place here = { .name = "127.0.0.8", .port = 7379 };

	address.n_sentinels = 1;
	sentinels[0].answer = RIGHT;
	assert_int_equal(check(&doubt, &here), REDIS_LEAVE);
}

static void an_answer_in_pieces_is_one_answer(void **state)
{
	sentinels[0].answer = RIGHT;
	sentinels[0].piece_bytes = 1;
	address.n_sentinels = 1;
	assert_non_null(redis_find(&loop, &address, 20 * TIMEOUT_MS, on_found, NULL));
	run_until_called();
	assert_int_equal(places, 1);
	assert_int_equal(found.port, 7379);
}

static void a_master_by_name_is_looked_up(void **state)
{
	sentinels[0].answer = "*2\r\n$9\r\nlocalhost\r\n$1\r\n9\r\n";
	find();
	assert_int_equal(places, 1);
	assert_string_equal(found.host, "127.0.0.1");
	assert_string_equal(found.name, "localhost");
}

static void who_names_what_nobody_knows_is_passed_over(void **state)
{
	char label[256] = "", too_long[350];

	memset(label, 'x', sizeof(label) - 1);
	snprintf(too_long, sizeof(too_long), "*2\r\n$255\r\n%s\r\n$1\r\n9\r\n", label); /* refused at once, before a lookup */
	sentinels[0].answer = too_long;
	sentinels[1].answer = "*2\r\n$12\r\nname.invalid\r\n$1\r\n9\r\n";
	sentinels[2].answer = RIGHT;
	find();
	assert_int_equal(places, 1);
	assert_string_equal(found.host, "127.0.0.9");
	sentinels[2].answer = "*-1\r\n";
	find();
	assert_int_equal(places, 0);
	assert_non_null(strstr(why, "Sentinel "));
}

static void the_password_goes_before_the_question(void **state)
{
	static const char auth[] = "*2\r\n$4\r\nAUTH\r\n$6\r\ntheirs\r\n*3\r\n";

	address.n_sentinels = 1;
	strcpy(address.sentinel_password, "theirs");
	sentinels[0].answer = "+OK\r\n" RIGHT;
	find();
	assert_int_equal(places, 1);
	assert_memory_equal(sentinels[0].heard, auth, sizeof(auth) - 1);
	sentinels[0].answer = "-WRONGPASS invalid username-password pair or user is disabled.\r\n" RIGHT;
	find();
	assert_int_equal(places, 0);
	assert_non_null(strstr(why, "WRONGPASS invalid"));
	assert_null(strstr(why, "theirs"));
}

static void odd_answers_are_no_address(void **state)
{
	static const char *const odd[] = { "", "-ERR no\r\n", "*-1\r\n", "$-1\r\n", "*2\r\n$0\r\n\r\n$4\r\n7379\r\n", "*2\r\n$1\r\na\r\n$5\r\n70000\r\n",
					   "*2\r\n$1\r\na\r\n$1\r\n0\r\n", "*2\r\n$1\r\na\r\n$2\r\n-1\r\n", "*2\r\n:1\r\n$1\r\n1\r\n", "*2\r\n$999\r\na\r\n",
					   "*2\r\n$1\r\na\r\n$1\r\n", "*3\r\n$1\r\na\r\n$1\r\n1\r\n", "\r\n", "+OK\r\n+OK\r\n+OK\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n" };

	address.n_sentinels = 1;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		sentinels[0].answer = odd[i];
		find();
		assert_int_equal(places, 0);
		assert_non_null(strstr(why, "Sentinel 127.0.0.1 port "));
	}
}

static void an_answer_without_an_end_is_given_up(void **state)
{
	static char endless[4000];

	memset(endless, '9', sizeof(endless) - 1);
	address.n_sentinels = 1;
	sentinels[0].answer = endless;
	find();
	assert_int_equal(places, 0);
}

static void forgetting_is_good_at_any_time(void **state)
{
	sentinels[0].answer = "*-1\r\n";
	sentinels[1].answer = "*2\r\n$9\r\nlocalhost\r\n$1\r\n9\r\n";
	for (int turns = 0; turns < 40; turns++) {
		struct redis_find *f;

		calls = 0;
		f = redis_find(&loop, &address, TIMEOUT_MS, on_found, NULL);
		assert_non_null(f);
		for (int i = 0; i < turns && calls == 0; i++)
			uv_run(&loop, UV_RUN_ONCE);
		if (calls)
			break;
		redis_find_forget(f);
		uv_run(&loop, UV_RUN_NOWAIT);
		assert_int_equal(calls, 0);
	}
	find();
	assert_int_equal(places, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_one_that_knows_is_believed_and_asked_first_the_next_time),
		TEST(who_named_no_master_is_asked_last),
		TEST(who_told_of_a_fail_over_is_asked_first),
		TEST(two_who_name_another_master_are_needed_to_leave_it),
		TEST(an_only_sentinel_is_believed),
		TEST(an_answer_in_pieces_is_one_answer),
		TEST(a_master_by_name_is_looked_up),
		TEST(who_names_what_nobody_knows_is_passed_over),
		TEST(the_password_goes_before_the_question),
		TEST(odd_answers_are_no_address),
		TEST(an_answer_without_an_end_is_given_up),
		TEST(forgetting_is_good_at_any_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
