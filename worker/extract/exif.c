/* See exif.h. JPEG is a row of segments (marker, length, bytes); the one of EXIF holds a small TIFF (EXIF 2.3, 4.5 and 4.6). */
#include "exif.h"

#include <stdbool.h>
#include <stdint.h>

#define SEGMENTS_MAX 64
#define FIELDS_MAX 256
#define FIELD_BYTES 12
#define TAG_ORIENTATION 0x0112

/* Two bytes at that place; 0 beyond the end. */
static uint32_t number(struct str bytes, size_t at, bool little)
{
	const unsigned char *p = (const unsigned char *)bytes.p + at;

	if (at + 2 > bytes.n)
		return 0;
	return little ? p[0] | (uint32_t)p[1] << 8 : p[1] | (uint32_t)p[0] << 8;
}

static uint32_t long_number(struct str bytes, size_t at, bool little)
{
	uint32_t first = number(bytes, at, little), second = number(bytes, at + 2, little);

	return little ? first | second << 16 : second | first << 16;
}

static int of_tiff(struct str tiff)
{
	bool little = str_starts(tiff, STR("II"));
	size_t at = long_number(tiff, 4, little);
	uint32_t fields = number(tiff, at, little);

	for (uint32_t i = 0; i < fields && i < FIELDS_MAX; i++) {
		size_t field = at + 2 + (size_t)i * FIELD_BYTES;
		uint32_t value = number(tiff, field + 8, little);

		if (number(tiff, field, little) == TAG_ORIENTATION)
			return value >= 1 && value <= 8 ? (int)value : 1;
	}
	return 1;
}

int exif_orientation(struct str file)
{
	size_t at = 2;

	if (!str_starts(file, STR("\xFF\xD8\xFF")))
		return 1;
	for (int i = 0; i < SEGMENTS_MAX && at + 4 <= file.n && file.p[at] == '\xFF'; i++) {
		struct str segment = str_skip(file, at + 4);
		size_t length = number(file, at + 2, false);

		if (length < 2 || length - 2 > segment.n || file.p[at + 1] == '\xDA') /* the pixels */
			return 1;
		segment.n = length - 2;
		if (file.p[at + 1] == '\xE1' && str_starts(segment, STR("Exif\0\0")))
			return of_tiff(str_skip(segment, 6));
		at += 2 + length;
	}
	return 1;
}
