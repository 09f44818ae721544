/* What Sentinels answer. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "sentinel_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	struct str host, problem;
	int port, rc = sentinel_answer_read(str_of(p, size), &host, &port, &problem);

	if (rc == 0)
		assert(host.n && host.n <= SENTINEL_HOST_MAX && host.p >= p && host.p + host.n <= p + size && port >= 1 && port <= 65535);
	/* However the bytes arrive, the answer is the same. */
	for (size_t n = 0; n < size && n < 1024; n++) {
		int sooner = sentinel_answer_read(str_of(p, n), &host, &port, &problem);

		assert(sooner == -EAGAIN || sooner == rc);
	}
	return 0;
}
