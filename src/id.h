/* Identifiers: the ones we make (CVs, batches, uploads, tickets), the ones we accept, and Redis stream ids. */
#ifndef CVPULSE_ID_H
#define CVPULSE_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "str.h"

#define ID_MAX 128                                      /* longest accepted user, batch or CV id */
#define ID_NEW_SIZE 28                                  /* prefix, 26 characters, NUL */

/* [A-Za-z0-9._@|+~=-]{1,128} (protocol: user, batch and CV ids, after URL decoding) */
bool id_valid(struct str id);

/* A new random id: the prefix and 26 characters of [a-z2-7] (128 bits and more of randomness). */
void id_new(char prefix, char out[ID_NEW_SIZE]);

struct stream_id {
	uint64_t ms, seq;
};

#define STREAM_ID_SIZE 42                               /* two 20-digit numbers, '-', NUL */

int stream_id_parse(struct str text, struct stream_id *out); /* "<ms>-<n>", nothing else; -EINVAL */
void stream_id_format(struct stream_id id, char out[STREAM_ID_SIZE]);
static inline int stream_id_compare(struct stream_id a, struct stream_id b)
{
	if (a.ms != b.ms)
		return a.ms < b.ms ? -1 : 1;
	return a.seq == b.seq ? 0 : a.seq < b.seq ? -1 : 1;
}
static inline bool stream_id_is_zero(struct stream_id id) { return id.ms == 0 && id.seq == 0; }

#endif
