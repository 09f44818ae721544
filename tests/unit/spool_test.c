/* Unit tests of the worker's spool, in a directory of their own. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"
#include "spool.h"
#include "spool_path.h"
#include "spool_record.h"

#define FAR_FUTURE_MS (INT64_MAX / 2)

static char dir[] = "spool-test-XXXXXX";
static struct spool *spool;

static struct spool_record record(const char *cv)
{
	struct spool_record rec = { .user = "u", .batch = "b", .filename = "j\"\xC3\xBC.pdf", .created_ms = 1763712000000, .priority = 5, .attempt = 1 };

	snprintf(rec.cv, sizeof(rec.cv), "%s", cv);
	return rec;
}

static void store(const char *cv, const char *content)
{
	struct spool_record rec = record(cv);
	struct spool_upload *up;

	assert_int_equal(spool_upload_begin(spool, str_c(cv), &up), 0);
	assert_int_equal(spool_upload_write(up, str_c(content)), 0);
	assert_int_equal(spool_upload_sync(up, &rec.bytes, rec.sha256), 0);
	assert_int_equal(spool_upload_commit(up, &rec), 0);
	spool_upload_free(up);
}

static int files;

static int count_file(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	if (kind == FTW_F) {
		assert_int_equal(st->st_mode & 0777, 0600);
		files++;
	} else if (kind == FTW_D && ftw->level > 0) {
		assert_int_equal(st->st_mode & 0777, 0700);
	}
	return 0;
}

static int files_in_spool(void)
{
	files = 0;
	nftw(dir, count_file, 16, FTW_PHYS);
	return files;
}

static void what_was_stored_is_read_back(void **state)
{
	struct spool_record rec;
	char text[8] = "";
	int fd;

	store("c1", "abc");
	assert_int_equal(spool_record_read(spool, STR("c1"), &rec), 0);
	assert_int_equal(rec.bytes, 3);
	assert_string_equal(rec.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_string_equal(rec.filename, "j\"\xC3\xBC.pdf");
	assert_int_equal(rec.priority, 5);
	fd = spool_open(spool, STR("c1"));
	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof(text)), 3);
	assert_string_equal(text, "abc");
	close(fd);
	assert_int_equal(files_in_spool(), 2);
	assert_int_equal(spool_remove(spool, STR("c1")), 0);
	assert_int_equal(spool_remove(spool, STR("c1")), 0);
	assert_int_equal(files_in_spool(), 0);
}

static void an_upload_that_ends_early_leaves_nothing(void **state)
{
	struct spool_upload *up;
	struct spool_record rec;

	assert_int_equal(spool_upload_begin(spool, STR("c1"), &up), 0);
	assert_int_equal(spool_upload_write(up, STR("abc")), 0);
	assert_int_equal(spool_record_read(spool, STR("c1"), &rec), -ENOENT);
	assert_int_equal(spool_open(spool, STR("c1")), -ENOENT);
	spool_upload_free(up);
	assert_int_equal(files_in_spool(), 0);
}

static void two_uploads_never_share_a_name(void **state)
{
	struct spool_upload *one, *two;

	assert_int_equal(spool_upload_begin(spool, STR("c1"), &one), 0);
	assert_int_equal(spool_upload_begin(spool, STR("c1"), &two), -EEXIST);
	assert_int_equal(files_in_spool(), 1);
	spool_upload_free(one);
}

static void ids_that_are_none_are_refused(void **state)
{
	struct spool_upload *up;
	struct spool_record rec;

	assert_int_equal(spool_open(spool, STR("../00/x")), -EINVAL);
	assert_int_equal(spool_open(spool, STR("")), -EINVAL);
	assert_int_equal(spool_record_read(spool, STR("a/b"), &rec), -EINVAL);
	assert_int_equal(spool_upload_begin(spool, STR("a/b"), &up), -EINVAL);
}

static void results_are_kept_and_shared(void **state)
{
	struct buf out;

	buf_init(&out, 100);
	store("c1", "abc");
	assert_int_equal(spool_result_read(spool, STR("c1"), &out), -ENOENT);
	assert_int_equal(spool_result_link(spool, STR("c1"), STR("c2")), -ENOENT);
	assert_int_equal(spool_result_write(spool, STR("c1"), STR("{}")), 0);
	store("c2", "abc");
	assert_int_equal(spool_result_link(spool, STR("c1"), STR("c2")), 0);
	assert_int_equal(spool_remove(spool, STR("c1")), 0);
	assert_int_equal(spool_result_read(spool, STR("c2"), &out), 0);
	assert_true(str_eq(buf_str(&out), STR("{}")));
	assert_int_equal(spool_remove(spool, STR("c2")), 0);
	buf_free(&out);
}

static void a_result_that_is_too_long_to_read_is_an_error(void **state)
{
	struct buf out;

	buf_init(&out, 10);
	store("c1", "abc");
	assert_int_equal(spool_result_write(spool, STR("c1"), STR("{\"a\":\"long\"}")), 0);
	assert_int_equal(spool_result_read(spool, STR("c1"), &out), -EFBIG);
	assert_int_equal(spool_remove(spool, STR("c1")), 0);
	buf_free(&out);
}

static void what_is_written_for_a_removed_cv_does_not_stay(void **state)
{
	struct spool_record rec = record("c1");

	store("c1", "abc");
	assert_int_equal(spool_remove(spool, STR("c1")), 0);
	assert_int_equal(spool_result_write(spool, STR("c1"), STR("{}")), -ENOENT);
	assert_int_equal(spool_record_replace(spool, &rec), -ENOENT);
	assert_int_equal(files_in_spool(), 0);
}

static struct spool_upload *fetch(const char *name, struct spool_record *rec)
{
	struct spool_upload *up;

	assert_int_equal(spool_upload_begin(spool, str_c(name), &up), 0);
	assert_int_equal(spool_upload_write(up, STR("abc")), 0);
	assert_int_equal(spool_upload_sync(up, &rec->bytes, rec->sha256), 0);
	return up;
}

static void a_fetched_file_goes_to_the_record_that_waits_for_it(void **state)
{
	struct spool_record rec = record("c1"), read;
	struct spool_upload *one, *other;

	memcpy(rec.url, "http://h/x", sizeof("http://h/x"));
	assert_int_equal(spool_record_write(spool, &rec), 0);
	one = fetch("f1", &rec);
	other = fetch("f2", &rec); /* by a worker that thinks the first one dead */
	assert_int_equal(spool_record_read(spool, STR("c1"), &read), 0);
	assert_string_equal(read.url, "http://h/x");
	rec.url[0] = '\0';
	assert_int_equal(spool_upload_commit(one, &rec), 0);
	assert_int_equal(spool_upload_commit(other, &rec), 0);
	spool_upload_free(one);
	spool_upload_free(other);
	assert_int_equal(spool_record_read(spool, STR("c1"), &read), 0);
	assert_string_equal(read.url, "");
	assert_int_equal(files_in_spool(), 2);
	assert_int_equal(spool_remove(spool, STR("c1")), 0);
}

static void a_file_fetched_for_a_removed_cv_does_not_stay(void **state)
{
	struct spool_record rec = record("c1");
	struct spool_upload *up = fetch("f1", &rec);

	assert_int_equal(spool_upload_commit(up, &rec), -ENOENT);
	spool_upload_free(up);
	assert_int_equal(files_in_spool(), 0);
}

static void damaged_records_are_refused(void **state)
{
	static const char *const damaged[] = {
		"", "{", "[]", "{}", "{\"user_id\":1}",
		"{\"user_id\":\"a/b\",\"batch_id\":\"b\",\"cv_id\":\"c\",\"filename\":\"f\",\"sha256\":\"\",\"bytes\":1,\"created_ms\":1,\"priority\":5,\"attempt\":1}",
		"{\"user_id\":\"u\",\"batch_id\":\"b\",\"cv_id\":\"c\",\"filename\":\"f\",\"sha256\":\"\",\"bytes\":-1,\"created_ms\":1,\"priority\":5,\"attempt\":1}",
		"{\"user_id\":\"u\",\"batch_id\":\"b\",\"cv_id\":\"c\",\"filename\":\"f\",\"sha256\":\"\",\"bytes\":1,\"created_ms\":1,\"priority\":50,\"attempt\":1}",
	};
	struct spool_record rec;

	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++)
		assert_int_equal(spool_record_parse(str_c(damaged[i]), &rec), -EBADMSG);
}

static int count_record(const struct spool_record *rec, void *ctx)
{
	assert_string_equal(rec->user, "u");
	++*(int *)ctx;
	return 0;
}

static int records(void)
{
	int n = 0;

	for (int shard = 0; shard < SPOOL_SHARDS; shard++)
		assert_int_equal(spool_walk(spool, shard, count_record, &n), 0);
	return n;
}

static int sweep(int64_t created_before_ms, int64_t orphans_before_ms)
{
	int removed = 0;

	for (int shard = 0; shard < SPOOL_SHARDS; shard++) {
		int n = spool_sweep(spool, shard, created_before_ms, orphans_before_ms);

		assert_true(n >= 0);
		removed += n;
	}
	return removed;
}

static void a_walk_finds_every_record(void **state)
{
	char cv[16];

	for (int i = 0; i < 20; i++) {
		snprintf(cv, sizeof(cv), "c%d", i);
		store(cv, "x");
	}
	assert_int_equal(records(), 20);
	assert_int_equal(sweep(0, FAR_FUTURE_MS), 0);
	assert_int_equal(sweep(FAR_FUTURE_MS, 0), 20);
	assert_int_equal(records(), 0);
	assert_int_equal(files_in_spool(), 0);
}

static void the_sweep_takes_orphans_and_leaves_the_rest(void **state)
{
	store("c1", "abc");
	store("c2", "abc");
	assert_int_equal(spool_result_write(spool, STR("c1"), STR("{}")), 0);
	assert_int_equal(spool_replace(spool, STR("c9"), ".result", STR("{}")), 0);
	assert_int_equal(spool_write_temporary(spool, "00/x.file", STR("abc")), 0);
	assert_int_equal(spool_unlink(spool, STR("c2"), ".json"), 0);
	assert_int_equal(files_in_spool(), 6);
	assert_int_equal(sweep(0, 0), 0);
	assert_int_equal(sweep(0, FAR_FUTURE_MS), 3);
	assert_int_equal(records(), 1);
	assert_int_equal(spool_remove(spool, STR("c1")), 0);
}

static void what_a_damaged_record_stands_for_goes_when_it_is_old(void **state)
{
	store("c1", "abc");
	assert_int_equal(spool_replace(spool, STR("c1"), ".json", STR("{\"user")), 0);
	assert_int_equal(sweep(0, FAR_FUTURE_MS), 0);
	assert_int_equal(files_in_spool(), 2);
	assert_int_equal(sweep(FAR_FUTURE_MS, 0), 1);
	assert_int_equal(files_in_spool(), 0);
}

static void a_directory_that_cannot_be_written_is_named(void **state)
{
	struct spool *other;
	struct buf problem;

	buf_init(&problem, 1000);
	assert_true(spool_open_dir("/dev/null/nowhere", &other, &problem) < 0);
	assert_non_null(memmem(problem.p, problem.n, "/dev/null/nowhere", 13));
	buf_free(&problem);
}

static void space_is_measured(void **state)
{
	struct spool_space space;

	assert_int_equal(spool_space(spool, &space), 0);
	assert_true(space.free_bytes > 0 && space.total_bytes >= space.free_bytes);
	assert_true(space.free_files > 0);
	assert_int_equal(spool_room(spool, 1, 0), 0);
	assert_int_equal(spool_room(spool, 1, space.total_bytes), -ENOSPC);
	assert_int_equal(spool_room(spool, space.total_bytes + 1, 0), -ENOSPC);
	assert_int_equal(spool_probe(spool), 0);
	assert_int_equal(files_in_spool(), 0);
}

static int open_all(void **state)
{
	struct buf problem;

	buf_init(&problem, 1000);
	return mkdtemp(dir) ? spool_open_dir(dir, &spool, &problem) : -1;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	return remove(path);
}

static int close_all(void **state)
{
	spool_close_dir(spool);
	return nftw(dir, remove_entry, 16, FTW_PHYS | FTW_DEPTH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_stored_is_read_back),
		cmocka_unit_test(an_upload_that_ends_early_leaves_nothing),
		cmocka_unit_test(two_uploads_never_share_a_name),
		cmocka_unit_test(ids_that_are_none_are_refused),
		cmocka_unit_test(results_are_kept_and_shared),
		cmocka_unit_test(a_result_that_is_too_long_to_read_is_an_error),
		cmocka_unit_test(what_is_written_for_a_removed_cv_does_not_stay),
		cmocka_unit_test(a_fetched_file_goes_to_the_record_that_waits_for_it),
		cmocka_unit_test(a_file_fetched_for_a_removed_cv_does_not_stay),
		cmocka_unit_test(damaged_records_are_refused),
		cmocka_unit_test(a_walk_finds_every_record),
		cmocka_unit_test(the_sweep_takes_orphans_and_leaves_the_rest),
		cmocka_unit_test(what_a_damaged_record_stands_for_goes_when_it_is_old),
		cmocka_unit_test(a_directory_that_cannot_be_written_is_named),
		cmocka_unit_test(space_is_measured),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
