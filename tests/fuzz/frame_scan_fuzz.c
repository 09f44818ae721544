/* Frames from Redis; what is accepted must be JSON for cJSON too.
 * fuzz-libs: ../notifier/frame_scan.c
 */
#include <assert.h>
#include <cjson/cJSON.h>

#include "frame_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct str slice, const uint8_t *data, size_t size)
{
	assert(slice.n == 0 || ((const uint8_t *)slice.p >= data && (const uint8_t *)slice.p + slice.n <= data + size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame_info f;
	cJSON *json;

	if (frame_scan(str_of(data, size), &f) < 0)
		return 0;
	inside(f.type, data, size);
	inside(f.cv_id, data, size);
	inside(f.batch_id, data, size);
	inside(f.status, data, size);
	assert(utf8_valid((const char *)data, size));
	json = cJSON_ParseWithLength((const char *)data, size);
	assert(cJSON_IsObject(json) || memmem(data, size, "\\u", 2)); /* cJSON refuses lone surrogates, RFC 8259 does not */
	cJSON_Delete(json);
	return 0;
}
