/* Unit tests of worker/filename.c. */

#include "test.h"
#include "filename.h"

static void expect(const char *raw, const char *clean)
{
	char out[FILENAME_SIZE];

	filename_clean(str_c(raw), out);
	assert_string_equal(out, clean);
}

static void paths_are_cut_off(void **state)
{
	expect("../../etc/passwd", "passwd");
	expect("C:\\Users\\jane\\cv.pdf", "cv.pdf");
	expect("/", "cv");
	expect("..", "cv");
	expect("", "cv");
}

static void invisible_and_bidi_characters_go(void **state)
{
	expect("cv\xE2\x80\xAE" "fdp.exe", "cvfdp.exe");        /* right-to-left override */
	expect("a\r\nb\tc\x7F.pdf", "abc.pdf");
	expect(" \xEF\xBB\xBF" "cv.pdf ", "cv.pdf");            /* byte order mark */
	expect("a\xC2\x85.pdf", "a.pdf");                       /* C1 control */
}

static void names_are_normalised(void **state)
{
	expect("Ju\xCC\x88rgen.pdf", "J\xC3\xBCrgen.pdf");
	expect("J\xFCrgen.pdf", "J\xC3\xBCrgen.pdf");           /* Latin-1 */
}

static void long_names_keep_their_ending(void **state)
{
	char raw[1000], out[FILENAME_SIZE];

	for (size_t i = 0; i + 2 < sizeof(raw); i += 2)
		memcpy(raw + i, "\xC3\xBC", 2);
	memcpy(raw + 990, "ab.docx", 8);
	filename_clean(str_c(raw), out);
	assert_int_equal(strlen(out), 255);
	assert_string_equal(out + 250, ".docx");
	assert_true(utf8_valid(out, strlen(out)));
	raw[0] = '.';
	filename_clean(str_of(raw, 900), out);
	assert_true(strlen(out) <= 255 && utf8_valid(out, strlen(out)));
}

static void expect_disposition(const char *name, const char *value)
{
	struct buf out;

	buf_init(&out, 4096);
	filename_disposition(name, &out);
	buf_add(&out, "", 1);
	assert_string_equal(out.p, value);
	buf_free(&out);
}

static void downloads_carry_the_name(void **state)
{
	expect_disposition("cv.pdf", "attachment; filename=\"cv.pdf\"");
	expect_disposition("J\xC3\xBC \"x\".pdf", "attachment; filename=\"J_ _x_.pdf\"; filename*=UTF-8''J%C3%BC%20%22x%22.pdf");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_cut_off),
		cmocka_unit_test(invisible_and_bidi_characters_go),
		cmocka_unit_test(names_are_normalised),
		cmocka_unit_test(long_names_keep_their_ending),
		cmocka_unit_test(downloads_carry_the_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
