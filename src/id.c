/* See id.h. */
#include "id.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "clock.h"

bool id_valid(struct str id)
{
	if (id.n == 0 || id.n > ID_MAX)
		return false;
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
			continue;
		if (c == '\0' || !strchr("._@|+~=-", c))
			return false;
	}
	return true;
}

void id_new(char prefix, char out[ID_NEW_SIZE])
{
	unsigned char raw[ID_NEW_SIZE - 2];

	random_bytes(raw, sizeof(raw));
	out[0] = prefix;
	for (size_t i = 0; i < sizeof(raw); i++)
		out[i + 1] = "abcdefghijklmnopqrstuvwxyz234567"[raw[i] & 31];
	out[ID_NEW_SIZE - 1] = '\0';
}

int stream_id_parse(struct str text, struct stream_id *out)
{
	struct str seq = text, ms = str_cut(&seq, '-');
	struct stream_id id;

	if (ms.n > 20 || seq.n > 20 || str_to_u64(ms, 0, UINT64_MAX, &id.ms) < 0 || str_to_u64(seq, 0, UINT64_MAX, &id.seq) < 0)
		return -EINVAL;
	*out = id;
	return 0;
}

void stream_id_format(struct stream_id id, char out[STREAM_ID_SIZE])
{
	snprintf(out, STREAM_ID_SIZE, "%" PRIu64 "-%" PRIu64, id.ms, id.seq);
}
