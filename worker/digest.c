/* See digest.h. */
#include "digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

struct digest {
	EVP_MD_CTX *md;
};

struct digest *digest_new(const char *algorithm)
{
	struct digest *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->md = EVP_MD_CTX_new();
	if (d->md && EVP_DigestInit_ex(d->md, EVP_get_digestbyname(algorithm), NULL) == 1)
		return d;
	digest_free(d);
	return NULL;
}

int digest_add(struct digest *d, struct str bytes)
{
	return EVP_DigestUpdate(d->md, bytes.p, bytes.n) == 1 ? 0 : -EIO;
}

int digest_end(struct digest *d, unsigned char out[DIGEST_MAX_BYTES])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (EVP_DigestFinal_ex(d->md, digest, &n) != 1 || n > DIGEST_MAX_BYTES)
		return -EIO;
	memcpy(out, digest, n);
	return (int)n;
}

int digest_end_hex(struct digest *d, char out[SHA256_HEX_SIZE])
{
	unsigned char digest[DIGEST_MAX_BYTES];
	int n = digest_end(d, digest);

	if (n * 2 + 1 != SHA256_HEX_SIZE)
		return -EIO;
	for (int i = 0; i < n; i++) {
		out[2 * i] = "0123456789abcdef"[digest[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
	}
	out[2 * n] = '\0';
	return 0;
}

void digest_free(struct digest *d)
{
	if (!d)
		return;
	EVP_MD_CTX_free(d->md);
	free(d);
}

static int add_file(struct digest *d, int fd)
{
	char piece[65536];
	off_t at = 0;

	for (;;) {
		ssize_t n = pread(fd, piece, sizeof(piece), at);
		int rc = n > 0 ? digest_add(d, str_of(piece, (size_t)n)) : 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || rc < 0)
			return n < 0 ? -errno : rc;
		at += n;
	}
}

int sha256_file(int fd, char out[SHA256_HEX_SIZE])
{
	struct digest *d = digest_new("sha256");
	int rc = d ? add_file(d, fd) : -ENOMEM;

	if (rc == 0)
		rc = digest_end_hex(d, out);
	digest_free(d);
	return rc;
}
