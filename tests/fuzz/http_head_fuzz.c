/* Heads of HTTP requests; also the lists of networks. */
#include <assert.h>
#include <stdlib.h>

#include "cidr.h"
#include "http_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct str slice, const char *p, size_t n)
{
	assert(slice.n == 0 || (slice.p >= p && slice.p + slice.n <= p + n));
}

/* However the bytes arrive, the head must end at the same place. */
static int length_in_pieces(const char *p, size_t n)
{
	size_t scanned = 0;
	int length = 0;

	for (size_t have = 1; have <= n && length == 0; have++)
		length = http_head_length(p, have, &scanned);
	return length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	struct http_head head;
	size_t scanned = 0;
	int length = http_head_length(p, size, &scanned);
	char *list;
	struct cidr_list networks;

	if (size < 2048 && length > 0)
		assert(length_in_pieces(p, size) == length);
	if (length > 0 && http_head_parse(p, (size_t)length, &head) == 0) {
		assert(head.content_length >= -1 && head.n_fields <= HTTP_HEAD_MAX_FIELDS);
		inside(head.path, p, size);
		inside(head.query, p, size);
		for (size_t i = 0; i < head.n_fields; i++) {
			inside(head.fields[i].name, p, size);
			inside(head.fields[i].value, p, size);
		}
		(void)http_head_field(&head, "content-length");
	}
	list = strndup(p, size);
	cidr_list_parse(list, &networks, NULL);
	free(list);
	return 0;
}
