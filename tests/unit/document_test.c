/* worker/extract/document.c: what every reader's text passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "document.h"

static void expect_clean(const char *in, size_t n, const char *out)
{
	struct document doc;
	struct doc_line *line;

	document_init(&doc);
	line = document_add_line(&doc, in, n);
	if (out) {
		assert_non_null(line);
		assert_string_equal(line->text, out);
	} else {
		assert_null(line);
		assert_int_equal(doc.n_lines, 0);
	}
	document_free(&doc);
}
#define EXPECT(in, out) expect_clean(in, sizeof(in) - 1, out)

static void white_space_is_collapsed_and_trimmed(void **state)
{
	EXPECT("  a \t\r\n b\xC2\xA0\xE2\x80\x83 c ", "a b c");
	EXPECT(" \t ", NULL);
	EXPECT("", NULL);
}

static void control_bidi_and_zero_width_characters_go(void **state)
{
	EXPECT("J\x01o\x1B[e\x7F", "Jo[e");
	EXPECT("a\0b", "ab");
	EXPECT("\xE2\x80\xAE" "evil\xE2\x81\xA6 \xEF\xBB\xBFx\xE2\x80\x8Bs", "evil xs");
	EXPECT("\xE2\x80\x8B", NULL);
}

static void joiners_stay_between_persian_letters_only(void **state)
{
	EXPECT("\xD9\x85\xDB\x8C\xE2\x80\x8C\xD8\xB4\xD9\x88\xD8\xAF", "\xD9\x85\xDB\x8C\xE2\x80\x8C\xD8\xB4\xD9\x88\xD8\xAF");
	EXPECT("a\xE2\x80\x8C" "b", "ab");
}

static void letters_are_composed(void **state)
{
	EXPECT("Rene\xCC\x81", "Ren\xC3\xA9");
}

static void ligatures_and_radicals_become_letters(void **state)
{
	EXPECT("o\xEF\xAC\x83" "ce", "office");
	EXPECT("\xE2\xBC\xAF", "\xE5\xB7\xA5");
}

static void a_soft_hyphen_shows_only_at_the_end_of_a_line(void **state)
{
	EXPECT("ana\xC2\xADlyst", "analyst");
	EXPECT("ana\xC2\xAD", "ana-");
	EXPECT("ana\xC2\xAD \xC2\xAD", "ana");
}

static void broken_utf8_becomes_a_replacement_character(void **state)
{
	EXPECT("a\xFF" "b\xC3", "a\xEF\xBF\xBD" "b\xEF\xBF\xBD");
}

static void text_is_cut_at_the_limit(void **state)
{
	enum { BYTES = 3000000 };
	struct document doc;
	char *text = malloc(BYTES);

	memset(text, 'x', BYTES);
	document_init(&doc);
	assert_non_null(document_add_line(&doc, text, BYTES));
	assert_true(doc.warnings & DOC_TRUNCATED);
	assert_true(strlen(doc.lines[0].text) <= 2000000);
	assert_null(document_add_line(&doc, "y", 1));
	assert_int_equal(doc.n_lines, 1);
	document_free(&doc);
	free(text);
}

static void links_are_cleaned_and_bounded(void **state)
{
	struct document doc;
	char url[4000];

	memset(url, 'u', sizeof(url) - 1);
	url[sizeof(url) - 1] = '\0';
	document_init(&doc);
	assert_int_equal(document_add_link(&doc, " mailto:a@example.org\n", "", 3), 0);
	assert_string_equal(doc.links[0].url, "mailto:a@example.org");
	assert_string_equal(doc.links[0].text, "");
	assert_int_equal(doc.links[0].line, 3);
	assert_true(document_add_link(&doc, url, "", 0) < 0);
	assert_true(document_add_link(&doc, "", "", 0) < 0);
	document_free(&doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(white_space_is_collapsed_and_trimmed),
		cmocka_unit_test(control_bidi_and_zero_width_characters_go),
		cmocka_unit_test(joiners_stay_between_persian_letters_only),
		cmocka_unit_test(letters_are_composed),
		cmocka_unit_test(ligatures_and_radicals_become_letters),
		cmocka_unit_test(a_soft_hyphen_shows_only_at_the_end_of_a_line),
		cmocka_unit_test(broken_utf8_becomes_a_replacement_character),
		cmocka_unit_test(text_is_cut_at_the_limit),
		cmocka_unit_test(links_are_cleaned_and_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
