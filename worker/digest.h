/* SHA-1 and SHA-256 by OpenSSL's libcrypto, which is included here only (digest.c). */
#ifndef WORKER_DIGEST_H
#define WORKER_DIGEST_H

#include "spool.h"

#define DIGEST_MAX_BYTES 32

struct digest;

struct digest *digest_new(const char *algorithm);       /* "sha1", "sha256"; NULL: no memory */
int digest_add(struct digest *d, struct str bytes);
/* How many bytes it wrote, or -EIO; only digest_free comes after it. */
int digest_end(struct digest *d, unsigned char out[DIGEST_MAX_BYTES]);
int digest_end_hex(struct digest *d, char out[SHA256_HEX_SIZE]);        /* of sha256 */
void digest_free(struct digest *d);                     /* NULL is allowed */

/* Of a whole file, whatever its offset. Blocks on the disk. */
int sha256_file(int fd, char out[SHA256_HEX_SIZE]);

#endif
