/* worker/s3_list.c: listings of S3-compatible stores, and safety on anything else. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "s3.h"

static char seen[1024];

static void on_object(void *ctx, const struct s3_object *object)
{
	size_t n = strlen(seen);

	snprintf(seen + n, sizeof(seen) - n, STR_FMT " %lld %lld;", STR_ARG(object->key), (long long)object->bytes, (long long)object->modified_ms);
}

static int parse(const char *xml)
{
	seen[0] = '\0';
	return s3_list_parse(str_c(xml), on_object, NULL);
}

#define OBJECT(key, size, modified) "<Contents><Key>" key "</Key><LastModified>" modified "</LastModified><ETag>&quot;a&quot;</ETag><Size>" size \
	"</Size><Owner><ID>1</ID></Owner></Contents>"

static void a_page_is_read_in_order(void **state)
{
	assert_int_equal(parse("<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"x\"><Name>b</Name><IsTruncated>true</IsTruncated>"
		OBJECT("p/cvs/c1.file", "12", "2026-11-21T08:00:00.000Z") OBJECT("p/cvs/c1.json", "0", "2026-11-21T08:00:01Z") "</ListBucketResult>"), 1);
	assert_string_equal(seen, "p/cvs/c1.file 12 1795248000000;p/cvs/c1.json 0 1795248001000;");
}

static void the_last_page_and_an_empty_one_say_so(void **state)
{
	assert_int_equal(parse("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"), 0);
	assert_string_equal(seen, "");
	assert_int_equal(parse("<ListBucketResult>" OBJECT("a", "1", "1970-01-01T00:00:00Z") "<IsTruncated>false</IsTruncated></ListBucketResult>"), 0);
	assert_string_equal(seen, "a 1 0;");
}

static void objects_that_cannot_be_ours_are_left_out(void **state)
{
	assert_int_equal(parse("<IsTruncated>false</IsTruncated>" OBJECT("a&amp;b", "1", "2026-11-21T08:00:00Z") OBJECT("", "1", "2026-11-21T08:00:00Z")
		OBJECT("c", "-1", "2026-11-21T08:00:00Z") OBJECT("d", "1", "yesterday") OBJECT("e", "18446744073709551616", "2026-11-21T08:00:00Z")
		"<Contents><Key>f</Key></Contents>"), 0);
	assert_string_equal(seen, "");
}

static void what_is_no_listing_is_an_error(void **state)
{
	assert_int_equal(parse(""), -EBADMSG);
	assert_int_equal(parse("<html>Welcome</html>"), -EBADMSG);
	assert_int_equal(parse("<IsTruncated>true"), -EBADMSG);
	assert_int_equal(parse("<IsTruncated>false</IsTruncated><Contents><Key>a</Key>"), 0);
	assert_string_equal(seen, "");
}

static void names_are_encoded_as_signatures_want_them(void **state)
{
	struct buf out;

	buf_init(&out, 100);
	s3_encode(&out, STR("a-B_9.~/+ @|\xc3\xa4"), "/");
	assert_int_equal(out.n, strlen("a-B_9.~/%2B%20%40%7C%C3%A4"));
	assert_memory_equal(out.p, "a-B_9.~/%2B%20%40%7C%C3%A4", out.n);
	buf_clear(&out);
	s3_encode(&out, STR("cvs/"), "");
	assert_memory_equal(out.p, "cvs%2F", out.n);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_is_read_in_order),
		cmocka_unit_test(the_last_page_and_an_empty_one_say_so),
		cmocka_unit_test(objects_that_cannot_be_ours_are_left_out),
		cmocka_unit_test(what_is_no_listing_is_an_error),
		cmocka_unit_test(names_are_encoded_as_signatures_want_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
