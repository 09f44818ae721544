/* RTF: the tokenizer must come to the end of any bytes, and the reader's lines must be lines. */
#include "document_check.h"
#include "formats.h"
#include "rtf_tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_of(data, size);
	struct rtf_token token;
	struct document doc;

	do {
		size_t before = rest.n;

		rtf_next(&rest, &token);
		assert(token.kind == RTF_END || rest.n < before);
	} while (token.kind != RTF_END);
	assert(rest.n == 0);
	document_init(&doc);
	rtf_read(str_of(data, size), &doc);
	document_check(&doc);
	document_free(&doc);
	return 0;
}
