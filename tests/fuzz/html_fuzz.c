/* HTML: whatever libxml2 makes of the bytes, the lines must be lines. */
#include "document_check.h"
#include "formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct document doc;

	document_init(&doc);
	html_read(str_of(data, size), &doc);
	document_check(&doc);
	document_free(&doc);
	return 0;
}
