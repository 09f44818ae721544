/* Unit tests of worker/multipart.c: every body is also fed byte by byte and in pieces of every size. */
#include <errno.h>
#include <stdio.h>

#include "test.h"
#include "multipart.h"

#define TYPE "multipart/form-data; boundary=XX"

/* What the parser said, as text: "name/filename:data;" for each part. */
static struct buf heard;

static int part_begin(void *ctx, const struct multipart_part *part)
{
	buf_adds(&heard, part->name);
	if (part->filename.p)
		buf_addf(&heard, "/" STR_FMT, STR_ARG(part->filename));
	buf_addz(&heard, ":");
	return 0;
}

static int part_data(void *ctx, struct str data)
{
	buf_adds(&heard, data);
	return 0;
}

static int part_end(void *ctx)
{
	buf_addz(&heard, ";");
	return 0;
}

static const struct multipart_events events = { part_begin, part_data, part_end };

static int parse_in_pieces(const char *type, struct str body, size_t piece)
{
	struct multipart m;
	int rc = multipart_init(&m, str_c(type), &events, NULL);

	buf_clear(&heard);
	while (rc == 0 && body.n) {
		size_t n = body.n < piece ? body.n : piece;

		rc = multipart_feed(&m, str_of(body.p, n));
		body = str_skip(body, n);
	}
	return rc < 0 ? rc : multipart_finish(&m);
}

static void expect(const char *type, const char *body, int rc, const char *parts)
{
	for (size_t piece = 1; piece <= strlen(body); piece++) {
		assert_int_equal(parse_in_pieces(type, str_c(body), piece), rc);
		if (parts) {
			assert_int_equal(heard.n, strlen(parts));
			assert_memory_equal(heard.p, parts, heard.n);
		}
	}
}

#define PART(disposition, data) "--XX\r\nContent-Disposition: form-data; " disposition "\r\n\r\n" data "\r\n"
#define END "--XX--\r\n"

static void parts_come_out_whatever_the_chunks(void **state)
{
	expect(TYPE, PART("name=\"a\"", "1") PART("name=file; filename=\"b c.pdf\"", "data") END, 0, "a:1;file/b c.pdf:data;");
}

static void data_that_looks_like_a_delimiter_is_data(void **state)
{
	expect(TYPE, PART("name=a", "\r\n--X\r\r\n--Y\r\n\r\n--\r") END, 0, "a:\r\n--X\r\r\n--Y\r\n\r\n--\r;");
}

static void an_empty_part_is_a_part(void **state)
{
	expect(TYPE, PART("name=file; filename=x", "") END, 0, "file/x:;");
}

static void preamble_and_epilogue_mean_nothing(void **state)
{
	expect(TYPE, "hello\r\n" PART("name=a", "1") END "bye\r\n--XX\r\n", 0, "a:1;");
}

static void a_body_without_parts_is_complete(void **state)
{
	expect(TYPE, END, 0, "");
}

static void a_body_without_its_end_is_malformed(void **state)
{
	expect(TYPE, PART("name=a", "1"), -EBADMSG, NULL);
	expect(TYPE, PART("name=a", "1") "--XX", -EBADMSG, NULL);
	expect(TYPE, "no multipart at all", -EBADMSG, NULL);
}

static void a_malformed_part_breaks_the_body(void **state)
{
	expect(TYPE, "--XX\r\n\r\ndata\r\n" END, -EBADMSG, NULL);
	expect(TYPE, "--XX\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n" END, -EBADMSG, NULL);
	expect(TYPE, "--XX\r\nContent-Disposition: form-data; filename=a\r\n\r\n1\r\n" END, -EBADMSG, NULL);
	expect(TYPE, "--XX\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1\r\n" END, -EBADMSG, NULL);
	expect(TYPE, "--XX\nContent-Disposition: form-data; name=a\n\n1\r\n" END, -EBADMSG, NULL);
	expect(TYPE, "--XX\r\nContent-Disposition: form-data; name=a\n\r\n1\r\n" END, -EBADMSG, NULL);
	expect(TYPE, "--XX\r\nno colon\r\n\r\n1\r\n" END, -EBADMSG, NULL);
	expect(TYPE, "--XXY\r\n\r\n", -EBADMSG, NULL);
	expect(TYPE, "--XX-\r\n\r\n", -EBADMSG, NULL);
}

static void quoted_names_are_unescaped(void **state)
{
	expect(TYPE, PART("name=\"file\"; filename=\"a\\\"b\\\\c.pdf\"", "1") END, 0, "file/a\"b\\c.pdf:1;");
	expect(TYPE, PART("name=\"file\"; filename=\"C:\\new\\cv.pdf\"", "1") END, 0, "file/C:\\new\\cv.pdf:1;");
	expect(TYPE, PART("name=\"file\"; filename=\"a%22b%20;c.pdf\"", "1") END, 0, "file/a\"b%20;c.pdf:1;");
	expect(TYPE, PART("name=\"file\"; filename=\"J\xC3\xBCrgen.pdf\"", "1") END, 0, "file/J\xC3\xBCrgen.pdf:1;");
	expect(TYPE, PART("name=\"file\"; filename=\"\"", "1") END, 0, "file/:1;");
}

static void extended_names_win(void **state)
{
	expect(TYPE, PART("name=file; filename=\"x.pdf\"; filename*=UTF-8'de'J%C3%BCrgen.pdf", "1") END, 0, "file/J\xC3\xBCrgen.pdf:1;");
	expect(TYPE, PART("name=file; filename*=utf-8''a%20b.pdf; filename=x.pdf", "1") END, 0, "file/a b.pdf:1;");
	expect(TYPE, PART("name=file; filename=x.pdf; filename*=KOI8-R''%c1", "1") END, 0, "file/x.pdf:1;");
	expect(TYPE, PART("name=file; filename=x.pdf; filename*=UTF-8''%zz", "1") END, 0, "file/x.pdf:1;");
}

static void other_headers_are_passed_over(void **state)
{
	expect(TYPE, "--XX \t\r\nContent-Type: application/pdf\r\ncontent-DISPOSITION: Form-Data; Name=a\r\nX: y\r\n\r\n1\r\n" END, 0, "a:1;");
}

static void headers_are_bounded(void **state)
{
	char body[MULTIPART_HEADER_MAX + 200];
	int n = snprintf(body, sizeof(body), "--XX\r\nContent-Disposition: form-data; name=a\r\nX: ");

	memset(body + n, 'y', sizeof(body) - (size_t)n);
	assert_int_equal(parse_in_pieces(TYPE, str_of(body, sizeof(body)), 1000), -E2BIG);
}

static void nothing_is_heard_after_an_error(void **state)
{
	struct multipart m;

	assert_int_equal(multipart_init(&m, STR(TYPE), &events, NULL), 0);
	buf_clear(&heard);
	assert_int_equal(multipart_feed(&m, STR("--XX\r\nbroken\r\n\r\n")), -EBADMSG);
	assert_int_equal(multipart_feed(&m, STR(PART("name=a", "1") END)), -EBADMSG);
	assert_int_equal(heard.n, 0);
}

static void the_boundary_comes_from_the_content_type(void **state)
{
	static const struct { const char *type; int rc; } cases[] = {
		{ "multipart/form-data; boundary=abc", 0 },
		{ "Multipart/Form-Data; charset=utf-8; BOUNDARY=\"a b:c\"", 0 },
		{ "multipart/form-data", -EINVAL },
		{ "multipart/form-data; boundary=", -EINVAL },
		{ "multipart/form-data; boundary=\"a", -EINVAL },
		{ "multipart/form-data; boundary=\"a \"", -EINVAL },
		{ "multipart/form-data; boundary=a\"b", -EINVAL },
		{ "multipart/form-data; boundary=1234567890123456789012345678901234567890123456789012345678901234567890", 0 },
		{ "multipart/form-data; boundary=12345678901234567890123456789012345678901234567890123456789012345678901", -EINVAL },
		{ "multipart/mixed; boundary=abc", -EMEDIUMTYPE },
		{ "application/json", -EMEDIUMTYPE },
		{ "", -EMEDIUMTYPE },
	};
	struct multipart m;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(multipart_init(&m, str_c(cases[i].type), &events, NULL), cases[i].rc);
}

static int refuse(void *ctx, struct str data)
{
	return -EFBIG;
}

static void the_listener_can_stop_the_parser(void **state)
{
	static const struct multipart_events stopping = { part_begin, refuse, part_end };
	struct multipart m;

	assert_int_equal(multipart_init(&m, STR(TYPE), &stopping, NULL), 0);
	assert_int_equal(multipart_feed(&m, STR(PART("name=a", "1") END)), -EFBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_come_out_whatever_the_chunks),
		cmocka_unit_test(data_that_looks_like_a_delimiter_is_data),
		cmocka_unit_test(an_empty_part_is_a_part),
		cmocka_unit_test(preamble_and_epilogue_mean_nothing),
		cmocka_unit_test(a_body_without_parts_is_complete),
		cmocka_unit_test(a_body_without_its_end_is_malformed),
		cmocka_unit_test(a_malformed_part_breaks_the_body),
		cmocka_unit_test(quoted_names_are_unescaped),
		cmocka_unit_test(extended_names_win),
		cmocka_unit_test(other_headers_are_passed_over),
		cmocka_unit_test(headers_are_bounded),
		cmocka_unit_test(nothing_is_heard_after_an_error),
		cmocka_unit_test(the_boundary_comes_from_the_content_type),
		cmocka_unit_test(the_listener_can_stop_the_parser),
	};
	int failed;

	buf_init(&heard, 65536);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	buf_free(&heard);
	return failed;
}
