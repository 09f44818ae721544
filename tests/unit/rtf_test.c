/* worker/extract/rtf*.c: control words in, lines out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>

#include "formats.h"
#include "rtf_tokens.h"

static enum error_code read_code(const char *rtf, struct document *doc)
{
	document_init(doc);
	return rtf_read(str_c(rtf), doc);
}

static void read(const char *rtf, struct document *doc)
{
	assert_int_equal(read_code(rtf, doc), ERR_NONE);
}

/* The one line that the document must consist of. */
static void expect_line(const char *rtf, const char *line)
{
	struct document doc;

	read(rtf, &doc);
	assert_int_equal(doc.n_lines, 1);
	assert_string_equal(doc.lines[0].text, line);
	document_free(&doc);
}

static void tokens_are_taken_one_by_one(void **state)
{
	struct str rest = STR("{\\b0 x\\'e9\\~\r\n\\bin3 }}}\\u-2?\\fs99999999999}");
	static const struct { enum rtf_kind kind; const char *text; int number; } expected[] = {
		{ RTF_OPEN, "", 0 }, { RTF_WORD, "b", 0 }, { RTF_TEXT, "x", 0 }, { RTF_TEXT, "\xE9", 0 }, { RTF_SYMBOL, "~", 0 },
		{ RTF_WORD, "bin", 3 }, { RTF_WORD, "u", -2 }, { RTF_TEXT, "?", 0 }, { RTF_WORD, "fs", INT32_MAX },
		{ RTF_CLOSE, "", 0 }, { RTF_END, "", 0 }, { RTF_END, "", 0 },
	};

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		struct rtf_token token;

		rtf_next(&rest, &token);
		assert_int_equal(token.kind, expected[i].kind);
		assert_true(str_eq(token.text, str_c(expected[i].text)));
		assert_int_equal(token.number, expected[i].number);
	}
}

static void a_backslash_at_the_end_ends_well(void **state)
{
	static const char *const ends[] = { "\\", "\\'", "\\'e", "\\'zz", "\\u", "\\bin9", "\\u-", "{\\*", NULL };

	for (int i = 0; ends[i]; i++) {
		struct str rest = str_c(ends[i]);
		struct rtf_token token;

		do
			rtf_next(&rest, &token);
		while (token.kind != RTF_END);
		assert_int_equal(rest.n, 0);
	}
}

static void letters_come_from_code_pages_and_unicode(void **state)
{
	expect_line("{\\rtf1\\ansi caf\\'e9}", "caf\u00E9");
	expect_line("{\\rtf1\\ansi\\ansicpg1251 \\'cf\\'f0\\'e8}", "\u041F\u0440\u0438");
	expect_line("{\\rtf1\\mac caf\\'8e}", "caf\u00E9");
	expect_line("{\\rtf1{\\fonttbl{\\f0\\fcharset0 A;}{\\f3\\fcharset128 B;}}\\f3 \\'93\\'fa\\'96{\\f0 \\'e9}}",
		    "\u65E5\uFFFD\u00E9");
	expect_line("{\\rtf1{\\fonttbl{\\f3\\fcharset128 B;}}\\f3 \\'93\\'fa\\'96\\'7b}", "\u65E5\u672C");
	expect_line("{\\rtf1\\uc1 Bo\\u380\\'bfena \\u-10179?\\u-8704? \\u26085 ?}", "Bo\u017Cena \U0001F600 \u65E5");
	expect_line("{\\rtf1\\uc2 a\\u233\\'c3\\'a9b{\\uc0 \\u233 c}\\endash\\lquote}", "a\u00E9b\u00E9c\u2013\u2018");
	expect_line("{\\rtf1 a\\~b\\_c\\-d\\\\\\{\\}}", "a b-cd\\{}");
}

static void broken_unicode_becomes_a_mark(void **state)
{
	expect_line("{\\rtf1 a\\u-10240 ?b\\u-9216 ?c\\u99999999999 ?}", "a\uFFFDb\uFFFDc\uFFFD");
}

static void paragraphs_have_styles_headings_and_lists(void **state)
{
	struct document doc;

	read("{\\rtf1\\ansi{\\stylesheet{\\s1\\fs28 heading 1;}{\\s2\\outlinelevel2 Own;}{\\*\\cs9 heading 4;}}"
	     "{\\pard\\s1\\b\\fs28 Work\\par}\\pard\\plain plain\\line next\\par{\\pard\\s2 Third\\par}"
	     "\\pard{\\listtext\\pard\\plain \\u61623\\'3f\\tab}\\ls1 item\\par\\pard\\bullet \\tab own mark\\par"
	     "{\\b Chief}May 2020\\tab Rome\\par}", &doc);
	assert_int_equal(doc.n_lines, 9);
	assert_string_equal(doc.lines[0].text, "Work");
	assert_int_equal(doc.lines[0].heading, 1);
	assert_true(doc.lines[0].bold && doc.lines[0].font_size == 14);
	assert_int_equal(doc.lines[1].heading, 0);
	assert_false(doc.lines[1].bold);
	assert_int_equal(doc.lines[1].block, doc.lines[2].block);
	assert_int_equal(doc.lines[3].heading, 3);
	assert_true(doc.lines[4].bullet);
	assert_string_equal(doc.lines[4].text, "item");
	assert_true(doc.lines[5].bullet);
	assert_string_equal(doc.lines[5].text, "own mark");
	assert_string_equal(doc.lines[6].text, "Chief");
	assert_string_equal(doc.lines[7].text, "May 2020");
	assert_int_equal(doc.lines[7].row, doc.lines[8].row);
	document_free(&doc);
}

static void tables_give_rows_and_cells(void **state)
{
	struct document doc;

	read("{\\rtf1 before\\par\\trowd\\cellx1\\cellx2\\pard\\intbl 2019\\cell one\\par two\\cell\\row"
	     "\\trowd\\pard 2020\\cell\\pard\\intbl\\itap2 in\\nestcell\\nestcell{\\*\\nesttableprops\\trowd\\nestrow}"
	     "{\\nonesttables\\par no}\\pard\\intbl out\\cell\\row\\pard after\\par}", &doc);
	assert_int_equal(doc.n_lines, 8);
	assert_int_equal(doc.lines[0].row, 0);
	assert_string_equal(doc.lines[1].text, "2019");
	assert_int_equal(doc.lines[1].cell, 0);
	assert_string_equal(doc.lines[3].text, "two");
	assert_int_equal(doc.lines[3].cell, 1);
	assert_int_equal(doc.lines[3].row, doc.lines[1].row);
	assert_string_equal(doc.lines[4].text, "2020");
	assert_int_not_equal(doc.lines[4].row, doc.lines[1].row);
	assert_string_equal(doc.lines[5].text, "in");
	assert_string_equal(doc.lines[6].text, "out");
	assert_int_equal(doc.lines[6].row, doc.lines[4].row);
	assert_int_equal(doc.lines[7].row, 0);
	document_free(&doc);
}

static void what_a_reader_does_not_see_is_left_out(void **state)
{
	struct document doc;

	read("{\\rtf1{\\colortbl;\\red255\\green255\\blue255;\\red0\\green0\\blue0;}{\\info{\\author A}}{\\*\\unknown u}"
	     "{\\pict\\wmetafile8 0102}{\\object{\\*\\objdata 01}{\\result shown}}{\\footnote no}"
	     "{\\v hidden}{\\deleted gone}{\\cf1 white}{\\fs2 tiny}{\\cf1\\highlight2  on black}{\\cf2  black}\\par}", &doc);
	assert_int_equal(doc.n_lines, 1);
	assert_string_equal(doc.lines[0].text, "shown on black black");
	assert_true(doc.warnings & DOC_HIDDEN_TEXT);
	document_free(&doc);
}

static void headers_come_once_footers_last_and_boxes_apart(void **state)
{
	struct document doc;

	read("{\\rtf1{\\header Jane\\par}{\\headerf Jane\\par}{\\footer page foot\\par}text"
	     "{\\shp{\\*\\shpinst{\\sp{\\sn n}{\\sv v}}{\\shptxt box\\par}}{\\shprslt box\\par}} goes on"
	     "{\\upr{ansi}{\\*\\ud{ wide}}}\\par}", &doc);
	assert_int_equal(doc.n_lines, 4);
	assert_string_equal(doc.lines[0].text, "Jane");
	assert_string_equal(doc.lines[1].text, "box");
	assert_string_equal(doc.lines[2].text, "text goes on wide");
	assert_string_equal(doc.lines[3].text, "page foot");
	document_free(&doc);
}

static void links_come_from_fields(void **state)
{
	struct document doc;

	read("{\\rtf1{\\field{\\*\\fldinst{HYPERLINK \"https://x.example/a\"}}{\\fldrslt{\\ul site}}} "
	     "{\\field{\\*\\fldinst HYPERLINK \\\\l \"mark\"}{\\fldrslt here}}{\\field{\\*\\fldinst PAGE}{\\fldrslt 1}}\\par}", &doc);
	assert_int_equal(doc.n_lines, 1);
	assert_string_equal(doc.lines[0].text, "site here1");
	assert_int_equal(doc.n_links, 1);
	assert_string_equal(doc.links[0].url, "https://x.example/a");
	assert_string_equal(doc.links[0].text, "site");
	document_free(&doc);
}

static void a_file_that_is_cut_short_keeps_what_was_read(void **state)
{
	struct document doc;

	assert_int_equal(read_code("{\\rtf1 Jane\\par Doe {\\bin4294967295 x}}", &doc), ERR_corrupt);
	assert_int_equal(doc.n_lines, 2);
	document_free(&doc);
}

static void deep_groups_are_left_out_without_recursion(void **state)
{
	enum { DEEP = 200000 };
	struct document doc;
	struct buf rtf;

	buf_init(&rtf, 4 * DEEP);
	buf_addz(&rtf, "{\\rtf1 seen ");
	for (int i = 0; i < DEEP; i++)
		buf_addz(&rtf, "{");
	buf_addz(&rtf, "\\par not seen");
	for (int i = 0; i < DEEP; i++)
		buf_addz(&rtf, "}");
	buf_add(&rtf, "too}", 5);
	read(rtf.p, &doc);
	assert_int_equal(doc.n_lines, 1);
	assert_string_equal(doc.lines[0].text, "seen too");
	assert_true(doc.warnings & DOC_DAMAGED);
	document_free(&doc);
	buf_free(&rtf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_are_taken_one_by_one),
		cmocka_unit_test(a_backslash_at_the_end_ends_well),
		cmocka_unit_test(letters_come_from_code_pages_and_unicode),
		cmocka_unit_test(broken_unicode_becomes_a_mark),
		cmocka_unit_test(paragraphs_have_styles_headings_and_lists),
		cmocka_unit_test(tables_give_rows_and_cells),
		cmocka_unit_test(what_a_reader_does_not_see_is_left_out),
		cmocka_unit_test(headers_come_once_footers_last_and_boxes_apart),
		cmocka_unit_test(links_come_from_fields),
		cmocka_unit_test(a_file_that_is_cut_short_keeps_what_was_read),
		cmocka_unit_test(deep_groups_are_left_out_without_recursion),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
