/* worker/extract/language.c: which language a text is in, badly read text too. */
#include "test.h"

#include "language.h"

static int language_of(const char *text)
{
	struct language_votes votes = { .words = { 0 } };

	language_count(&votes, str_c(text));
	return language_winner(&votes);
}

static void common_words_tell_the_language(void **state)
{
	assert_int_equal(language_of("Led the team of ten nurses in the ward, and on call for the hospital"), TEXT_EN);
	assert_int_equal(language_of("Encadrement de la brigade et des apprentis, gestion du stock pour les fêtes"), TEXT_FR);
	assert_int_equal(language_of("Leitung des Teams mit fünf Mitarbeitern, Betreuung der Lieferanten und von Kunden"), TEXT_DE);
	assert_int_equal(language_of("Responsable de las ventas y los clientes en el norte, con el apoyo del equipo"), TEXT_ES);
	assert_int_equal(language_of("Responsabile delle vendite, gestione dei clienti e del magazzino con il reparto della sede"), TEXT_IT);
	assert_int_equal(language_of("Gestão da equipe e dos clientes, responsável pelo apoio ao setor de vendas em uma loja do norte"), TEXT_PT);
	assert_int_equal(language_of("Leiding van het team met de klanten, werk voor een winkel in de stad en op het kantoor"), TEXT_NL);
	assert_int_equal(language_of("Praca w zespole, znajomość procesów oraz kontakt z klientami od roku i na stanowisku"), TEXT_PL);
}

static void letters_read_wrongly_do_no_harm(void **state)
{
	assert_int_equal(language_of("Lycée hételier, gestion des stocks et de la carte, equipe de douze personnes, formation"), TEXT_FR);
}

static void few_words_tell_nothing(void **state)
{
	assert_int_equal(language_of(""), -1);
	assert_int_equal(language_of("Jane Roe, Go, C, SQL"), -1);
}

static void tesseract_has_its_own_names(void **state)
{
	assert_string_equal(language_tesseract_name(TEXT_DE), "deu");
	assert_null(language_tesseract_name(TEXT_AR));
	assert_null(language_tesseract_name(-1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(common_words_tell_the_language),
		cmocka_unit_test(letters_read_wrongly_do_no_harm),
		cmocka_unit_test(few_words_tell_nothing),
		cmocka_unit_test(tesseract_has_its_own_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
