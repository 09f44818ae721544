/* src/keys.c: names of Redis keys in both forms. */
#include "test.h"

#include <errno.h>

#include "keys.h"

#define PLAIN "user:<id>:"
#define SLOT "user:{<id>}:"

static void names_follow_the_configured_form(void **state)
{
	char key[KEY_SIZE];

	assert_str_equal(key_user(key, PLAIN, STR("42"), "events"), "user:42:events");
	assert_str_equal(key_user(key, SLOT, STR("42"), "events"), "user:{42}:events");
	assert_str_equal(key_user(key, SLOT, STR("42"), ""), "user:{42}:");
	assert_str_equal(key_batch(key, PLAIN, STR("42"), STR("b1"), ""), "user:42:batch:b1");
	assert_str_equal(key_batch(key, SLOT, STR("42"), STR("b1"), ":cvs"), "user:{42}:batch:b1:cvs");
}

static void the_longest_ids_fit(void **state)
{
	char key[KEY_SIZE], id[ID_MAX];
	struct str name;

	memset(id, 'x', sizeof(id));
	name = key_batch(key, SLOT, str_of(id, ID_MAX), str_of(id, ID_MAX), ":cvs");
	assert_int_equal(name.n, strlen("user:{}:batch::cvs") + 2 * ID_MAX);
	assert_int_equal(strlen(key), name.n);
}

static void a_channel_gives_its_user_back(void **state)
{
	struct str user;

	assert_int_equal(key_channel_user(STR("user:42:events"), PLAIN, &user), 0);
	assert_str_equal(user, "42");
	assert_int_equal(key_channel_user(STR("user:{42}:events"), SLOT, &user), 0);
	assert_str_equal(user, "42");
	assert_int_equal(key_channel_user(STR("user:42:events"), SLOT, &user), -EINVAL);
	assert_int_equal(key_channel_user(STR("user::events"), PLAIN, &user), -EINVAL);
	assert_int_equal(key_channel_user(STR("user:42:history"), PLAIN, &user), -EINVAL);
	assert_int_equal(key_channel_user(STR("cvpulse:control"), PLAIN, &user), -EINVAL);
	assert_int_equal(key_channel_user(STR(""), PLAIN, &user), -EINVAL);
	assert_int_equal(key_channel_user(STR("user:events"), PLAIN, &user), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_follow_the_configured_form),
		cmocka_unit_test(the_longest_ids_fit),
		cmocka_unit_test(a_channel_gives_its_user_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
