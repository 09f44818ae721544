#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "notifier/outbox.h"

static struct outbox *outbox;

static int setup(void **state)
{
	outbox = outbox_new();
	return outbox ? 0 : -1;
}

static int teardown(void **state)
{
	outbox_free(outbox);
	return 0;
}

static struct frame_copy *copy_of(const char *text)
{
	char bytes[FRAME_HEADROOM + 1024];
	struct frame f = { .text = bytes + FRAME_HEADROOM, .n = strlen(text) };
	struct frame_copy *copy;

	memcpy(f.text, text, f.n);
	assert_int_equal(frame_scan(str_of(f.text, f.n), &f.info), 0);
	copy = frame_share(&f);
	frame_done(&f);
	return copy;
}

static int push(const char *text, size_t max)
{
	return outbox_push(outbox, copy_of(text), max);
}

static void cv(char *out, size_t cap, int number, const char *id, const char *status)
{
	snprintf(out, cap, "{\"id\":\"%d-0\",\"prev\":\"%d-0\",\"type\":\"cv_progress\",\"cv_id\":\"%s\",\"status\":\"%s\"}", number, number - 1, id, status);
}

static void push_cv(int number, const char *id, const char *status)
{
	char text[256];

	cv(text, sizeof(text), number, id, status);
	assert_int_equal(push(text, 1 << 20), 0);
}

/* Takes everything out; the ids that came, as text. */
static const char *drained(void)
{
	static char ids[4096];
	size_t n = 0;

	ids[0] = '\0';
	for (struct frame *f; (f = outbox_first(outbox)) != NULL; outbox_pop(outbox))
		n += (size_t)snprintf(ids + n, sizeof(ids) - n, "%llu ", (unsigned long long)f->info.id.ms);
	return ids;
}

static void frames_come_out_in_order(void **state)
{
	push_cv(1, "a", "completed");
	push_cv(2, "b", "completed");
	push_cv(3, "c", "failed");
	assert_string_equal(drained(), "1 2 3 ");
	assert_true(outbox_is_empty(outbox));
	assert_int_equal(outbox_bytes(outbox), 0);
}

static void newer_progress_takes_the_place_of_older(void **state)
{
	push_cv(1, "a", "processing");
	push_cv(2, "b", "processing");
	push_cv(3, "a", "processing");
	assert_string_equal(drained(), "2 3 ");
	assert_int_equal(outbox_replaced(outbox), 1);
}

static void a_terminal_takes_the_place_of_progress_and_stays(void **state)
{
	push_cv(1, "a", "processing");
	push_cv(2, "a", "completed");
	push_cv(3, "a", "processing"); /* a person's new attempt */
	push_cv(4, "a", "processing");
	assert_string_equal(drained(), "2 4 ");
}

static void a_batch_is_not_a_cv_of_the_same_name(void **state)
{
	assert_int_equal(push("{\"id\":\"1-0\",\"prev\":\"0-0\",\"type\":\"cv_progress\",\"cv_id\":\"x\",\"status\":\"queued\"}", 4096), 0);
	assert_int_equal(push("{\"id\":\"2-0\",\"prev\":\"1-0\",\"type\":\"batch_progress\",\"batch_id\":\"x\",\"status\":\"open\"}", 4096), 0);
	assert_int_equal(push("{\"id\":\"3-0\",\"prev\":\"2-0\",\"type\":\"batch_progress\",\"batch_id\":\"x\",\"status\":\"processing\"}", 4096), 0);
	assert_int_equal(push("{\"id\":\"4-0\",\"prev\":\"3-0\",\"type\":\"batch_progress\",\"batch_id\":\"x\",\"status\":\"completed_with_errors\"}", 4096), 0);
	assert_int_equal(push("{\"id\":\"5-0\",\"prev\":\"4-0\",\"type\":\"batch_progress\",\"batch_id\":\"x\",\"status\":\"processing\"}", 4096), 0);
	assert_string_equal(drained(), "1 4 5 ");
}

static void frames_about_nothing_known_all_stay(void **state)
{
	for (int i = 0; i < 3; i++)
		assert_int_equal(push("{\"type\":\"note\",\"cv_id\":\"a\"}", 4096), 0);
	assert_string_equal(drained(), "0 0 0 ");
}

static void the_bound_holds(void **state)
{
	char text[256];
	int i = 0, rc;

	do {
		char id[16];

		snprintf(id, sizeof(id), "c%d", i);
		cv(text, sizeof(text), ++i, id, "completed");
		rc = push(text, 4096);
	} while (rc == 0);
	assert_int_equal(rc, -ENOSPC);
	assert_true(outbox_bytes(outbox) <= 4096);
	assert_true(i > 8 && i < 40);
}

static void progress_alone_never_passes_the_bound(void **state)
{
	char text[256];

	for (int i = 1; i <= 50000; i++) {
		cv(text, sizeof(text), i, i % 2 ? "a" : "b", "processing");
		assert_int_equal(push(text, 4096), 0);
	}
	assert_string_equal(drained(), "49999 50000 ");
}

static void terminal_events_survive_among_thousands_of_progress_events(void **state)
{
	char text[256], id[16];
	int terminals = 0, last = 0;

	for (int i = 1; i <= 20000; i++) {
		snprintf(id, sizeof(id), "c%d", i % 500);
		cv(text, sizeof(text), i, id, i % 40 == 0 ? "completed" : "processing");
		assert_int_equal(push(text, 1 << 20), 0);
	}
	for (struct frame *f; (f = outbox_first(outbox)) != NULL; outbox_pop(outbox)) {
		assert_true((int)f->info.id.ms > last);
		last = (int)f->info.id.ms;
		terminals += str_eq(f->info.status, STR("completed"));
	}
	assert_int_equal(terminals, 500);
	assert_int_equal(last, 20000);
}

static void a_replay_is_neither_bounded_nor_thinned(void **state)
{
	char text[256];

	for (int i = 1; i <= 3; i++) {
		cv(text, sizeof(text), i, "a", "processing");
		assert_int_equal(outbox_push_replay(outbox, copy_of(text)), 0);
	}
	push_cv(4, "a", "processing");
	push_cv(5, "a", "processing");
	assert_string_equal(drained(), "1 2 3 5 ");
}

static void a_replay_takes_no_room_from_what_comes_live(void **state)
{
	char text[256];

	for (int i = 1; i <= 40; i++) {
		cv(text, sizeof(text), i, "a", "processing");
		assert_int_equal(outbox_push_replay(outbox, copy_of(text)), 0);
	}
	assert_int_equal(outbox_push(outbox, copy_of("{\"type\":\"resumed\"}"), 4096), 0);
	assert_true(outbox_bytes(outbox) <= 4096);
}

static void a_shared_frame_lives_as_long_as_one_outbox_holds_it(void **state)
{
	struct outbox *other = outbox_new();
	struct frame_copy *copy = copy_of("{\"id\":\"7-0\",\"prev\":\"0-0\",\"type\":\"x\"}");

	assert_int_equal(outbox_push(outbox, frame_hold(copy), 4096), 0);
	assert_int_equal(outbox_push(other, copy, 4096), 0);
	assert_string_equal(drained(), "7 ");
	assert_str_equal(outbox_first(other)->info.type, "x");
	outbox_free(other);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(frames_come_out_in_order), T(newer_progress_takes_the_place_of_older), T(a_terminal_takes_the_place_of_progress_and_stays),
		T(a_batch_is_not_a_cv_of_the_same_name), T(frames_about_nothing_known_all_stay), T(the_bound_holds),
		T(progress_alone_never_passes_the_bound), T(terminal_events_survive_among_thousands_of_progress_events),
		T(a_replay_is_neither_bounded_nor_thinned), T(a_replay_takes_no_room_from_what_comes_live), T(a_shared_frame_lives_as_long_as_one_outbox_holds_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
