#include "test.h"

#include "notifier/message.h"

static enum message_kind kind(const char *text)
{
	struct str token;

	return message_read(str_c(text), &token);
}

static void both_forms_of_ping_are_read(void **state)
{
	assert_int_equal(kind("ping"), MESSAGE_PING);
	assert_int_equal(kind("{\"type\":\"ping\"}"), MESSAGE_PING);
	assert_int_equal(kind("{ \"n\": 1, \"type\" : \"ping\" }"), MESSAGE_PING);
}

static void near_misses_mean_nothing(void **state)
{
	static const char *const texts[] = { "", "PING", "ping ", "\"ping\"", "{\"type\":\"ping\"", "{\"type\":\"pong\"}", "{\"x\":{\"type\":\"ping\"}}", "[]", "{}" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(kind(texts[i]), MESSAGE_OTHER);
}

static void a_token_is_taken_out(void **state)
{
	struct str token;

	assert_int_equal(message_read(STR("{\"type\":\"auth\",\"token\":\"a.b.c\"}"), &token), MESSAGE_AUTH);
	assert_str_equal(token, "a.b.c");
	assert_int_equal(message_read(STR("{\"type\":\"auth\",\"token\":7}"), &token), MESSAGE_AUTH);
	assert_int_equal(token.n, 0);
	assert_int_equal(message_read(STR("{\"type\":\"auth\"}"), &token), MESSAGE_AUTH);
	assert_int_equal(token.n, 0);
}

static void five_hundred_characters_are_the_limit_except_for_tokens(void **state)
{
	char text[2048];
	struct str token;

	memset(text, 'x', sizeof(text));
	assert_int_equal(message_read(str_of(text, 500), &token), MESSAGE_OTHER);
	assert_int_equal(message_read(str_of(text, 501), &token), MESSAGE_TOO_LONG);
	for (int i = 0; i < 500; i++)
		memcpy(text + 2 * i, "\xC3\xA9", 2);
	assert_int_equal(message_read(str_of(text, 1000), &token), MESSAGE_OTHER);
	memset(text, 'x', sizeof(text));
	memcpy(text, "{\"type\":\"auth\",\"token\":\"", 24);
	memcpy(text + 1500, "\"}", 2);
	assert_int_equal(message_read(str_of(text, 1502), &token), MESSAGE_AUTH);
	assert_int_equal(token.n, 1476);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_forms_of_ping_are_read), cmocka_unit_test(near_misses_mean_nothing),
		cmocka_unit_test(a_token_is_taken_out), cmocka_unit_test(five_hundred_characters_are_the_limit_except_for_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
