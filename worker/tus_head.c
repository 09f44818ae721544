/* See tus_head.h. */
#include "tus_head.h"

#include <errno.h>

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four characters, of which the last `padding` are '='. */
static int decode_group(const char *p, size_t padding, unsigned char out[3])
{
	uint32_t bits = 0;

	for (size_t i = 0; i < 4; i++) {
		int value = i < 4 - padding ? base64_value(p[i]) : 0;

		if (value < 0)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)value;
	}
	out[0] = (unsigned char)(bits >> 16);
	out[1] = (unsigned char)(bits >> 8);
	out[2] = (unsigned char)bits;
	/* Bits that no byte holds must be 0, or two texts would mean the same. */
	return (padding == 1 && out[2]) || (padding == 2 && (out[1] || out[2])) ? -EINVAL : 0;
}

int base64_decode(struct str text, void *out, size_t cap)
{
	size_t padding = 0, n;
	unsigned char group[3];

	if (text.n % 4 != 0)
		return -EINVAL;
	while (padding < 2 && padding < text.n && text.p[text.n - 1 - padding] == '=')
		padding++;
	n = text.n / 4 * 3 - padding;
	if (n > cap || n > INT32_MAX)
		return -EINVAL;
	for (size_t i = 0; i * 4 < text.n; i++) {
		bool last = i * 4 + 4 == text.n;

		if (decode_group(text.p + i * 4, last ? padding : 0, group) < 0)
			return -EINVAL;
		memcpy((char *)out + i * 3, group, last ? 3 - padding : 3);
	}
	return (int)n;
}

/* The next "key value" pair; value.p is NULL when the key stands alone. */
static bool next_pair(struct str *rest, struct str *key, struct str *value)
{
	if (!rest->p)
		return false;
	*value = str_trim(str_cut(rest, ','));
	*key = str_cut(value, ' ');
	return true;
}

static bool value_valid(struct str value)
{
	char decoded[TUS_METADATA_MAX];

	return value.n == 0 || base64_decode(value, decoded, sizeof(decoded)) >= 0;
}

static bool key_is_twice(struct str rest, struct str key)
{
	struct str other, value;

	while (next_pair(&rest, &other, &value))
		if (str_eq(other, key))
			return true;
	return false;
}

bool tus_metadata_valid(struct str header)
{
	struct str rest = header, key, value;

	if (header.n > TUS_METADATA_MAX)
		return false;
	while (header.n && next_pair(&rest, &key, &value))
		if (key.n == 0 || !value_valid(value) || key_is_twice(rest, key))
			return false;
	return true;
}

int tus_metadata_get(struct str header, const char *wanted, char *out, size_t cap)
{
	struct str key, value;
	int n = 0;

	while (next_pair(&header, &key, &value)) {
		if (!str_eq(key, str_c(wanted)))
			continue;
		if (value.n)
			n = base64_decode(value, out, cap - 1);
		if (n < 0)
			return -EMSGSIZE;
		out[n] = '\0';
		return n;
	}
	return -ENOENT;
}

int tus_checksum_parse(struct str header, struct tus_checksum *out)
{
	struct str value = header, name = str_cut(&value, ' ');
	int n;

	*out = (struct tus_checksum){ .algorithm = TUS_NO_CHECKSUM };
	if (name.n == 0 || !value.p)
		return -EINVAL;
	if (str_eq(name, STR("sha1")))
		*out = (struct tus_checksum){ .algorithm = TUS_SHA1, .n = 20 };
	else if (str_eq(name, STR("sha256")))
		*out = (struct tus_checksum){ .algorithm = TUS_SHA256, .n = 32 };
	else
		return -ENOTSUP;
	n = base64_decode(value, out->digest, sizeof(out->digest));
	return n == (int)out->n ? 0 : -EINVAL;
}
