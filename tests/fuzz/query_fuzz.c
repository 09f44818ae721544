/* Request paths and query strings: percent-decoding, key look-up, ids, numbers. */
#include <assert.h>
#include <stdlib.h>

#include "id.h"
#include "str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_of(data, size);
	char out[ID_MAX + 1], formatted[STREAM_ID_SIZE];
	struct stream_id id;
	int64_t ms;
	int n = url_decode(in, size & 1, out, sizeof(out));

	assert(n < (int)sizeof(out));
	if (n >= 0)
		assert(strlen(out) == (size_t)n);
	(void)id_valid(in);
	(void)utf8_valid(in.p, in.n);
	query_get(in, "after_id", out, sizeof(out));
	query_get(in, "token", out, 2);
	str_to_ms(in, 45000, &ms);
	if (stream_id_parse(in, &id) == 0) {
		stream_id_format(id, formatted);
		assert(strlen(formatted) <= size);
	}
	return 0;
}
