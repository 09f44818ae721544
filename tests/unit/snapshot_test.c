#include "test.h"

#include <stdio.h>

#include "notifier/snapshot.h"

static struct snapshot snapshot;
static struct buf out;

static int setup(void **state)
{
	snapshot_init(&snapshot, (struct stream_id){ 5, 2 });
	buf_init(&out, 1 << 24);
	return 0;
}

static int teardown(void **state)
{
	snapshot_free(&snapshot);
	buf_free(&out);
	return 0;
}

static void a_snapshot_of_nothing_is_whole(void **state)
{
	snapshot_write(&snapshot, false, &out);
	assert_str_equal(buf_str(&out), "{\"type\":\"snapshot\",\"last_id\":\"5-2\",\"batches\":[],\"cvs\":[],\"more\":false}");
}

static void frames_stand_in_it_as_they_were_stored(void **state)
{
	snapshot_add_batch(&snapshot, STR("{\"b\":  1}"));
	snapshot_add_cv(&snapshot, STR("{\"c\":1.50}"));
	snapshot_add_cv(&snapshot, STR("{\"c\":[]}"));
	snapshot_write(&snapshot, true, &out);
	assert_str_equal(buf_str(&out), "{\"type\":\"snapshot\",\"last_id\":\"5-2\",\"batches\":[{\"b\":  1}],\"cvs\":[{\"c\":1.50},{\"c\":[]}],\"more\":true}");
}

static void what_is_no_object_is_left_out(void **state)
{
	snapshot_add_batch(&snapshot, STR(""));
	snapshot_add_batch(&snapshot, STR("nonsense"));
	snapshot_add_cv(&snapshot, STR("{\"a\":1},{\"b\":2}"));
	snapshot_add_cv(&snapshot, STR("{\"a\":\"\xFF\"}"));
	assert_int_equal(snapshot.total_cvs, 0);
	snapshot_write(&snapshot, false, &out);
	assert_str_equal(buf_str(&out), "{\"type\":\"snapshot\",\"last_id\":\"5-2\",\"batches\":[],\"cvs\":[],\"more\":false}");
}

static void each_frame_begins_anew(void **state)
{
	snapshot_add_cv(&snapshot, STR("{\"c\":1}"));
	snapshot_write(&snapshot, true, &out);
	buf_clear(&out);
	assert_int_equal(snapshot.frame_cvs, 0);
	snapshot_add_cv(&snapshot, STR("{\"c\":2}"));
	snapshot_write(&snapshot, false, &out);
	assert_str_equal(buf_str(&out), "{\"type\":\"snapshot\",\"last_id\":\"5-2\",\"batches\":[],\"cvs\":[{\"c\":2}],\"more\":false}");
}

static void there_is_a_most_of_cvs(void **state)
{
	for (int i = 0; i < SNAPSHOT_MAX_CVS + 10; i++)
		snapshot_add_cv(&snapshot, STR("{}"));
	assert_int_equal(snapshot.total_cvs, SNAPSHOT_MAX_CVS);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_snapshot_of_nothing_is_whole), T(frames_stand_in_it_as_they_were_stored), T(what_is_no_object_is_left_out),
		T(each_frame_begins_anew), T(there_is_a_most_of_cvs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
