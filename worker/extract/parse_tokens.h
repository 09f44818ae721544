/* A text cut into numbers, words and marks, as dates are read from it. Only parse_dates.c needs it. */
#ifndef EXTRACT_PARSE_TOKENS_H
#define EXTRACT_PARSE_TOKENS_H

#include <stdbool.h>

#include "parse_words.h"
#include "str.h"

#define TOKENS_TEXT_MAX 2048    /* what stands further behind in a line is not read */
#define TOKENS_MAX 192

enum token_type { TOKEN_NUMBER, TOKEN_WORD, TOKEN_DASH, TOKEN_DOT, TOKEN_SLASH, TOKEN_COMMA, TOKEN_QUOTE, TOKEN_OPEN,
	TOKEN_CLOSE, TOKEN_YEAR_MARK, TOKEN_MONTH_MARK, TOKEN_DAY_MARK, TOKEN_OTHER };

struct token {
	enum token_type type;
	int value, digits;      /* of a number */
	size_t from, to;        /* its bytes in the text */
};

struct tokens {
	struct str text;
	struct token v[TOKENS_MAX];
	size_t n;
};

void tokens_read(struct tokens *ts, struct str text);
/* All take an index that may lie behind the last token: then the answer is no. */
bool token_is(const struct tokens *ts, size_t i, enum token_type type);
bool token_touches(const struct tokens *ts, size_t i);          /* no space before it */
struct str token_text(const struct tokens *ts, size_t i);
int token_value(const struct tokens *ts, size_t i, enum word_kind kind);       /* of a word in a table, or -1 */

#endif
