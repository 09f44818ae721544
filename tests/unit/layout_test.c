/* worker/extract/layout*.c: the reading order of words by where they stand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "layout.h"

#define WORDS_MAX 200
#define PAGE_WIDTH 600

struct page {
	struct layout_word words[WORDS_MAX];
	size_t n;
};

static const struct layout_word *put_sized(struct page *p, float x, float y, const char *text, float size)
{
	struct layout_word *w = &p->words[p->n++];

	assert_true(p->n < WORDS_MAX);
	*w = (struct layout_word){
		.text = str_c(text), .x1 = x, .y1 = y, .x2 = x + 0.5f * size * (float)strlen(text), .y2 = y + 1.2f * size,
		.size = size,
	};
	return w;
}

static void put(struct page *p, float x, float y, const char *text)
{
	put_sized(p, x, y, text, 10);
}

static void expect(struct page *p, struct document *doc, const char *const *lines)
{
	struct layout layout = { .doc = doc };
	size_t n = 0;

	document_init(doc);
	assert_int_equal(layout_page(&layout, p->words, p->n, 1, PAGE_WIDTH), 0);
	for (; lines[n]; n++) {
		assert_true(n < doc->n_lines);
		assert_string_equal(doc->lines[n].text, lines[n]);
	}
	assert_int_equal(doc->n_lines, n);
}

static void words_of_one_line_are_joined_by_spaces(void **state)
{
	struct page p = { .n = 0 };
	struct document doc;

	put(&p, 78, 100, "world");
	put(&p, 50, 100, "hello");
	put(&p, 103, 100, "!");
	expect(&p, &doc, (const char *const[]){ "hello world!", NULL });
	assert_int_equal(doc.lines[0].row, 0);
	document_free(&doc);
}

static void columns_do_not_interleave(void **state)
{
	struct page p = { .n = 0 };
	struct document doc;

	put_sized(&p, 50, 20, "A_name_that_runs_over_both", 24);
	put(&p, 50, 101, "left1");
	put(&p, 50, 115, "left2");
	put(&p, 50, 135, "left3");
	put(&p, 250, 106, "the_main_column_one");
	put(&p, 250, 122, "the_main_column_two");
	put(&p, 250, 142, "the_main_column_three");
	put(&p, 50, 180, "a_line_below_that_runs_over_both_of_the_columns_again");
	expect(&p, &doc, (const char *const[]){ "A_name_that_runs_over_both", "left1", "left2", "left3",
						"the_main_column_one", "the_main_column_two", "the_main_column_three",
						"a_line_below_that_runs_over_both_of_the_columns_again", NULL });
	assert_int_equal(doc.lines[1].column, 1);
	assert_int_equal(doc.lines[4].column, 0);
	assert_true(doc.lines[3].block < doc.lines[4].block);
	document_free(&doc);
}

static void dates_at_the_left_make_rows(void **state)
{
	struct page p = { .n = 0 };
	struct document doc;

	put(&p, 50, 100, "2019");
	put(&p, 150, 100, "Engineer");
	put(&p, 150, 114, "Company");
	put(&p, 50, 140, "2015-");
	put(&p, 50, 154, "2018");
	put(&p, 150, 140, "Trainee");
	put(&p, 150, 154, "School");
	put(&p, 150, 168, "More");
	expect(&p, &doc, (const char *const[]){ "2019", "Engineer", "Company", "2015-", "2018", "Trainee", "School", "More",
						NULL });
	assert_int_equal(doc.lines[0].row, doc.lines[2].row);
	assert_int_equal(doc.lines[0].cell, 0);
	assert_int_equal(doc.lines[2].cell, 1);
	assert_int_not_equal(doc.lines[2].row, doc.lines[3].row);
	assert_int_equal(doc.lines[4].row, doc.lines[7].row);
	document_free(&doc);
}

static void dates_at_the_right_share_the_row_of_their_line(void **state)
{
	struct page p = { .n = 0 };
	struct document doc;

	for (int i = 0; i < 3; i++) {
		put(&p, 50, 100 + 60 * (float)i, "Title");
		put(&p, 500, 100 + 60 * (float)i, "2019");
		put(&p, 50, 114 + 60 * (float)i, "a_line_of_what_was_done");
	}
	expect(&p, &doc, (const char *const[]){ "Title", "2019", "a_line_of_what_was_done", "Title", "2019",
						"a_line_of_what_was_done", "Title", "2019", "a_line_of_what_was_done", NULL });
	assert_true(doc.lines[0].row > 0);
	assert_int_equal(doc.lines[0].row, doc.lines[1].row);
	assert_int_equal(doc.lines[1].cell, 1);
	assert_int_equal(doc.lines[2].row, 0);
	document_free(&doc);
}

static void parts_of_one_line_set_apart_are_cells(void **state)
{
	struct page p = { .n = 0 };
	struct document doc;

	put(&p, 50, 100, "a@b.example");
	put(&p, 200, 100, "+1");
	put(&p, 215, 100, "555");
	put(&p, 350, 100, "Paris");
	expect(&p, &doc, (const char *const[]){ "a@b.example", "+1 555", "Paris", NULL });
	assert_int_equal(doc.lines[2].cell, 2);
	assert_int_equal(doc.lines[0].row, doc.lines[2].row);
	document_free(&doc);
}

/* Boxes 8 points apart, in two lines; other words have spaces of 3 points. */
static void words_in_boxes_are_cells(void **state)
{
	struct page p = { .n = 0 };
	struct document doc;

	put(&p, 50, 100, "Python");
	put(&p, 88, 100, "Unix");
	put(&p, 111, 100, "shell");
	put(&p, 144, 100, "Lua");
	put(&p, 50, 120, "Docker");
	put(&p, 88, 120, "Git");
	expect(&p, &doc, (const char *const[]){ "Python", "Unix shell", "Lua", "Docker", "Git", NULL });
	assert_int_equal(doc.lines[0].row, doc.lines[2].row);
	assert_int_equal(doc.lines[2].cell, 2);
	assert_int_not_equal(doc.lines[2].row, doc.lines[3].row);
	document_free(&doc);
}

static void a_list_mark_is_taken_off(void **state)
{
	struct page p = { .n = 0 };
	struct document doc;

	put(&p, 50, 100, "\u2022");
	put(&p, 85, 100, "item");
	put(&p, 50, 114, "-");
	put(&p, 60, 114, "other");
	expect(&p, &doc, (const char *const[]){ "item", "other", NULL });
	assert_true(doc.lines[0].bullet);
	assert_true(doc.lines[1].bullet);
	document_free(&doc);
}

static void letters_set_apart_are_one_word(void **state)
{
	static const char *const letters[] = { "S", "K", "I", "L", "L", "S" };
	struct page p = { .n = 0 };
	struct document doc;

	for (int i = 0; i < 6; i++)
		put(&p, 50 + 8 * (float)i, 100, letters[i]);
	expect(&p, &doc, (const char *const[]){ "SKILLS", NULL });
	document_free(&doc);
}

static void lines_from_right_to_left_keep_numbers_in_order(void **state)
{
	static const char *const words[] = { "\u0647\u0627\u062A\u0641", "+962", "7", "9555" };
	static const float x[] = { 500, 400, 430, 440 };
	struct page p = { .n = 0 };
	struct document doc;

	for (int i = 0; i < 4; i++) {
		put(&p, x[i], 100, words[i]);
		p.words[i].right_to_left = i == 0;
	}
	p.words[0].x1 = 470;
	expect(&p, &doc, (const char *const[]){ "\u0647\u0627\u062A\u0641 +962 7 9555", NULL });
	document_free(&doc);
}

static void an_empty_page_has_no_line(void **state)
{
	struct page p = { .n = 0 };
	struct document doc;

	expect(&p, &doc, (const char *const[]){ NULL });
	document_free(&doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_of_one_line_are_joined_by_spaces),
		cmocka_unit_test(columns_do_not_interleave),
		cmocka_unit_test(dates_at_the_left_make_rows),
		cmocka_unit_test(dates_at_the_right_share_the_row_of_their_line),
		cmocka_unit_test(parts_of_one_line_set_apart_are_cells),
		cmocka_unit_test(words_in_boxes_are_cells),
		cmocka_unit_test(a_list_mark_is_taken_off),
		cmocka_unit_test(letters_set_apart_are_one_word),
		cmocka_unit_test(lines_from_right_to_left_keep_numbers_in_order),
		cmocka_unit_test(an_empty_page_has_no_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
