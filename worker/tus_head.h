/* The headers of tus 1.0.0 as values. Pure: nothing here knows of requests. */
#ifndef WORKER_TUS_HEAD_H
#define WORKER_TUS_HEAD_H

#include <stdbool.h>

#include "str.h"

#define TUS_METADATA_MAX 4096           /* of the whole header */
#define TUS_DIGEST_MAX 32

/* Base64 with its padding (RFC 4648, section 4), nothing else; the length, or -EINVAL, also when out is too small. */
int base64_decode(struct str text, void *out, size_t cap);

/* Upload-Metadata: keys with base64 values, separated by commas. Whether it is well formed: no key twice, none empty. */
bool tus_metadata_valid(struct str header);
/* The decoded value of a key of a valid header: its length (NUL added), -ENOENT, or -EMSGSIZE. */
int tus_metadata_get(struct str header, const char *key, char *out, size_t cap);

enum tus_algorithm { TUS_NO_CHECKSUM, TUS_SHA1, TUS_SHA256 };
#define TUS_ALGORITHMS "sha1,sha256"

struct tus_checksum {
	enum tus_algorithm algorithm;
	unsigned char digest[TUS_DIGEST_MAX];
	size_t n;
};

/* Upload-Checksum: "sha1 <base64>". -EINVAL: malformed, -ENOTSUP: another algorithm. */
int tus_checksum_parse(struct str header, struct tus_checksum *out);

#endif
