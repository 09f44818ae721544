/* Text decoding: bytes of any encoding become valid UTF-8, with the guess and with a label (the bytes up to the first NUL). */
#include "document_check.h"
#include "charset.h"
#include "formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = str_of(data, size), label = str_cut(&bytes, '\0');
	struct document doc;
	struct buf out;

	buf_init(&out, 1 << 20);
	if (charset_to_utf8(bytes, label, &out) == 0)
		assert(utf8_valid(out.p, out.n));
	buf_clear(&out);
	if (charset_from(bytes, label, &out) == 0)
		assert(utf8_valid(out.p, out.n));
	buf_free(&out);
	document_init(&doc);
	text_read(str_of(data, size), &doc);
	document_check(&doc);
	document_free(&doc);
	return 0;
}
