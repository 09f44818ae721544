/*
 * The word tables of the parser (parse_words.def, parse_headings.def, parse_networks.def) behind one hash: "which month
 * is this word?", "does this line end with a job title?". Nothing here knows a document.
 */
#ifndef EXTRACT_PARSE_WORDS_H
#define EXTRACT_PARSE_WORDS_H

#include <stdbool.h>

#include "str.h"

enum word_kind {
	WORD_HEADING, WORD_HEADING_WORD, WORD_MONTH, WORD_SEASON, WORD_PRESENT, WORD_UNTIL, WORD_SINCE, WORD_COUNTRY,
	WORD_REGION, WORD_CITY, WORD_LABEL, WORD_LANGUAGE, WORD_FLUENCY, WORD_TITLE, WORD_ORG, WORD_LEGAL, WORD_SCHOOL, WORD_DEGREE,
	WORD_DEGREE_LINK, WORD_SCORE, WORD_HONOUR, WORD_HIDDEN_ISSUER, WORD_DOC_TITLE, WORD_REMOTE, WORD_NETWORK,
};

enum section_kind {
	SECTION_HEADER, SECTION_SUMMARY, SECTION_WORK, SECTION_EDUCATION, SECTION_SKILLS, SECTION_LANGUAGES,
	SECTION_CERTIFICATES, SECTION_PROJECTS, SECTION_INTERESTS, SECTION_REFERENCES, SECTION_AWARDS, SECTION_PUBLICATIONS,
	SECTION_VOLUNTEER, SECTION_CONTACT, SECTION_OTHER, SECTION_KINDS
};

enum label_kind {
	LABEL_EMAIL, LABEL_PHONE, LABEL_URL, LABEL_ADDRESS, LABEL_NAME, LABEL_TITLE, LABEL_PERSONAL, LABEL_ENDS_BODY
};

enum text_language { TEXT_EN, TEXT_FR, TEXT_DE, TEXT_ES, TEXT_IT, TEXT_PT, TEXT_NL, TEXT_PL, TEXT_ZH, TEXT_AR, TEXT_LANGUAGES };

/* A heading's value: its section, and the language that the table lists it under. */
static inline enum section_kind heading_section(int value) { return (enum section_kind)(value % SECTION_KINDS); }
static inline enum text_language heading_language(int value) { return (enum text_language)(value / SECTION_KINDS); }

int words_prepare(void);                                /* builds the hash once; 0 or -ENOMEM */

/* The value of the whole phrase, or -1. The phrase may be in any spelling; it is folded here. */
int words_find(enum word_kind kind, struct str phrase);
/* The longest phrase (up to six words) that s begins with; *used: its bytes in s. -1 when there is none. */
int words_find_prefix(enum word_kind kind, struct str s, size_t *used);
/* How many words of s are in the table, or end like a compound in it. */
int words_count(enum word_kind kind, struct str s);
/* Whether two capitals are the ISO 3166 code of a country in the table. */
bool words_is_country_code(struct str code);
static inline bool words_any(enum word_kind kind, struct str s) { return words_count(kind, s) > 0; }

struct network {
	const char *name, *host, *path;
};
/* The network whose host the address (without scheme and www.) begins with; NULL: none. *path: what follows. */
const struct network *network_of_address(struct str address, struct str *path);
const struct network *network_of_word(struct str word);

#endif
