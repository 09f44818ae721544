/*
 * Which of the languages in language.def a text is in, by its commonest words. Accents and broken letters do not matter:
 * ocr.c asks about text that was read in the wrong language.
 */
#ifndef EXTRACT_LANGUAGE_H
#define EXTRACT_LANGUAGE_H

#include <stddef.h>

#include "parse_words.h"

struct language_votes {
	unsigned words[TEXT_LANGUAGES];
};

void language_count(struct language_votes *votes, struct str text);
/* An enum text_language; -1: too few words, or no clear winner. */
int language_winner(const struct language_votes *votes);
/* What tesseract calls it; NULL: not in the table. */
const char *language_tesseract_name(int language);

#endif
