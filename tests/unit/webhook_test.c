/* src/webhook.c: signatures as receivers check them. */
#include "test.h"

#include <errno.h>

#include "webhook.h"

#define EXAMPLE "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define EXAMPLE_SIGNATURE "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

static int sign(const char *secrets, struct buf *out)
{
	buf_init(out, 1024);
	return webhook_sign(str_c(secrets), STR("msg_p5jXN8AQM9LWM0D4loKWxJek"), 1614265330, STR("{\"test\": 2432232314}"), out);
}

static void expect(const char *secrets, const char *signatures)
{
	struct buf out;

	assert_int_equal(sign(secrets, &out), 0);
	assert_int_equal(out.n, strlen(signatures));
	assert_memory_equal(out.p, signatures, out.n);
	buf_free(&out);
}

/* The example of the Standard Webhooks specification. */
static void the_example_of_the_specification_is_met(void **state)
{
	expect(EXAMPLE, EXAMPLE_SIGNATURE);
	expect("\r\n " EXAMPLE " \r\n\n", EXAMPLE_SIGNATURE);
}

static void each_of_several_secrets_signs(void **state)
{
	expect(EXAMPLE "\n" EXAMPLE "\n", EXAMPLE_SIGNATURE " " EXAMPLE_SIGNATURE);
}

static void an_unusable_secret_is_refused(void **state)
{
	static const char *const secrets[] = {
		"", "\n", "whsec_", "whsec_abc", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa=w",
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS=" /* 23 bytes */,
		"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" /* 65 */,
		EXAMPLE "\nwhsec_short",
	};
	struct buf out;

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		assert_int_equal(sign(secrets[i], &out), -EINVAL);
		buf_free(&out);
	}
}

static void the_shortest_and_the_longest_secret_are_good(void **state)
{
	struct buf out;

	assert_int_equal(sign("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &out), 0);
	buf_free(&out);
	assert_int_equal(sign("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", &out), 0);
	buf_free(&out);
}

static void only_what_was_answered_by_2xx_was_heard(void **state)
{
	char text[WEBHOOK_REASON_SIZE];

	assert_true(webhook_heard(200) && webhook_heard(204) && webhook_heard(-EMSGSIZE));
	assert_false(webhook_heard(302) || webhook_heard(410) || webhook_heard(500) || webhook_heard(-ETIMEDOUT));
	assert_true(webhook_refused_for_good(410) && !webhook_refused_for_good(404));
	assert_string_equal(webhook_reason(503, text), "503");
	assert_string_equal(webhook_reason(-EACCES, text), "address_not_allowed");
	assert_string_equal(webhook_reason(-EKEYREJECTED, text), "certificate");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_specification_is_met),
		cmocka_unit_test(each_of_several_secrets_signs),
		cmocka_unit_test(an_unusable_secret_is_refused),
		cmocka_unit_test(the_shortest_and_the_longest_secret_are_good),
		cmocka_unit_test(only_what_was_answered_by_2xx_was_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
