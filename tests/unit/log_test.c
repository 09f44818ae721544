/* src/log.c: what reaches stderr. */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "log.h"

static char text[65536];
static int old_stderr;
static FILE *caught;

static void catch_stderr(void)
{
	caught = tmpfile();
	old_stderr = dup(STDERR_FILENO);
	dup2(fileno(caught), STDERR_FILENO);
}

static const char *caught_text(void)
{
	size_t n;

	dup2(old_stderr, STDERR_FILENO);
	close(old_stderr);
	rewind(caught);
	n = fread(text, 1, sizeof(text) - 1, caught);
	text[n] = '\0';
	fclose(caught);
	return text;
}

static void configure(const char *format, const char *level, const char *users, int64_t lines_per_s)
{
	struct config cfg = { .log_format = (char *)(uintptr_t)format, .log_level = (char *)(uintptr_t)level,
			      .log_user_ids = (char *)(uintptr_t)users, .log_max_lines_per_s = lines_per_s };

	log_configure(&cfg);
}

static void json_lines_are_json_whatever_the_fields_hold(void **state)
{
	configure("json", "info", "hashed", 1000);
	catch_stderr();
	LOG(INFO, "tested", LOG_STR("text", STR("a \"b\"\n\xFF")), LOG_INT("n", -5), LOG_ERRNO(-ENOENT));
	assert_non_null(strstr(caught_text(), "Z\",\"level\":\"info\",\"event\":\"tested\",\"text\":\"a \\\"b\\\"\\n\xEF\xBF\xBD\",\"n\":-5,"
					      "\"error\":\"No such file or directory\"}\n"));
	assert_int_equal(strncmp(text, "{\"ts\":\"20", 9), 0);
}

static void text_lines_stay_one_line(void **state)
{
	configure("text", "info", "hashed", 1000);
	catch_stderr();
	LOG(WARNING, "tested", LOG_TEXT("text", "two\nlines"));
	LOG(INFO, "bare");
	assert_non_null(strstr(caught_text(), " warning tested text=\"two\\nlines\"\n"));
	assert_non_null(strstr(text, " info    bare\n"));
}

static void lines_below_the_level_are_not_written(void **state)
{
	configure("json", "warning", "hashed", 1000);
	catch_stderr();
	LOG(DEBUG, "quiet");
	LOG(INFO, "quiet");
	LOG(ERROR, "loud");
	assert_null(strstr(caught_text(), "quiet"));
	assert_non_null(strstr(text, "\"level\":\"error\",\"event\":\"loud\""));
}

static void users_are_hashed_unless_wanted_plain(void **state)
{
	configure("json", "info", "hashed", 1000);
	catch_stderr();
	LOG(INFO, "user_event", LOG_USER(STR("jane@example.org")));
	assert_null(strstr(caught_text(), "jane"));
	assert_non_null(strstr(text, "\"user\":\"u"));
	configure("json", "info", "plain", 1000);
	catch_stderr();
	LOG(INFO, "user_event", LOG_USER(STR("jane@example.org")));
	assert_non_null(strstr(caught_text(), "\"user\":\"jane@example.org\""));
}

static void a_flood_of_one_event_is_bounded_and_others_are_not(void **state)
{
	int lines = 0;

	configure("json", "info", "hashed", 5);
	catch_stderr();
	for (int i = 0; i < 1000; i++)
		LOG(INFO, "flood");
	LOG(INFO, "rare");
	for (const char *at = caught_text(); (at = strstr(at, "\"flood\"")); at++)
		lines++;
	assert_in_range(lines, 5, 10); /* the second may turn meanwhile */
	assert_non_null(strstr(text, "\"rare\""));
}

static void a_long_field_is_cut_and_the_line_stays_whole(void **state)
{
	char *field = malloc(20000);

	memset(field, 'x', 20000);
	configure("json", "info", "hashed", 1000);
	catch_stderr();
	LOG(INFO, "long_line", LOG_STR("first", str_of(field, 20000)), LOG_INT("second", 2));
	assert_non_null(strstr(caught_text(), "xxx\",\"second\":2}\n"));
	assert_true(strlen(text) < 4096);
	free(field);
}

static void a_cut_never_splits_a_character(void **state)
{
	char field[3000];

	for (size_t i = 0; i < sizeof(field); i++)
		field[i] = i % 2 ? '\xA9' : '\xC3';
	configure("json", "info", "hashed", 1000);
	catch_stderr();
	LOG(INFO, "cut_line", LOG_STR("a", str_of(field, sizeof(field))), LOG_STR("b", str_of(field + 1, 0)));
	assert_null(strstr(caught_text(), "\xEF\xBF\xBD"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_lines_are_json_whatever_the_fields_hold),
		cmocka_unit_test(text_lines_stay_one_line),
		cmocka_unit_test(lines_below_the_level_are_not_written),
		cmocka_unit_test(users_are_hashed_unless_wanted_plain),
		cmocka_unit_test(a_flood_of_one_event_is_bounded_and_others_are_not),
		cmocka_unit_test(a_long_field_is_cut_and_the_line_stays_whole),
		cmocka_unit_test(a_cut_never_splits_a_character),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
