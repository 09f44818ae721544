/* See detect.h. */
#include "detect.h"

#include <errno.h>
#include <magic.h>
#include <strings.h>

#define MAGIC_BYTES (256u * 1024)       /* enough for every type that is read here */
#define PDF_HEADER_WITHIN 1024          /* some mailers put bytes before it; PDF readers look so far */

static magic_t magic;

int detect_warm(void)
{
	if (magic)
		return 0;
	magic = magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_TAR | MAGIC_NO_CHECK_ELF |
			   MAGIC_NO_CHECK_CDF | MAGIC_NO_CHECK_APPTYPE);
	if (magic && magic_load(magic, NULL) == 0)
		return 0;
	if (magic)
		magic_close(magic);
	magic = NULL;
	return -ENOENT;
}

enum content_type detect_by_name(const char *filename)
{
	static const struct {
		const char *ending;
		enum content_type type;
	} endings[] = {
		{ ".pdf", CONTENT_PDF }, { ".docx", CONTENT_ZIP }, { ".docm", CONTENT_ZIP }, { ".dotx", CONTENT_ZIP },
		{ ".odt", CONTENT_ZIP }, { ".ott", CONTENT_ZIP }, { ".doc", CONTENT_OLE2 }, { ".rtf", CONTENT_RTF },
		{ ".html", CONTENT_HTML }, { ".htm", CONTENT_HTML }, { ".xhtml", CONTENT_HTML }, { ".txt", CONTENT_TEXT },
		{ ".text", CONTENT_TEXT }, { ".md", CONTENT_TEXT }, { ".png", CONTENT_PNG }, { ".jpg", CONTENT_JPEG },
		{ ".jpeg", CONTENT_JPEG }, { ".tif", CONTENT_TIFF }, { ".tiff", CONTENT_TIFF },
	};
	size_t n = strlen(filename);

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		size_t len = strlen(endings[i].ending);

		if (n >= len && strcasecmp(filename + n - len, endings[i].ending) == 0)
			return endings[i].type;
	}
	return CONTENT_UNKNOWN;
}

static enum content_type by_signature(struct str file)
{
	static const struct {
		struct str start;
		enum content_type type;
	} signatures[] = {
		{ { "%PDF-", 5 }, CONTENT_PDF }, { { "PK\x03\x04", 4 }, CONTENT_ZIP }, { { "PK\x05\x06", 4 }, CONTENT_ZIP },
		{ { "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", 8 }, CONTENT_OLE2 }, { { "{\\rtf", 5 }, CONTENT_RTF },
		{ { "\x89PNG\r\n\x1A\n", 8 }, CONTENT_PNG }, { { "\xFF\xD8\xFF", 3 }, CONTENT_JPEG },
		{ { "II*\0", 4 }, CONTENT_TIFF }, { { "MM\0*", 4 }, CONTENT_TIFF },
	};

	for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++)
		if (str_starts(file, signatures[i].start))
			return signatures[i].type;
	return CONTENT_UNKNOWN;
}

static enum content_type by_magic(struct str file, const char *filename)
{
	const char *mime = detect_warm() == 0 ? magic_buffer(magic, file.p, file.n < MAGIC_BYTES ? file.n : MAGIC_BYTES) : NULL;
	bool named_html = detect_by_name(filename) == CONTENT_HTML;

	if (!mime)
		return CONTENT_UNKNOWN;
	if (strcmp(mime, "text/html") == 0 || strcmp(mime, "application/xhtml+xml") == 0)
		return CONTENT_HTML;
	if (strncmp(mime, "text/", 5) == 0 || strcmp(mime, "message/rfc822") == 0 || strcmp(mime, "application/json") == 0 ||
	    strcmp(mime, "image/svg+xml") == 0)
		return named_html ? CONTENT_HTML : CONTENT_TEXT;
	return CONTENT_UNKNOWN;
}

enum content_type detect(struct str file, const char *filename)
{
	enum content_type type = by_signature(file);
	size_t head = file.n < PDF_HEADER_WITHIN ? file.n : PDF_HEADER_WITHIN;

	if (type == CONTENT_UNKNOWN && detect_by_name(filename) == CONTENT_PDF && memmem(file.p, head, "%PDF-", 5))
		return CONTENT_PDF;
	return type == CONTENT_UNKNOWN ? by_magic(file, filename) : type;
}
