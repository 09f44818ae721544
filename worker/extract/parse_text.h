/* Letters and words for the parser: decoding, folding for comparison, trimming. All functions are linear in their input. */
#ifndef EXTRACT_PARSE_TEXT_H
#define EXTRACT_PARSE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "str.h"

/* The code point at *at, which moves behind it. Invalid bytes count as U+FFFD, one at a time. */
uint32_t text_next(struct str s, size_t *at);

/* For comparing with the tables: case folded, accents and other marks removed, compatibility forms opened, typographic
 * apostrophes and dashes made plain, white space collapsed and trimmed. Returns the length; what does not fit in cap
 * is cut at a character. */
size_t text_fold(struct str in, char *out, size_t cap);
static inline struct str text_folded(struct str in, char *out, size_t cap) { return str_of(out, text_fold(in, out, cap)); }

bool text_is_letter(uint32_t c);
bool text_is_upper(uint32_t c);
bool text_is_lower(uint32_t c);
bool text_is_digit(uint32_t c);         /* ASCII only */
bool text_is_ideograph(uint32_t c);     /* scripts written without spaces: Han, Kana */

/* Trims white space and the given ASCII characters off both ends; also dashes, bullets and middle dots. Of brackets only
 * those that wrap the whole or have no partner. */
struct str text_strip(struct str s, const char *also);
struct str text_first_word(struct str s);
struct str text_last_word(struct str s);
size_t text_count_words(struct str s);
size_t text_length_words(struct str s);  /* the same, but of scripts without spaces about as many as would be written */
size_t text_count_letters(struct str s);
bool text_all_upper(struct str s);      /* at least two letters, and none of them lower case */
bool text_has_digit(struct str s);
bool text_runs_left(struct str s);      /* its first letter is of a script that is written from right to left */
/* Position of needle in s, or SIZE_MAX; both taken as they are. */
size_t text_find(struct str s, struct str needle);
/* "E X P E R I E N C E" and the like: true when every word is a single letter and there are at least four. */
bool text_is_spaced_out(struct str s);
/* Cuts *rest at the next mark that sets parts of a line apart: | and ¦, bullets, middle dots; with `dashes` also a dash
 * between spaces. Returns the part, stripped; *rest becomes { NULL, 0 } at the end. */
struct str text_segment(struct str *rest, bool dashes);

#endif
