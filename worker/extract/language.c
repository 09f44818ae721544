/* See language.h. */
#include "language.h"

#include <string.h>

#include "parse_text.h"

#define WORD_BYTES 64
#define WORDS_MIN 4             /* fewer say nothing */
#define LEAD_MIN 3              /* so many more than the next language */

static const struct {
	enum text_language language;
	const char *tesseract, *words;  /* the words with a space on each side */
} table[] = {
#define LANGUAGE(language, tesseract, words) { TEXT_##language, tesseract, " " words " " },
#include "language.def"
#undef LANGUAGE
};

#define N_LANGUAGES (sizeof(table) / sizeof(table[0]))

static void count_word(struct language_votes *votes, struct str word)
{
	char spaced[WORD_BYTES + 3] = " ";
	size_t n = text_fold(word, spaced + 1, WORD_BYTES);

	if (n == 0)
		return;
	spaced[n + 1] = ' ';
	spaced[n + 2] = '\0';
	for (size_t i = 0; i < N_LANGUAGES; i++)
		votes->words[table[i].language] += strstr(table[i].words, spaced) != NULL;
}

void language_count(struct language_votes *votes, struct str text)
{
	while (text.n) {
		struct str word = str_cut(&text, ' ');

		if (word.n < WORD_BYTES)
			count_word(votes, text_strip(word, ".,;:()"));
	}
}

int language_winner(const struct language_votes *votes)
{
	unsigned best = 0, second = 0;
	int winner = -1;

	for (int i = 0; i < TEXT_LANGUAGES; i++) {
		if (votes->words[i] > best) {
			second = best;
			best = votes->words[i];
			winner = i;
		} else if (votes->words[i] > second) {
			second = votes->words[i];
		}
	}
	return best >= WORDS_MIN && best >= second + LEAD_MIN ? winner : -1;
}

const char *language_tesseract_name(int language)
{
	for (size_t i = 0; i < N_LANGUAGES; i++)
		if ((int)table[i].language == language)
			return table[i].tesseract;
	return NULL;
}
