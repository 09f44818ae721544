/* Multipart bodies with the boundary "b", fed whole and in pieces: both must give the same parts.
 * fuzz-libs: ../worker/multipart.c ../worker/multipart_header.c ../worker/filename.c
 */
#include <assert.h>
#include <stdlib.h>

#include "filename.h"
#include "multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	size_t begun, ended, bytes;
	uint64_t hash;
};

static void mix(struct seen *s, struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		s->hash = (s->hash ^ (unsigned char)text.p[i]) * 0x100000001b3u;
}

static int on_begin(void *ctx, const struct multipart_part *part)
{
	struct seen *s = ctx;

	s->begun++;
	mix(s, part->name);
	mix(s, part->filename);
	return 0;
}

static int on_data(void *ctx, struct str bytes)
{
	struct seen *s = ctx;

	assert(s->begun == s->ended + 1);
	s->bytes += bytes.n;
	mix(s, bytes);
	return 0;
}

static int on_end(void *ctx)
{
	struct seen *s = ctx;

	s->ended++;
	assert(s->begun == s->ended);
	return 0;
}

static int feed(struct str body, size_t piece, struct seen *seen)
{
	static const struct multipart_events events = { on_begin, on_data, on_end };
	struct multipart m;
	int rc = multipart_init(&m, STR("multipart/form-data; boundary=b"), &events, seen);

	assert(rc == 0);
	while (rc == 0 && body.n) {
		size_t n = body.n < piece ? body.n : piece;

		rc = multipart_feed(&m, str_of(body.p, n));
		body = str_skip(body, n);
	}
	return rc ? rc : multipart_finish(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole = { 0 }, pieces = { 0 };
	struct str body = str_of(data, size);
	struct multipart m;
	int rc = feed(body, size ? size : 1, &whole), rc_pieces = feed(body, 1 + size % 7, &pieces);

	assert(rc == rc_pieces);
	assert(whole.begun == pieces.begun && whole.bytes == pieces.bytes && whole.hash == pieces.hash);
	multipart_init(&m, body, NULL, NULL);
	return 0;
}
