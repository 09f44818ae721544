/* Takes RTF apart into groups, control words and text: no state, no meaning. The loop that reads documents is in rtf.c. */
#ifndef EXTRACT_RTF_TOKENS_H
#define EXTRACT_RTF_TOKENS_H

#include "str.h"

enum rtf_kind {
	RTF_END,        /* of the bytes */
	RTF_OPEN, RTF_CLOSE,
	RTF_WORD,       /* \par, \fs24; a tab byte is \tab, an escaped line end \par. The bytes after \bin are passed over */
	RTF_SYMBOL,     /* \* \~ and the like: text holds the character */
	RTF_TEXT,       /* bytes in the document's encoding: \'e9, \{ and all that stands between the others; no line ends */
};

struct rtf_token {
	enum rtf_kind kind;
	struct str text;        /* RTF_WORD: its letters. Borrowed from the file, or from byte */
	bool has_number;
	int32_t number;         /* of an RTF_WORD; what is larger stays at the type's limit */
	char byte;
};

/* Takes the next token off the front of *rest. Time is linear in what it takes. */
void rtf_next(struct str *rest, struct rtf_token *token);

#endif
