/* worker/extract/parse_dates.c: times as people write them. */
#include "test.h"

#include <stdio.h>

#include "parse_dates.h"
#include "parse_words.h"

/* "start/end", "start/" for one that goes on, "start" for a single date. */
static void expect_period(const char *text, const char *expected)
{
	struct period p;
	char start[16], end[16], got[40];

	assert_true(period_find(str_c(text), &p));
	date_format(p.start, start);
	date_format(p.end, end);
	snprintf(got, sizeof(got), "%s%s%s", start, p.is_range ? "/" : "", p.is_range && !p.current ? end : "");
	assert_string_equal(got, expected);
}

static void expect_none(const char *text)
{
	struct period p;

	assert_false(period_find(str_c(text), &p));
}

static void numbers_are_read_in_the_usual_orders(void **state)
{
	expect_period("2019", "2019");
	expect_period("2019-03", "2019-03");
	expect_period("2019-03-15", "2019-03-15");
	expect_period("03/2019", "2019-03");
	expect_period("3.2019", "2019-03");
	expect_period("15.03.2019", "2019-03-15");
	expect_period("31/12/2019", "2019-12-31");
	expect_period("12/31/2019", "2019-12-31");
	expect_period("2019\u5E747\u6708", "2019-07");
}

static void a_date_that_can_be_read_two_ways_keeps_only_its_year(void **state)
{
	expect_period("05/06/2019", "2019");
}

static void months_are_known_in_many_languages(void **state)
{
	expect_period("March 2019", "2019-03");
	expect_period("avr. 2017", "2017-04");
	expect_period("M\u00E4rz 2017", "2017-03");
	expect_period("diciembre de 2013", "2013-12");
	expect_period("settembre 2010", "2010-09");
	expect_period("Mar\u00E7o de 2020", "2020-03");
	expect_period("mrt. 2017", "2017-03");
	expect_period("stycznia 2016", "2016-01");
	expect_period("15 March 2019", "2019-03-15");
	expect_period("March 15, 2019", "2019-03-15");
	expect_period("1er mars 2019", "2019-03-01");
	expect_period("Sept '19", "2019-09");
	expect_period("Fall 2013", "2013");
}

static void ranges_have_two_ends(void **state)
{
	expect_period("2016 - 2020", "2016/2020");
	expect_period("Sep 2018\u2013Jan 2021", "2018-09/2021-01");
	expect_period("01/2014 \u2014 12/2016", "2014-01/2016-12");
	expect_period("from March 2019 to May 2020", "2019-03/2020-05");
	expect_period("de janvier 2019 \u00E0 ao\u00FBt 2021", "2019-01/2021-08");
	expect_period("von 10.2006 bis 02.2011", "2006-10/2011-02");
	expect_period("May \u2013 August 2019", "2019-05/2019-08");
	expect_period("2008 2011", "2008/2011");
	expect_period("Set 2015 ? Dez 2019", "2015-09/2019-12");
	expect_period("\u0660\u0661/\u0662\u0660\u0661\u0664 - 02/2016", "2014-01/2016-02");
}

static void a_range_that_goes_on_has_no_end(void **state)
{
	expect_period("2019 - Present", "2019/");
	expect_period("(avr. 2017 - aujourd'hui)", "2017-04/");
	expect_period("10.2016 \u2013 heute", "2016-10/");
	expect_period("01/2014 - actualidad", "2014-01/");
	expect_period("Da marzo 2018 ad oggi", "2018-03/");
	expect_period("2019\u5E747\u6708 - \u81F3\u4ECA", "2019-07/");
	expect_period("02/2018 - \u062D\u062A\u0649 \u0627\u0644\u0622\u0646", "2018-02/");
	expect_period("seit 04/2019", "2019-04/");
	expect_period("2021-04 \u2014", "2021-04/");
	expect_period("marzo 2019 \u2013 presenteIngegnere", "2019-03/");
}

static void numbers_of_other_things_are_no_dates(void **state)
{
	expect_none("1200");
	expect_none("B2016");
	expect_none("12.000");
	expect_none("+46 70 174 06 12");
	expect_none("");
}

static void words_glued_to_a_date_are_told_apart(void **state)
{
	struct period p;
	struct str before, after, text = str_c("Head of MathematicsSeptember 2020 \u2013 Present");

	assert_true(period_find(text, &p));
	period_around(text, &p, &before, &after);
	assert_str_equal(before, "Head of Mathematics");
	assert_int_equal(after.n, 0);
	expect_period("Engineer09/2018 - 01/2020", "2018-09/2020-01");
}

static void what_stands_around_a_period_loses_its_separators(void **state)
{
	struct period p;
	struct str before, after, text = str_c("Nurse, General Hospital (Mar 2019 - Present), Portland");

	assert_true(period_find(text, &p));
	period_around(text, &p, &before, &after);
	assert_str_equal(before, "Nurse, General Hospital");
	assert_str_equal(after, "Portland");
}

static void endless_text_is_read_up_to_a_bound(void **state)
{
	static char text[1 << 20];
	struct period p;

	memset(text, '1', sizeof(text));
	assert_false(period_find(str_of(text, sizeof(text)), &p));
	memset(text, '-', sizeof(text));
	assert_false(period_find(str_of(text, sizeof(text)), &p));
}

static int prepare(void **state)
{
	return words_prepare();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_in_the_usual_orders),
		cmocka_unit_test(a_date_that_can_be_read_two_ways_keeps_only_its_year),
		cmocka_unit_test(months_are_known_in_many_languages),
		cmocka_unit_test(ranges_have_two_ends),
		cmocka_unit_test(a_range_that_goes_on_has_no_end),
		cmocka_unit_test(numbers_of_other_things_are_no_dates),
		cmocka_unit_test(words_glued_to_a_date_are_told_apart),
		cmocka_unit_test(what_stands_around_a_period_loses_its_separators),
		cmocka_unit_test(endless_text_is_read_up_to_a_bound),
	};

	return cmocka_run_group_tests(tests, prepare, NULL);
}
