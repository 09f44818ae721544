/* worker/extract/parse.c: whole documents become JSON Resume. */
#include "test.h"

#include <errno.h>
#include <stdlib.h>

#include "parse.h"

struct result {
	struct buf resume, summary;
};

static void parse_text(const char *text, struct result *r)
{
	struct document doc;
	struct str rest = str_c(text);
	int block = 1;

	document_init(&doc);
	doc.format = "txt";
	while (rest.n) {
		struct str line = str_cut(&rest, '\n');
		bool bullet = str_starts(line, STR("- "));
		struct doc_line *l;

		block += line.n == 0;
		l = document_add_line(&doc, line.p + (bullet ? 2 : 0), line.n - (bullet ? 2 : 0));
		if (!l)
			continue;
		l->page = 1;
		l->block = block;
		l->bullet = bullet;
	}
	buf_init(&r->resume, 1 << 20);
	buf_init(&r->summary, 1 << 16);
	assert_int_equal(parse_resume(&doc, &r->resume, &r->summary), 0);
	buf_add(&r->resume, "", 1);
	buf_add(&r->summary, "", 1);
	document_free(&doc);
}

static void result_free(struct result *r)
{
	buf_free(&r->resume);
	buf_free(&r->summary);
}

static void expect_in(const struct result *r, const char *part)
{
	if (!strstr(r->resume.p, part))
		fail_msg("%s is not in %s", part, r->resume.p);
}

static void expect_not_in(const struct result *r, const char *part)
{
	if (strstr(r->resume.p, part))
		fail_msg("%s is in %s", part, r->resume.p);
}

static const char english[] =
	"Jane Doe\nSenior Carpenter\njane@example.org | +44 20 7946 0321 | Leeds, United Kingdom\n\n"
	"PROFILE\nCarpenter with ten years of experience in old houses.\n\n"
	"EXPERIENCE\nSenior Carpenter, Oak & Sons Ltd (Mar 2019 - Present)\nYork\n- Restored forty windows\n- Trained three apprentices\n\n"
	"Carpenter, Elm Joinery (2014 - 2019)\nLeeds\n- Built stairs\n\n"
	"EDUCATION\nDiploma, Carpentry\nNorthern College, 2011 - 2014\n\n"
	"SKILLS\nHand: Dovetails, Turning\nTools: Lathe, Router\n\n"
	"LANGUAGES\nEnglish: Native\nFrench: Basic\n";

static void a_plain_cv_is_read_whole(void **state)
{
	struct result r;

	parse_text(english, &r);
	expect_in(&r, "\"name\":\"Jane Doe\",\"label\":\"Senior Carpenter\",\"email\":\"jane@example.org\",\"phone\":\"+442079460321\"");
	expect_in(&r, "\"city\":\"Leeds\",\"countryCode\":\"GB\"");
	expect_in(&r, "{\"name\":\"Oak & Sons Ltd\",\"position\":\"Senior Carpenter\",\"location\":\"York\",\"startDate\":\"2019-03\","
		"\"highlights\":[\"Restored forty windows\",\"Trained three apprentices\"]}");
	expect_in(&r, "{\"name\":\"Elm Joinery\",\"position\":\"Carpenter\",\"location\":\"Leeds\",\"startDate\":\"2014\",\"endDate\":\"2019\"");
	expect_in(&r, "{\"institution\":\"Northern College\",\"studyType\":\"Diploma\",\"area\":\"Carpentry\",\"startDate\":\"2011\",\"endDate\":\"2014\"}");
	expect_in(&r, "{\"name\":\"Hand\",\"keywords\":[\"Dovetails\",\"Turning\"]}");
	expect_in(&r, "{\"language\":\"French\",\"fluency\":\"Basic\"}");
	expect_in(&r, "\"language\":\"en\"");
	assert_string_equal(r.summary.p, "{\"name\":\"Jane Doe\",\"has_email\":true,\"has_phone\":true,\"work\":2,\"education\":1,\"skills\":4,"
		"\"languages\":2,\"warnings\":[]}");
	result_free(&r);
}

static void headings_of_other_languages_are_known(void **state)
{
	struct result r;

	parse_text("Anna Nowak\nanna@poczta.example.pl\n\nDo\u015Bwiadczenie zawodowe\n01.2019 \u2013 obecnie\nKsi\u0119gowa\nZielony Sklep Sp. z o.o.\n"
		"- rozliczenia\n\nJ\u0119zyki obce\nangielski \u2013 C1\n", &r);
	expect_in(&r, "{\"name\":\"Zielony Sklep Sp. z o.o.\",\"position\":\"Ksi\u0119gowa\",\"startDate\":\"2019-01\",\"highlights\":[\"rozliczenia\"]}");
	expect_in(&r, "{\"language\":\"angielski\",\"fluency\":\"C1\"}");
	expect_in(&r, "\"language\":\"pl\"");
	result_free(&r);
}

static void a_list_that_lost_its_marks_stays_whole(void **state)
{
	struct result r;

	parse_text("Jane Doe\njane@example.org\n\nEXPERIENCE\nHead of Mathematics, Ikoyi College\nSep 2020 \u2013 Present, Lagos\n"
		"Raised the pass rate\nFounded a robotics club, national finalists in 2021\n\nEDUCATION\nB.Ed, Mathematics\nOyo College, 2008 - 2012\n", &r);
	expect_in(&r, "{\"name\":\"Ikoyi College\",\"position\":\"Head of Mathematics\",\"location\":\"Lagos\",\"startDate\":\"2020-09\","
		"\"highlights\":[\"Raised the pass rate\",\"Founded a robotics club, national finalists in 2021\"]}");
	result_free(&r);
}

static void a_name_in_two_large_lines_is_one(void **state)
{
	struct document doc;
	struct result r;
	static const char *const lines[] = { "In\u00EAs Carvalho", "Nogueira", "Gestora de Projetos", "ines@exemplo.pt" };

	document_init(&doc);
	doc.format = "pdf";
	for (int i = 0; i < 4; i++) {
		struct doc_line *l = document_add_line(&doc, lines[i], strlen(lines[i]));

		assert_non_null(l);
		l->page = l->block = 1;
		l->x = 50;
		l->width = 200;
		l->y = 50 + 30 * (float)i;
		l->height = i < 2 ? 28 : 12;
		l->font_size = i < 2 ? 24 : 10;
	}
	buf_init(&r.resume, 1 << 20);
	buf_init(&r.summary, 1 << 16);
	assert_int_equal(parse_resume(&doc, &r.resume, &r.summary), 0);
	buf_add(&r.resume, "", 1);
	expect_in(&r, "\"name\":\"In\u00EAs Carvalho Nogueira\",\"label\":\"Gestora de Projetos\"");
	document_free(&doc);
	result_free(&r);
}

static void the_same_document_gives_the_same_bytes(void **state)
{
	struct result a, b;

	parse_text(english, &a);
	parse_text(english, &b);
	assert_string_equal(a.resume.p, b.resume.p);
	result_free(&a);
	result_free(&b);
}

static void what_is_not_sure_is_left_out(void **state)
{
	struct result r;

	parse_text("INVOICE 2031\n\nACME Tools Ltd, 5 Dock Road\nHammer 2 x 12.00\nPay within 14 days to invoices@example.com\n", &r);
	expect_not_in(&r, "\"work\"");
	expect_not_in(&r, "\"location\"");
	expect_in(&r, "\"warnings\":[\"not_a_cv\"]");
	result_free(&r);
}

static void addresses_of_referees_are_not_taken(void **state)
{
	struct result r;

	parse_text("Jane Doe\nCarpenter\n\nEXPERIENCE\nCarpenter, Elm Joinery (2014 - 2019)\n- Built stairs\n\n"
		"REFERENCES\nJohn Roe\njohn.roe@example.com\n+44 20 7946 0999\n", &r);
	expect_not_in(&r, "john.roe@");
	expect_not_in(&r, "\"phone\"");
	result_free(&r);
}

static void a_number_dialled_at_home_stays_as_written(void **state)
{
	struct result r;

	parse_text("Jane Doe\njane@example.org\n087 555 0199\nGalway, Ireland\n", &r);
	expect_in(&r, "\"phone\":\"087 555 0199\"");
	expect_in(&r, "\"phone_e164\":\"+353875550199\"");
	result_free(&r);
}

/* Text made to slow down patterns: one long line, and many lines that all look like something. */
static void hostile_text_ends_soon(void **state)
{
	static const char *const pieces[] = { "a@", "1-", "(", "2019-", "http://", "www.a.", ", ", "- ", "Engineer, " };
	size_t size = 300000;
	char *text = malloc(size + 1);

	assert_non_null(text);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		size_t n = strlen(pieces[i]);
		struct result r;

		for (size_t k = 0; k < size; k++)
			text[k] = pieces[i][k % n];
		text[size] = '\0';
		parse_text(text, &r);
		result_free(&r);
		for (size_t k = 40; k < size; k += 41)
			text[k] = '\n';
		memcpy(text, "EXPERIENCE\n", 11);
		parse_text(text, &r);
		result_free(&r);
	}
	free(text);
}

static void a_full_buffer_is_told(void **state)
{
	struct document doc;
	struct buf small, summary;

	document_init(&doc);
	doc.format = "txt";
	assert_non_null(document_add_line(&doc, "Jane Doe", 8));
	buf_init(&small, 16);
	buf_init(&summary, 1 << 16);
	assert_int_equal(parse_resume(&doc, &small, &summary), -EMSGSIZE);
	buf_free(&small);
	buf_free(&summary);
	document_free(&doc);
}

static void an_empty_document_is_no_cv(void **state)
{
	struct result r;

	parse_text("", &r);
	expect_in(&r, "\"basics\":{}");
	expect_in(&r, "not_a_cv");
	result_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_cv_is_read_whole),
		cmocka_unit_test(headings_of_other_languages_are_known),
		cmocka_unit_test(a_list_that_lost_its_marks_stays_whole),
		cmocka_unit_test(a_name_in_two_large_lines_is_one),
		cmocka_unit_test(the_same_document_gives_the_same_bytes),
		cmocka_unit_test(what_is_not_sure_is_left_out),
		cmocka_unit_test(addresses_of_referees_are_not_taken),
		cmocka_unit_test(a_number_dialled_at_home_stays_as_written),
		cmocka_unit_test(hostile_text_ends_soon),
		cmocka_unit_test(a_full_buffer_is_told),
		cmocka_unit_test(an_empty_document_is_no_cv),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
