/*
 * PNG, JPEG and TIFF by leptonica, the only file that knows it: the size is asked for before anything is decoded; a page
 * becomes grey and is handed to ocr.h.
 */
#include <leptonica/allheaders.h>

#include "formats.h"
#include "ocr.h"

#define PIXELS_MAX (50 * 1000 * 1000)
#define PAGES_MAX 200                   /* of a TIFF */
#define DPI_MIN 70                      /* files say nonsense below and above */
#define DPI_MAX 1200
#define PAGE_WIDTH_INCHES 8.27          /* A4, where the file does not say */
#define DPI_SMALL 150                   /* letters of fewer pixels are read badly */

/* Whether that page may be decoded. */
static enum error_code check_size(struct str file, int page)
{
	l_int32 format = 0, width = 0, height = 0, bits, samples, mapped;
	const l_uint8 *bytes = (const l_uint8 *)file.p;

	pixReadHeaderMem(bytes, file.n, &format, &width, &height, &bits, &samples, &mapped);
	if (page > 0 || format == IFF_TIFF || (format >= IFF_TIFF_PACKBITS && format <= IFF_TIFF_ZIP))
		if (readHeaderMemTiff(bytes, file.n, page, &width, &height, &bits, &samples, NULL, &mapped, &format) != 0)
			return ERR_corrupt;
	if (width <= 0 || height <= 0)
		return ERR_corrupt;
	return width > PIXELS_MAX / height ? ERR_too_large : ERR_NONE;
}

/* Eight bits a pixel, of a size that is good to read. Takes pix. NULL without memory. */
static PIX *make_readable(PIX *pix, double *dpi)
{
	PIX *grey = pixConvertTo8(pix, 0), *sized;
	int side = pixGetWidth(pix) > pixGetHeight(pix) ? pixGetWidth(pix) : pixGetHeight(pix);
	float scale = *dpi < DPI_SMALL ? 2 : 1;

	pixDestroy(&pix);
	if (!grey)
		return NULL;
	if ((float)side * scale > OCR_SIDE_MAX)
		scale = (float)OCR_SIDE_MAX / (float)side;
	if (scale == 1)
		return grey;
	sized = pixScale(grey, scale, scale);
	*dpi *= scale;
	pixDestroy(&grey);
	return sized;
}

/* Takes pix. */
static enum error_code read_page(PIX *pix, int page, struct layout *layout)
{
	double dpi = pixGetXRes(pix);
	enum error_code code = ERR_memory_limit;
	PIX *grey, *rows;

	if (dpi < DPI_MIN || dpi > DPI_MAX)
		dpi = pixGetWidth(pix) / PAGE_WIDTH_INCHES;
	grey = make_readable(pix, &dpi);
	/* Leptonica keeps its pixels in words of the machine, first pixel in the highest byte. */
	rows = grey ? pixEndianByteSwapNew(grey) : NULL;
	pixDestroy(&grey);
	if (rows) {
		const struct ocr_picture picture = {
			.rows = (const unsigned char *)pixGetData(rows), .width = pixGetWidth(rows), .height = pixGetHeight(rows),
			.row_bytes = pixGetWpl(rows) * 4, .pixels_per_point = dpi / 72,
		};

		code = ocr_page(&picture, page, layout);
	}
	pixDestroy(&rows);
	return code;
}

/* Each page of a TIFF names the place of the next one; offset 0: there is none. */
static enum error_code read_tiff(struct str file, const struct read_input *in, struct layout *layout)
{
	enum error_code code = ERR_NONE;
	size_t offset = 0;
	int page = 0;

	do {
		PIX *pix;

		if (page == PAGES_MAX)
			return ERR_too_many_pages;
		code = check_size(file, page);
		if (code != ERR_NONE)
			break;
		pix = pixReadMemFromMultipageTiff((const l_uint8 *)file.p, file.n, &offset);
		if (!pix)
			return ERR_corrupt;
		code = read_page(pix, ++page, layout);
		layout->doc->pages = page;
		if (in->progress)
			in->progress(in->ctx, 100 * page / (page + (offset > 0)), "Reading the pages");
	} while (code == ERR_NONE && offset > 0);
	return code;
}

enum error_code picture_read(struct str file, const struct read_input *in, struct document *doc)
{
	struct layout layout = { .doc = doc };
	enum error_code code;
	PIX *pix;

	setMsgSeverity(L_SEVERITY_NONE);
	if (strcmp(doc->format, "tiff") == 0)
		return read_tiff(file, in, &layout);
	code = check_size(file, 0);
	if (code != ERR_NONE)
		return code;
	pix = pixReadMem((const l_uint8 *)file.p, file.n);
	if (!pix)
		return ERR_corrupt;
	doc->pages = 1;
	return read_page(pix, 1, &layout);
}
