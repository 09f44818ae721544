/* worker/extract/parse_{text,words,phone,place,url,contact}.c: the small readers of one piece of text. */
#include "test.h"

#include "parse_contact.h"
#include "parse_phone.h"
#include "parse_place.h"
#include "parse_text.h"
#include "parse_url.h"

static void folding_removes_case_marks_and_typography(void **state)
{
	char out[64];

	assert_str_equal(text_folded(str_c("  \u00C9lo\u00EFse\u00A0 M\u00DCLLER\u2013Stra\u00DFe "), out, sizeof(out)), "eloise muller-strasse");
	assert_str_equal(text_folded(str_c("aujourd\u2019hui"), out, sizeof(out)), "aujourd'hui");
	assert_int_equal(text_fold(str_c("abcdef"), out, 3), 3);
}

static void lams_and_alefs_are_the_same_in_any_order(void **state)
{
	char right[64], wrong[64];

	assert_str_equal(text_folded(str_c("\u0627\u0644\u0627\u0633\u0645 x"), right, sizeof(right)), "\u0644\u0627\u0627\u0633\u0645 x");
	assert_int_equal(text_fold(str_c("\u0627\u0627\u0644\u0633\u0645 x"), wrong, sizeof(wrong)), strlen("\u0644\u0627\u0627\u0633\u0645 x"));
	assert_memory_equal(right, wrong, strlen("\u0644\u0627\u0627\u0633\u0645 x"));
}

static void stripping_keeps_brackets_that_belong_to_the_text(void **state)
{
	assert_str_equal(text_strip(str_c(" \u2022 Milano (MI), "), ",()"), "Milano (MI)");
	assert_str_equal(text_strip(str_c("(Native)"), "()"), "Native");
	assert_str_equal(text_strip(str_c("- Native)"), "()"), "Native");
}

static void the_longest_phrase_at_the_start_is_found(void **state)
{
	size_t used = 0;

	assert_true(words_find_prefix(WORD_DEGREE, str_c("Bachelor of Science in Physics"), &used) >= 0);
	assert_int_equal(used, strlen("Bachelor of Science"));
	assert_int_equal(words_find_prefix(WORD_DEGREE, str_c("Acme"), &used), -1);
}

static void compounds_are_known_by_their_ends(void **state)
{
	assert_true(words_any(WORD_TITLE, str_c("Maschinenbauingenieur")));
	assert_true(words_any(WORD_ORG, str_c("\u4E91\u6CB3\u79D1\u6280\u6709\u9650\u516C\u53F8")));
	assert_false(words_any(WORD_TITLE, str_c("Stuttgart")));
}

static void expect_phone(const char *text, const char *number)
{
	struct str found = phone_find(str_c(text), false);

	assert_int_equal(found.n, strlen(number));
	assert_memory_equal(found.p, number, found.n);
}

static void telephone_numbers_are_told_from_other_numbers(void **state)
{
	expect_phone("Tel. +49 711 5550 142, mobil", "+49 711 5550 142");
	expect_phone("(503) 555-0117 | Portland", "(503) 555-0117");
	expect_phone("087 555 0199", "087 555 0199");
	expect_phone("123-456-7890", "123-456-7890");
	expect_phone("2012 - 2016", "");
	expect_phone("Carpenter, Elm Joinery (2014 - 2019)", "");
	expect_phone("10.2006 - 02.2011", "");
	expect_phone("14 rue des Tilleuls, 69003 Lyon", "");
	expect_phone("ISBN978-3-16-148410-0", "");
	expect_phone("240 000", "");
}

static void expect_e164(const char *number, const char *country, const char *expected)
{
	char out[20];

	assert_int_equal(phone_e164(str_c(number), country, out), strlen(expected));
	assert_string_equal(out, expected);
}

static void numbers_get_their_international_form_where_the_country_is_known(void **state)
{
	expect_e164("+44 (0)20 7946 0321", "", "+442079460321");
	expect_e164("0049 711 5550142", "", "+497115550142");
	expect_e164("087 555 0199", "IE", "+353875550199");
	expect_e164("(503) 555-0117", "US", "+15035550117");
	expect_e164("612 345 678", "ES", "+34612345678");
	expect_e164("087 555 0199", "", "");
	expect_e164("555", "US", "");
}

static void expect_place(const char *text, int sure, const char *city, const char *region, const char *postal, const char *country)
{
	struct place p;

	assert_int_equal(place_parse(str_c(text), &p), sure);
	assert_int_equal(p.city.n, strlen(city));
	assert_memory_equal(p.city.n ? p.city.p : "", city, p.city.n);
	assert_int_equal(p.region.n, strlen(region));
	assert_memory_equal(p.region.n ? p.region.p : "", region, p.region.n);
	assert_int_equal(p.postal_code.n, strlen(postal));
	assert_memory_equal(p.postal_code.n ? p.postal_code.p : "", postal, p.postal_code.n);
	assert_string_equal(p.country, country);
}

static void places_are_taken_apart_from_their_end(void **state)
{
	expect_place("14 rue des Tilleuls, 69003 Lyon, France", 2, "Lyon", "", "69003", "FR");
	expect_place("Portland, OR, USA", 2, "Portland", "OR", "", "US");
	expect_place("Wei\u00DFdornweg 7, D-70565 Stuttgart, Deutschland", 2, "Stuttgart", "", "70565", "DE");
	expect_place("London E8 3RH, United Kingdom", 2, "London", "", "E8 3RH", "GB");
	expect_place("Kerkstraat 14, 1012 AB Amsterdam, Nederland", 2, "Amsterdam", "", "1012 AB", "NL");
	expect_place("Springfield, Pennsylvania 10111, USA", 2, "Springfield", "Pennsylvania", "10111", "US");
	expect_place("Galway IE", 2, "Galway", "", "", "IE");
	expect_place("\u4E0A\u6D77, \u4E2D\u56FD", 2, "\u4E0A\u6D77", "", "", "CN");
	expect_place("34-400 Nowy Targ", 1, "Nowy Targ", "", "34-400", "");
	expect_place("Krak\u00F3w", 2, "Krak\u00F3w", "", "", "");
}

static void other_text_is_no_place(void **state)
{
	struct place p;

	assert_int_equal(place_parse(str_c("Invoice 2031"), &p), 0);
	assert_int_equal(place_parse(str_c("Senior Engineer"), &p), 0);
	assert_int_equal(place_parse(str_c(""), &p), 0);
	assert_int_equal(place_tail(str_c("Acme Ltd")), strlen("Acme Ltd"));
	assert_int_equal(place_tail(str_c("Paper Lantern Press, Toronto, ON")), strlen("Paper Lantern Press"));
}

static void email_addresses_end_where_the_domain_ends(void **state)
{
	assert_str_equal(email_find(str_c("E-mail: jane.doe+cv@mail.example.org, Tel")), "jane.doe+cv@mail.example.org");
	assert_str_equal(email_find(str_c("<jane@example.org>.")), "jane@example.org");
	assert_int_equal(email_find(str_c("@jane, jane@, jane@localhost")).n, 0);
}

static void addresses_of_networks_become_profiles(void **state)
{
	struct arena a;
	struct resume r = { .arena = &a };

	arena_init(&a, 1 << 16);
	url_take(str_c("https://de.linkedin.com/in/jane-doe/"), true, &r);
	url_take(str_c("github.com/jane"), true, &r);
	url_take(str_c("javascript:alert(1)"), true, &r);
	url_take(str_c("https://example.org/\xE2\x80\xAE"), true, &r);
	url_take(str_c("jane.example.org"), true, &r);
	urls_from_text(str_c("janedraws (Instagram)"), true, &r);
	assert_int_equal(r.profiles.n, 3);
	assert_str_equal(r.profiles.v[0].name, "LinkedIn");
	assert_str_equal(r.profiles.v[0].value, "jane-doe");
	assert_str_equal(r.profiles.v[1].url, "https://github.com/jane");
	assert_str_equal(r.profiles.v[2].value, "janedraws");
	assert_str_equal(r.url, "https://jane.example.org");
	arena_free(&a);
}

static void labels_need_a_sign_that_they_are_one(void **state)
{
	struct str value;

	assert_int_equal(label_take(str_c("Wohnort: Berlin"), &value), LABEL_ADDRESS);
	assert_str_equal(value, "Berlin");
	assert_int_equal(label_take(str_c("M +46 70 174 06 12"), &value), LABEL_PHONE);
	assert_int_equal(label_take(str_c("Mobile Developer"), &value), -1);
}

static int prepare(void **state)
{
	return words_prepare();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folding_removes_case_marks_and_typography),
		cmocka_unit_test(lams_and_alefs_are_the_same_in_any_order),
		cmocka_unit_test(stripping_keeps_brackets_that_belong_to_the_text),
		cmocka_unit_test(the_longest_phrase_at_the_start_is_found),
		cmocka_unit_test(compounds_are_known_by_their_ends),
		cmocka_unit_test(telephone_numbers_are_told_from_other_numbers),
		cmocka_unit_test(numbers_get_their_international_form_where_the_country_is_known),
		cmocka_unit_test(places_are_taken_apart_from_their_end),
		cmocka_unit_test(other_text_is_no_place),
		cmocka_unit_test(email_addresses_end_where_the_domain_ends),
		cmocka_unit_test(addresses_of_networks_become_profiles),
		cmocka_unit_test(labels_need_a_sign_that_they_are_one),
	};

	return cmocka_run_group_tests(tests, prepare, NULL);
}
