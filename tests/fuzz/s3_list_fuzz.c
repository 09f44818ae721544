/* Listings of an S3-compatible store.
 * fuzz-libs: ../worker/s3_list.c
 */
#include <assert.h>

#include "s3.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_object(void *ctx, const struct s3_object *object)
{
	const struct str *all = ctx;

	assert(object->key.n > 0 && object->key.p > all->p && object->key.p + object->key.n < all->p + all->n);
	assert(object->bytes >= 0 && object->modified_ms >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = str_of(data, size);

	(void)s3_list_parse(all, on_object, &all);
	return 0;
}
