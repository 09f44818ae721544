/* ocr.h and what stands on it, for a build without OCR. */
#include "ocr.h"

#include <errno.h>

#include "formats.h"
#include "scan.h"

int ocr_warm(const char *languages, struct buf *missing)
{
	return -ENOTSUP;
}

void ocr_promise(void)
{
}

bool ocr_works(void)
{
	return false;
}

enum error_code scan_page(const struct ocr_picture *picture, int page, struct layout *layout)
{
	return ERR_ocr_unavailable;
}

enum error_code picture_read(struct str file, const struct read_input *in, struct document *doc)
{
	return ERR_ocr_unavailable;
}
