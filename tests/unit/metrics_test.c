/* src/metrics.c: Prometheus text, for this program's rows only. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "metrics.h"

static char *text_of(enum metrics_program program)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	metrics_render(program, &b);
	buf_add(&b, "", 1);
	assert_false(b.failed);
	return b.p;
}

static void a_value_is_shown_with_help_and_type(void **state)
{
	char *text;

	metrics_set(METRIC_redis_connected, 1);
	metrics_add(METRIC_http_errors_4xx, 2);
	metrics_add(METRIC_http_errors_4xx, 3);
	text = text_of(NOTIFIER);
	assert_non_null(strstr(text, "# HELP cvpulse_redis_connected 1 while the Redis connection works.\n# TYPE cvpulse_redis_connected gauge\n"
				     "cvpulse_redis_connected 1\n"));
	assert_non_null(strstr(text, "cvpulse_http_errors_total{class=\"4xx\"} 5\ncvpulse_http_errors_total{class=\"5xx\"} 0\n"));
	free(text);
}

static int count(const char *text, const char *what)
{
	int n = 0;

	while ((text = strstr(text, what))) {
		text++;
		n++;
	}
	return n;
}

/* A name that comes back after another one would be headed twice: Prometheus refuses the whole page then. */
static void each_name_is_headed_once(void **state)
{
	static const enum metrics_program programs[] = { NOTIFIER, WORKER };

	for (int i = 0; i < 2; i++) {
		char *text = text_of(programs[i]), *at = text;

		while ((at = strstr(at, "# TYPE "))) {
			char head[200];

			snprintf(head, sizeof(head), "%.*s ", (int)strcspn(at + 7, " ") + 7, at);
			assert_int_equal(count(text, head), 1);
			at++;
		}
		free(text);
	}
}

static void every_row_of_a_program_is_shown(void **state)
{
	char *notifier = text_of(NOTIFIER), *worker = text_of(WORKER);

	assert_int_equal(count(notifier, "\ncvpulse_start_time_seconds "), 1);
	assert_int_equal(count(worker, "\ncvpulse_start_time_seconds "), 1);
	free(notifier);
	free(worker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_is_shown_with_help_and_type),
		cmocka_unit_test(each_name_is_headed_once),
		cmocka_unit_test(every_row_of_a_program_is_shown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
