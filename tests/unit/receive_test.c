/* Unit tests of worker/receive.c: a real loop, its thread pool, and a spool in a directory of its own. */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "test.h"
#include "receive.h"

static char dir[] = "receive-test-XXXXXX";
static struct spool *spool;

static struct {
	int written, synced, committed, failed, rc;
	int64_t bytes;
	char sha256[SHA256_HEX_SIZE];
} heard;

static void on_written(void *ctx)
{
	heard.written++;
}

static void on_synced(void *ctx, int64_t bytes, const char *sha256)
{
	heard.synced++;
	heard.bytes = bytes;
	memcpy(heard.sha256, sha256, SHA256_HEX_SIZE);
}

static void on_committed(void *ctx)
{
	heard.committed++;
}

static void on_failed(void *ctx, int rc)
{
	heard.failed++;
	heard.rc = rc;
}

static const struct receive_callbacks callbacks = { on_written, on_synced, on_committed, on_failed };

static struct receive *begin(const char *cv)
{
	memset(&heard, 0, sizeof(heard));
	return receive_new(uv_default_loop(), spool, str_c(cv), &callbacks, NULL);
}

static void run(void)
{
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}

static struct spool_record record(const char *cv)
{
	struct spool_record rec = { .user = "u", .batch = "b", .filename = "a.txt", .attempt = 1 };

	snprintf(rec.cv, sizeof(rec.cv), "%s", cv);
	return rec;
}

static int files;

static int count_file(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	files += kind == FTW_F;
	return 0;
}

static int files_in_spool(void)
{
	files = 0;
	nftw(dir, count_file, 16, FTW_PHYS);
	return files;
}

static void store(const char *cv, struct spool_record *rec)
{
	struct receive *r = begin(cv);

	*rec = record(cv);
	receive_write(r, STR("abc"));
	receive_end(r);
	run();
	receive_commit(r, rec);
	run();
	assert_int_equal(heard.committed, 1);
	receive_free(r);
	run();
}

static void pieces_become_one_file_with_its_hash(void **state)
{
	struct receive *r = begin("c1");
	struct spool_record rec = record("c1");

	receive_write(r, STR("a"));
	receive_write(r, STR("b"));
	run();
	assert_true(heard.written > 0 && receive_waiting_bytes(r) == 0);
	receive_write(r, STR("c"));
	receive_end(r);
	run();
	assert_int_equal(heard.synced, 1);
	assert_int_equal(heard.bytes, 3);
	assert_string_equal(heard.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	receive_commit(r, &rec);
	run();
	assert_int_equal(heard.committed, 1);
	receive_free(r);
	assert_int_equal(files_in_spool(), 2);
	assert_int_equal(spool_remove(spool, STR("c1")), 0);
}

static void an_empty_file_is_a_file(void **state)
{
	struct receive *r = begin("c1");

	receive_end(r);
	run();
	assert_int_equal(heard.synced, 1);
	assert_int_equal(heard.bytes, 0);
	receive_free(r);
	run();
	assert_int_equal(files_in_spool(), 0);
}

static void what_waits_is_told(void **state)
{
	struct receive *r = begin("c1");
	char piece[1000] = "";

	for (int i = 0; i < 10; i++)
		receive_write(r, str_of(piece, sizeof(piece)));
	assert_int_equal(receive_waiting_bytes(r), 9000); /* the first piece is being written */
	receive_free(r);
	run();
}

static void one_that_is_freed_says_nothing_and_leaves_nothing(void **state)
{
	struct receive *r = begin("c1");

	receive_write(r, STR("abc"));
	receive_free(r);
	run();
	assert_int_equal(heard.written + heard.synced + heard.failed, 0);
	assert_int_equal(files_in_spool(), 0);
	r = begin("c1");
	receive_write(r, STR("abc"));
	receive_end(r);
	run();
	receive_free(r);
	run();
	assert_int_equal(files_in_spool(), 0);
}

static void a_file_that_cannot_be_made_is_a_failure(void **state)
{
	struct receive *one = begin("c1"), *two;

	receive_write(one, STR("abc"));
	run();
	two = begin("c1");
	receive_write(two, STR("abc"));
	run();
	assert_int_equal(heard.failed, 1);
	assert_int_equal(heard.rc, -EEXIST);
	receive_free(two);
	receive_free(one);
	run();
	assert_int_equal(files_in_spool(), 0);
}

static void a_duplicate_gets_the_older_result(void **state)
{
	struct spool_record older, newer = record("c2");
	struct receive *r;

	store("c1", &older);
	assert_int_equal(spool_result_write(spool, STR("c1"), STR("{}")), 0);
	r = begin("c2");
	receive_end(r);
	run();
	snprintf(newer.duplicate_of, sizeof(newer.duplicate_of), "c1");
	receive_commit(r, &newer);
	run();
	assert_string_equal(newer.duplicate_of, "c1");
	receive_free(r);
	assert_int_equal(files_in_spool(), 6);
	assert_int_equal(spool_remove(spool, STR("c1")), 0);
	assert_int_equal(spool_remove(spool, STR("c2")), 0);
}

static void a_duplicate_of_what_is_gone_is_none(void **state)
{
	struct spool_record rec = record("c2");
	struct receive *r = begin("c2");

	receive_end(r);
	run();
	snprintf(rec.duplicate_of, sizeof(rec.duplicate_of), "c1");
	receive_commit(r, &rec);
	run();
	assert_int_equal(heard.committed, 1);
	assert_string_equal(rec.duplicate_of, "");
	receive_free(r);
	assert_int_equal(spool_remove(spool, STR("c2")), 0);
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
	uv_loop_close(uv_default_loop());
	return nftw(dir, remove_entry, 16, FTW_PHYS | FTW_DEPTH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_become_one_file_with_its_hash),
		cmocka_unit_test(an_empty_file_is_a_file),
		cmocka_unit_test(what_waits_is_told),
		cmocka_unit_test(one_that_is_freed_says_nothing_and_leaves_nothing),
		cmocka_unit_test(a_file_that_cannot_be_made_is_a_failure),
		cmocka_unit_test(a_duplicate_gets_the_older_result),
		cmocka_unit_test(a_duplicate_of_what_is_gone_is_none),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
