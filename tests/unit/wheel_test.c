/* src/wheel.c: deadlines fire once, never early, at most one tick late, whatever the calls do. */
#include "test.h"

#include <stdlib.h>

#include "wheel.h"

#define TICK_MS 100

struct timer {
	struct wheel_entry entry;       /* first: fire gets it */
	int fired;
	int64_t fired_ms;
	struct timer *cancels, *arms;   /* what its call does */
	int64_t arms_due_ms;
};

struct fixture {
	struct wheel wheel;
	int64_t now_ms;
	int calls;
};

static void fire(struct wheel_entry *e, void *ctx)
{
	struct timer *t = (struct timer *)(void *)e;
	struct fixture *f = ctx;

	assert_false(wheel_is_armed(e));
	t->fired++;
	t->fired_ms = f->now_ms;
	f->calls++;
	if (t->cancels)
		wheel_cancel(&f->wheel, &t->cancels->entry);
	if (t->arms)
		wheel_arm(&f->wheel, &t->arms->entry, t->arms_due_ms);
}

static void start(struct fixture *f, int64_t now_ms)
{
	f->now_ms = now_ms;
	f->calls = 0;
	wheel_init(&f->wheel, TICK_MS, now_ms);
}

static void advance(struct fixture *f, int64_t now_ms)
{
	f->now_ms = now_ms;
	wheel_advance(&f->wheel, now_ms, fire, f);
}

static void a_deadline_is_met_within_one_tick_and_never_early(void **state)
{
	for (int64_t due = 1000; due < 1000 + 3 * TICK_MS; due += 7) {
		struct timer t = { 0 };
		struct fixture f;

		start(&f, 1000);
		wheel_arm(&f.wheel, &t.entry, due);
		for (int64_t now = 1000; !t.fired; now++)
			advance(&f, now);
		assert_true(t.fired_ms >= due);
		assert_true(t.fired_ms <= due + TICK_MS);
		assert_int_equal(f.wheel.armed, 0);
	}
}

static void a_deadline_in_the_past_fires_with_the_next_tick(void **state)
{
	struct timer t = { 0 };
	struct fixture f;

	start(&f, 1000);
	wheel_arm(&f.wheel, &t.entry, 5);
	advance(&f, 1099);
	assert_int_equal(t.fired, 0);
	advance(&f, 1100);
	assert_int_equal(t.fired, 1);
}

static void a_deadline_beyond_one_turn_waits_in_its_slot(void **state)
{
	const int64_t turn = (int64_t)WHEEL_SLOTS * TICK_MS, due = 1000 + 3 * turn + 500;
	struct timer t = { 0 };
	struct fixture f;

	start(&f, 1000);
	wheel_arm(&f.wheel, &t.entry, due);
	for (int64_t now = 1000; now < due; now += TICK_MS)
		advance(&f, now);
	assert_int_equal(t.fired, 0);
	advance(&f, due + TICK_MS);
	assert_int_equal(t.fired, 1);
}

static void after_a_long_sleep_everything_due_fires_once(void **state)
{
	enum { N = 3000 };
	struct timer *timers = calloc(N, sizeof(*timers));
	struct fixture f;

	start(&f, 0);
	for (int i = 0; i < N; i++)
		wheel_arm(&f.wheel, &timers[i].entry, (int64_t)i * TICK_MS);
	advance(&f, 2000 * TICK_MS);
	for (int i = 0; i < N; i++)
		assert_int_equal(timers[i].fired, i <= 2000);
	assert_int_equal(f.wheel.armed, 999);
	free(timers);
}

static void arming_again_moves_and_cancelling_forgets(void **state)
{
	struct timer t = { 0 };
	struct fixture f;

	start(&f, 0);
	wheel_arm(&f.wheel, &t.entry, 200);
	wheel_arm(&f.wheel, &t.entry, 500);
	assert_int_equal(f.wheel.armed, 1);
	advance(&f, 400);
	assert_int_equal(t.fired, 0);
	wheel_cancel(&f.wheel, &t.entry);
	wheel_cancel(&f.wheel, &t.entry);
	assert_int_equal(f.wheel.armed, 0);
	advance(&f, 1000);
	assert_int_equal(t.fired, 0);
}

static void a_call_may_arm_itself_into_the_slot_that_is_firing(void **state)
{
	struct timer t = { .arms_due_ms = 300 + (int64_t)WHEEL_SLOTS * TICK_MS };
	struct fixture f;

	t.arms = &t;
	start(&f, 0);
	wheel_arm(&f.wheel, &t.entry, 300);
	advance(&f, 300);
	assert_int_equal(t.fired, 1);
	assert_true(wheel_is_armed(&t.entry));
	advance(&f, t.arms_due_ms);
	assert_int_equal(t.fired, 2);
}

static void a_call_may_cancel_another_that_is_due_too(void **state)
{
	struct timer one = { 0 }, two = { 0 };
	struct fixture f;

	start(&f, 0);
	one.cancels = &two;
	wheel_arm(&f.wheel, &one.entry, 300);
	wheel_arm(&f.wheel, &two.entry, 300);
	advance(&f, 300);
	assert_int_equal(one.fired, 1);
	assert_int_equal(two.fired, 0);
	assert_int_equal(f.wheel.armed, 0);
}

static void a_call_may_put_off_another_that_is_due_too(void **state)
{
	struct timer one = { .arms_due_ms = 900 }, two = { 0 };
	struct fixture f;

	start(&f, 0);
	one.arms = &two;
	wheel_arm(&f.wheel, &one.entry, 300);
	wheel_arm(&f.wheel, &two.entry, 300);
	advance(&f, 800);
	assert_int_equal(two.fired, 0);
	advance(&f, 900);
	assert_int_equal(two.fired, 1);
}

static void time_that_stands_still_or_goes_back_fires_nothing(void **state)
{
	struct timer t = { 0 };
	struct fixture f;

	start(&f, 1000);
	wheel_arm(&f.wheel, &t.entry, 1100);
	advance(&f, 1000);
	advance(&f, 500);
	assert_int_equal(f.calls, 0);
	advance(&f, 1100);
	assert_int_equal(f.calls, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_deadline_is_met_within_one_tick_and_never_early),
		cmocka_unit_test(a_deadline_in_the_past_fires_with_the_next_tick),
		cmocka_unit_test(a_deadline_beyond_one_turn_waits_in_its_slot),
		cmocka_unit_test(after_a_long_sleep_everything_due_fires_once),
		cmocka_unit_test(arming_again_moves_and_cancelling_forgets),
		cmocka_unit_test(a_call_may_arm_itself_into_the_slot_that_is_firing),
		cmocka_unit_test(a_call_may_cancel_another_that_is_due_too),
		cmocka_unit_test(a_call_may_put_off_another_that_is_due_too),
		cmocka_unit_test(time_that_stands_still_or_goes_back_fires_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
