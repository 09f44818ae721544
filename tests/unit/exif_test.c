/* worker/extract/exif.c: how a camera was held. */
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "exif.h"

#define LITTLE(orientation) "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0" orientation "\0\0\0\0\0\0\0"
#define BIG(orientation) "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0" orientation "\0\0\0\0\0\0"
/* A segment of JFIF before that of EXIF. */
#define JPEG(tiff) STR("\xFF\xD8\xFF\xE0\0\4zz\xFF\xE1\0\x22" "Exif\0\0" tiff "\xFF\xDA\0\x02")

static void the_orientation_is_read_in_both_byte_orders(void **state)
{
	assert_int_equal(exif_orientation(JPEG(LITTLE("\x06"))), 6);
	assert_int_equal(exif_orientation(JPEG(BIG("\x03"))), 3);
}

static void nonsense_is_no_orientation(void **state)
{
	assert_int_equal(exif_orientation(JPEG(LITTLE("\x09"))), 1);
	assert_int_equal(exif_orientation(JPEG(LITTLE("\0"))), 1);
	assert_int_equal(exif_orientation(STR("")), 1);
	assert_int_equal(exif_orientation(STR("\x89PNG")), 1);
	assert_int_equal(exif_orientation(STR("\xFF\xD8\xFF\xE1\xFF\xFF" "Exif\0\0II")), 1);
	assert_int_equal(exif_orientation(STR("\xFF\xD8\xFF\xE1\0\x10" "Exif\0\0II*\0\xFF\xFF\xFF\xFF")), 1);
}

static void every_cut_of_a_file_is_safe(void **state)
{
	const struct str whole = JPEG(LITTLE("\x08"));

	for (size_t n = 0; n < whole.n; n++) {
		char *exact = malloc(n + 1);

		memcpy(exact, whole.p, n);
		assert_in_range(exif_orientation(str_of(exact, n)), 1, 8);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_orientation_is_read_in_both_byte_orders),
		cmocka_unit_test(nonsense_is_no_orientation),
		cmocka_unit_test(every_cut_of_a_file_is_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
