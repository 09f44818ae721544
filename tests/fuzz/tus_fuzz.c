/* The headers of tus: an input is tried as metadata, as a checksum and as base64; nothing may be read or written out of bounds.
 * fuzz-libs: ../worker/tus_head.c
 */
#include <assert.h>

#include "tus_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_of(data, size);
	struct tus_checksum checksum;
	char out[64];
	int n = base64_decode(text, out, sizeof(out));

	assert(n <= (int)sizeof(out));
	if (tus_checksum_parse(text, &checksum) == 0)
		assert(checksum.n == 20 || checksum.n == 32);
	if (tus_metadata_valid(text)) {
		n = tus_metadata_get(text, "filename", out, sizeof(out));
		assert(n < (int)sizeof(out) && (n < 0 || out[n] == '\0'));
	}
	return 0;
}
