/* Pictures of text: who reads them, and what is never decoded (worker/extract/read.c, pdf.c, picture.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sys/mman.h>
#include <unistd.h>

#include "read.h"

static enum error_code read_bytes(struct str bytes, const char *filename, enum read_ocr ocr, struct document *doc)
{
	struct read_input in = { .fd = memfd_create("cv", MFD_CLOEXEC), .filename = filename, .ocr = ocr };
	enum error_code code;

	assert_int_equal(write(in.fd, bytes.p, bytes.n), (ssize_t)bytes.n);
	document_init(doc);
	code = document_read(&in, doc);
	close(in.fd);
	return code;
}

static void expect(struct str bytes, const char *filename, enum read_ocr ocr, enum error_code code, bool has_scans)
{
	struct document doc;

	assert_int_equal(read_bytes(bytes, filename, ocr, &doc), code);
	assert_int_equal(doc.has_scans, has_scans);
	document_free(&doc);
}

#define PNG(size) STR("\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR" size "\x08\0\0\0\0\0\0\0\0\0\0\0\0IDAT\0\0\0\0\0\0\0\0")

static void a_picture_waits_for_a_child_that_may_read_it(void **state)
{
	expect(PNG("\0\0\0\x10\0\0\0\x10"), "cv.png", READ_OCR_NEVER, ERR_ocr_unavailable, true);
	expect(PNG("\0\0\0\x10\0\0\0\x10"), "cv.png", READ_OCR_LATER, ERR_ocr_unavailable, true);
	expect(STR("\xFF\xD8\xFF\xE0 and so on"), "cv.jpg", READ_OCR_LATER, ERR_ocr_unavailable, true);
	expect(STR("II*\0 and so on"), "cv.tiff", READ_OCR_LATER, ERR_ocr_unavailable, true);
}

#ifdef WITH_OCR
static void a_picture_is_measured_before_it_is_decoded(void **state)
{
	expect(PNG("\0\1\0\0\0\1\0\0"), "cv.png", READ_OCR_NOW, ERR_too_large, false);
	expect(PNG("\0\0\0\0\0\0\0\0"), "cv.png", READ_OCR_NOW, ERR_corrupt, false);
	expect(PNG("\0\0\0\x10\0\0\0\x10"), "cv.png", READ_OCR_NOW, ERR_corrupt, false);
	expect(STR("\xFF\xD8\xFF\xE0 and so on"), "cv.jpg", READ_OCR_NOW, ERR_corrupt, false);
	expect(STR("II*\0\x08\0\0\0\0\0\x08\0\0\0"), "cv.tiff", READ_OCR_NOW, ERR_corrupt, false);
}
#endif

/* A page with a picture of that many points on each side of a page of 100, and a page with text. */
#define PDF(side, text) \
	STR("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R 6 0 R]/Count 2>>endobj " \
	    "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/Resources<</XObject<</I 5 0 R>>>>/Contents 4 0 R>>endobj " \
	    "4 0 obj<<>>stream\nq " side " 0 0 " side " 0 0 cm /I Do Q\nendstream endobj\n" \
	    "5 0 obj<</Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8/Length 1>>stream\n" \
	    "0\nendstream endobj\n6 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/Resources<</Font<</F 7 0 R>>>>" \
	    "/Contents 8 0 R>>endobj 7 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj " \
	    "8 0 obj<<>>stream\nBT /F 9 Tf 9 9 Td (" text ") Tj ET\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n")

static void a_pdf_of_scans_alone_needs_ocr(void **state)
{
	expect(PDF("90", ""), "cv.pdf", READ_OCR_NEVER, ERR_ocr_unavailable, true);
	expect(PDF("90", ""), "cv.pdf", READ_OCR_LATER, ERR_ocr_unavailable, true);
	expect(PDF("30", ""), "cv.pdf", READ_OCR_LATER, ERR_no_text, false); /* a photograph */
}

static void a_mixed_pdf_gives_its_text_where_there_is_no_ocr(void **state)
{
	expect(PDF("90", "Jane"), "cv.pdf", READ_OCR_NEVER, ERR_NONE, true);
	expect(PDF("90", "Jane"), "cv.pdf", READ_OCR_LATER, ERR_ocr_unavailable, true);
}

static void languages_that_are_not_there_are_told(void **state)
{
	struct buf missing;

	buf_init(&missing, 256);
	assert_true(readers_warm_ocr("not-a-language,eng-not,not-a-language", &missing) < 0);
#ifdef WITH_OCR
	assert_true(str_eq(buf_str(&missing), STR("not-a-language,eng-not")));
#endif
	assert_true(readers_warm_ocr("", &missing) < 0);
	assert_false(readers_have_ocr());
	buf_free(&missing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_picture_waits_for_a_child_that_may_read_it),
#ifdef WITH_OCR
		cmocka_unit_test(a_picture_is_measured_before_it_is_decoded),
#endif
		cmocka_unit_test(a_pdf_of_scans_alone_needs_ocr),
		cmocka_unit_test(a_mixed_pdf_gives_its_text_where_there_is_no_ocr),
		cmocka_unit_test(languages_that_are_not_there_are_told),
	};

	return readers_warm() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
