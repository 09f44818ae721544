/* Unit tests of worker/spool_part.c, in a spool of their own. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"
#include "spool_part.h"
#include "spool_path.h"

#define FAR_FUTURE_MS (INT64_MAX / 2)

static char dir[] = "part-test-XXXXXX";
static struct spool *spool;

static struct part_record record(const char *id)
{
	struct part_record rec = {
		.cv = { .user = "u", .batch = "b", .filename = "a.txt", .created_ms = 1763712000000, .priority = 4, .attempt = 1 },
		.length = 10, .held = -1, .own_batch = true, .metadata = "filename YS50eHQ=,x",
	};

	snprintf(rec.cv.cv, sizeof(rec.cv.cv), "%s", id);
	return rec;
}

static struct part *open_at(const char *id, int64_t expected_offset)
{
	struct part_record rec;
	int64_t offset, changed_ms;
	struct part *part;

	assert_int_equal(part_open(spool, str_c(id), &part, &rec, &offset, &changed_ms), 0);
	assert_int_equal(offset, expected_offset);
	return part;
}

static void make(const char *id, const char *bytes)
{
	struct part_record rec = record(id);
	struct part *part;

	assert_int_equal(part_create(spool, &rec), 0);
	part = open_at(id, 0);
	assert_int_equal(part_write(part, str_c(bytes)), 0);
	assert_int_equal(part_sync(part), 0);
	part_close(part);
}

static bool exists(const char *id, const char *ending)
{
	char path[SPOOL_PATH_SIZE];

	assert_int_equal(spool_path(str_c(id), ending, path), 0);
	return faccessat(spool->dir_fd, path, F_OK, 0) == 0;
}

static void bytes_and_record_come_back(void **state)
{
	struct part_record rec;
	int64_t offset, changed_ms;
	struct part *part;

	make("c1", "hello");
	assert_int_equal(part_open(spool, STR("c1"), &part, &rec, &offset, &changed_ms), 0);
	assert_int_equal(offset, 5);
	assert_string_equal(rec.metadata, "filename YS50eHQ=,x");
	assert_string_equal(rec.cv.filename, "a.txt");
	assert_int_equal(rec.length, 10);
	assert_true(rec.own_batch);
	assert_false(rec.force);
	part_close(part);
	assert_int_equal(part_remove(spool, STR("c1")), 0);
	assert_int_equal(part_open(spool, STR("c1"), &part, &rec, &offset, &changed_ms), -ENOENT);
	assert_false(exists("c1", ".part"));
}

static void an_upload_is_open_once(void **state)
{
	struct part_record rec;
	int64_t offset, changed_ms;
	struct part *part, *other;

	make("c1", "hello");
	part = open_at("c1", 5);
	assert_int_equal(part_open(spool, STR("c1"), &other, &rec, &offset, &changed_ms), -EAGAIN);
	part_close(part);
	part_close(open_at("c1", 5));
	assert_int_equal(part_remove(spool, STR("c1")), 0);
}

static void what_was_not_verified_does_not_count(void **state)
{
	struct part_record rec = record("c1");
	struct part *part;

	make("c1", "hello");
	rec.held = 3;
	part = open_at("c1", 5);
	assert_int_equal(part_keep(part, &rec), 0);
	part_close(part);
	part_close(open_at("c1", 3));
	assert_int_equal(part_remove(spool, STR("c1")), 0);
}

static void a_finished_upload_becomes_a_cv(void **state)
{
	struct spool_record rec = record("c1").cv, read;
	struct part *part;
	int fd;

	make("c1", "helloworld");
	part = open_at("c1", 10);
	assert_int_equal(part_sha256(part, rec.sha256), 0);
	assert_string_equal(rec.sha256, "936a185caaa266bb9cbe981e9e05cb78cd732b0b3280eb944412bb6f8f8f07af");
	rec.bytes = 10;
	assert_int_equal(part_commit(part, &rec), 0);
	rec.attempt = 7;
	assert_int_equal(part_commit(part, &rec), 1);
	part_close(part);
	assert_int_equal(spool_record_read(spool, STR("c1"), &read), 0);
	assert_int_equal(read.attempt, 1);
	assert_int_equal(part_remove(spool, STR("c1")), 0);
	fd = spool_open(spool, STR("c1"));
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(spool_remove(spool, STR("c1")), 0);
}

static void a_cv_that_is_taken_back_may_be_made_again(void **state)
{
	struct spool_record rec = record("c1").cv;
	struct part *part;

	make("c1", "helloworld");
	for (int i = 0; i < 2; i++) {
		part = open_at("c1", 10);
		assert_int_equal(part_commit(part, &rec), 0);
		part_close(part);
		assert_int_equal(spool_uncommit(spool, STR("c1")), 0);
		assert_false(exists("c1", ".json"));
	}
	assert_int_equal(spool_remove(spool, STR("c1")), 0);
	assert_false(exists("c1", ".tus"));
	assert_false(exists("c1", ".part"));
}

static void touch(const char *id, const char *ending, time_t at)
{
	const struct timespec times[2] = { { at, 0 }, { at, 0 } };
	char path[SPOOL_PATH_SIZE];

	assert_int_equal(spool_path(str_c(id), ending, path), 0);
	assert_int_equal(utimensat(spool->dir_fd, path, times, 0), 0);
}

static void the_sweep_takes_uploads_that_nobody_goes_on_with(void **state)
{
	int removed = 0;

	make("cold", "x");
	make("cnew", "x");
	touch("cold", ".tus", 1000);
	touch("cold", ".part", 1000);
	touch("cnew", ".tus", 1000);
	for (int shard = 0; shard < SPOOL_SHARDS; shard++)
		removed += spool_sweep(spool, shard, 0, 2000000);
	assert_int_equal(removed, 1);
	assert_false(exists("cold", ".tus"));
	assert_false(exists("cold", ".part"));
	part_close(open_at("cnew", 1));
	for (int shard = 0; shard < SPOOL_SHARDS; shard++)
		spool_sweep(spool, shard, 0, FAR_FUTURE_MS);
	assert_false(exists("cnew", ".part"));
}

static void damaged_records_are_refused(void **state)
{
	static const char *const endings[] = { "}", ",\"length\":-1,\"held\":-1,\"metadata\":\"\"}", ",\"length\":1,\"held\":-2,\"metadata\":\"\"}",
		",\"length\":1,\"held\":-1}", ",\"length\":\"1\",\"held\":-1,\"metadata\":\"\"}" };
	struct part_record rec;
	char text[1024];

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		snprintf(text, sizeof(text), "{\"user_id\":\"u\",\"batch_id\":\"b\",\"cv_id\":\"c\",\"filename\":\"f\",\"sha256\":\"\",\"bytes\":1,"
			 "\"created_ms\":1,\"priority\":5,\"attempt\":1%s", endings[i]);
		assert_int_equal(part_record_parse(str_c(text), &rec), -EBADMSG);
	}
}

static int open_spool(void **state)
{
	struct buf problem;

	buf_init(&problem, 1024);
	assert_non_null(mkdtemp(dir));
	assert_int_equal(spool_open_dir(dir, &spool, &problem), 0);
	buf_free(&problem);
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	return remove(path);
}

static int close_spool(void **state)
{
	spool_close_dir(spool);
	return nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_and_record_come_back),
		cmocka_unit_test(an_upload_is_open_once),
		cmocka_unit_test(what_was_not_verified_does_not_count),
		cmocka_unit_test(a_finished_upload_becomes_a_cv),
		cmocka_unit_test(a_cv_that_is_taken_back_may_be_made_again),
		cmocka_unit_test(the_sweep_takes_uploads_that_nobody_goes_on_with),
		cmocka_unit_test(damaged_records_are_refused),
	};

	return cmocka_run_group_tests(tests, open_spool, close_spool);
}
