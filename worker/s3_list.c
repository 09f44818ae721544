/* Reads what an S3-compatible store says about its objects (ListObjectsV2). See s3.h. */
#include <errno.h>
#include <time.h>

#include "s3.h"

/* The text of the next <name>…</name> in *rest, which goes on behind it. Nothing here has attributes or is nested in itself. */
static bool next_element(struct str *rest, const char *name, struct str *text)
{
	char open[40], close[40];
	const char *at, *end;
	size_t n_open, n_close;

	n_open = (size_t)snprintf(open, sizeof(open), "<%s>", name);
	n_close = (size_t)snprintf(close, sizeof(close), "</%s>", name);
	at = rest->n ? memmem(rest->p, rest->n, open, n_open) : NULL;
	if (!at)
		return false;
	at += n_open;
	end = memmem(at, rest->n - (size_t)(at - rest->p), close, n_close);
	if (!end)
		return false;
	*text = str_of(at, (size_t)(end - at));
	*rest = str_skip(*rest, (size_t)(end - rest->p) + n_close);
	return true;
}

static bool element(struct str of, const char *name, struct str *text)
{
	struct str rest = of;

	return next_element(&rest, name, text);
}

/* "2026-11-21T08:00:00.000Z"; what is less than a second does not matter here. */
static int64_t time_of(struct str text)
{
	char copy[32] = "";
	struct tm tm = { 0 };

	if (text.n < sizeof(copy))
		memcpy(copy, text.p, text.n);
	return strptime(copy, "%Y-%m-%dT%H:%M:%S", &tm) ? (int64_t)timegm(&tm) * 1000 : -1;
}

static bool read_object(struct str text, struct s3_object *out)
{
	struct str size, modified;
	uint64_t bytes;

	if (!element(text, "Key", &out->key) || !element(text, "Size", &size) || !element(text, "LastModified", &modified) ||
	    str_to_u64(size, 0, INT64_MAX, &bytes) < 0)
		return false;
	out->bytes = (int64_t)bytes;
	out->modified_ms = time_of(modified);
	return out->modified_ms >= 0 && out->key.n && !memchr(out->key.p, '&', out->key.n);
}

int s3_list_parse(struct str xml, void (*fn)(void *ctx, const struct s3_object *object), void *ctx)
{
	struct str rest = xml, text, more;
	struct s3_object object;

	if (!element(xml, "IsTruncated", &more))
		return -EBADMSG;
	while (next_element(&rest, "Contents", &text))
		if (read_object(text, &object))
			fn(ctx, &object);
	return str_eq(more, STR("true"));
}
