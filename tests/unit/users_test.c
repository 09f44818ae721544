#include "test.h"

#include <stdio.h>

#include "notifier/users.h"

static void users_are_found_by_their_whole_name(void **state)
{
	struct users *t = users_new(1);
	struct user *a = users_add(t, STR("4")), *b = users_add(t, STR("42"));

	assert_ptr_equal(users_find(t, STR("4")), a);
	assert_ptr_equal(users_find(t, STR("42")), b);
	assert_null(users_find(t, STR("421")));
	assert_str_equal(user_id(b), "42");
	users_remove(t, a);
	assert_null(users_find(t, STR("4")));
	assert_int_equal(users_count(t), 1);
	users_free(t);
}

static void the_table_grows_and_keeps_everybody(void **state)
{
	struct users *t = users_new(99);
	char id[16];

	for (int i = 0; i < 10000; i++) {
		snprintf(id, sizeof(id), "u%d", i);
		assert_non_null(users_add(t, str_c(id)));
	}
	for (int i = 0; i < 10000; i += 2) {
		snprintf(id, sizeof(id), "u%d", i);
		users_remove(t, users_find(t, str_c(id)));
	}
	for (int i = 0; i < 10000; i++) {
		snprintf(id, sizeof(id), "u%d", i);
		assert_int_equal(users_find(t, str_c(id)) != NULL, i % 2);
	}
	assert_int_equal(users_count(t), 5000);
	users_free(t);
}

static void remove_odd(struct user *u, void *ctx)
{
	if ((u->id[u->id_n - 1] - '0') % 2)
		users_remove(ctx, u);
}

static void a_walk_may_remove_the_user_it_is_at(void **state)
{
	struct users *t = users_new(5);
	char id[16];

	for (int i = 0; i < 1000; i++) {
		snprintf(id, sizeof(id), "u%d", i);
		users_add(t, str_c(id));
	}
	users_each(t, remove_odd, t);
	assert_int_equal(users_count(t), 500);
	users_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_are_found_by_their_whole_name), cmocka_unit_test(the_table_grows_and_keeps_everybody),
		cmocka_unit_test(a_walk_may_remove_the_user_it_is_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
