/* See backoff.h. */
#include "backoff.h"

int64_t backoff_ms(int64_t base_ms, int64_t max_ms, int failures, uint64_t random)
{
	int64_t top = base_ms;

	for (int i = 0; i < failures && top < max_ms; i++)
		top = top > max_ms / 2 ? max_ms : top * 2;
	if (top > max_ms)
		top = max_ms;
	return 1 + (int64_t)(random % (uint64_t)top);
}
