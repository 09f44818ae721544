/*
 * PNG, JPEG and TIFF by leptonica, the only file that knows it: the size is asked for before anything is decoded; a page
 * becomes grey, of a size that is good to read, and is handed to scan.h.
 */
#include <leptonica/allheaders.h>

#include "exif.h"
#include "formats.h"
#include "scan.h"

#define PIXELS_MAX (50 * 1000 * 1000)
#define PAGES_MAX 200                   /* of a TIFF */
#define DPI_MIN 70                      /* files say nonsense below and above */
#define DPI_MAX 1200
#define PAGE_WIDTH_INCHES 8.27          /* A4, where the file does not say */
#define DPI_SMALL 150                   /* letters of fewer pixels are read badly */
#define DPI_LARGE 240                   /* more takes longer, and is read no better */
#define DPI_GOOD 200

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

/* Eight bits a pixel. Takes pix. NULL without memory. */
static PIX *to_grey(PIX *pix)
{
	bool coloured = pixGetDepth(pix) == 32 || pixGetColormap(pix);
	PIX *colours = coloured ? pixConvertTo32(pix) : NULL, *grey = coloured ? NULL : pixConvertTo8(pix, 0);

	if (colours)
		grey = pixCreate(pixGetWidth(colours), pixGetHeight(colours), 8);
	for (int y = 0; colours && grey && y < pixGetHeight(grey); y++) {
		const l_uint32 *from = pixGetData(colours) + (size_t)y * (size_t)pixGetWpl(colours);
		l_uint32 *to = pixGetData(grey) + (size_t)y * (size_t)pixGetWpl(grey);

		for (int x = 0; x < pixGetWidth(grey); x++)
			SET_DATA_BYTE(to, x, scan_grey(from[x] >> L_RED_SHIFT & 0xFF, from[x] >> L_GREEN_SHIFT & 0xFF, from[x] >> L_BLUE_SHIFT & 0xFF));
	}
	pixDestroy(&colours);
	pixDestroy(&pix);
	return grey;
}

/* Eight bits a pixel, of a size that is good to read. Takes pix. NULL without memory. */
static PIX *make_readable(PIX *pix, double *dpi)
{
	int side = pixGetWidth(pix) > pixGetHeight(pix) ? pixGetWidth(pix) : pixGetHeight(pix);
	PIX *grey = to_grey(pix), *sized;
	float scale = *dpi < DPI_SMALL ? 2 : *dpi > DPI_LARGE ? (float)(DPI_GOOD / *dpi) : 1;

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

/* The side that a sheet of paper has at its top, whichever way it lies. */
static int short_side(PIX *pix)
{
	return pixGetWidth(pix) < pixGetHeight(pix) ? pixGetWidth(pix) : pixGetHeight(pix);
}

/* Takes pix. */
static enum error_code read_page(PIX *pix, int page, struct layout *layout)
{
	double dpi = pixGetXRes(pix);
	enum error_code code = ERR_memory_limit;
	PIX *grey, *rows;

	if (dpi < DPI_MIN || dpi > DPI_MAX || pixGetXRes(pix) != pixGetYRes(pix))
		dpi = short_side(pix) / PAGE_WIDTH_INCHES;
	grey = make_readable(pix, &dpi);
	/* Leptonica keeps its pixels in words of the machine, first pixel in the highest byte. */
	rows = grey ? pixEndianByteSwapNew(grey) : NULL;
	pixDestroy(&grey);
	if (rows) {
		const struct ocr_picture picture = {
			.rows = (const unsigned char *)pixGetData(rows), .width = pixGetWidth(rows), .height = pixGetHeight(rows),
			.row_bytes = pixGetWpl(rows) * 4, .pixels_per_point = dpi / 72,
		};

		code = scan_page(&picture, page, layout);
	}
	pixDestroy(&rows);
	return code;
}

/* Turns and mirrors the picture as the camera says. */
static PIX *as_taken(PIX *pix, int orientation)
{
	static const struct { int turns; bool mirrored; } table[] = {
		{ 0, false }, { 0, false }, { 0, true }, { 2, false }, { 2, true }, { 1, true }, { 1, false }, { 3, true }, { 3, false },
	};
	PIX *turned = pixRotateOrth(pix, table[orientation].turns);

	pixDestroy(&pix);
	if (turned && table[orientation].mirrored)
		pixFlipLR(turned, turned);
	return turned;
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
	pix = as_taken(pix, exif_orientation(file));
	return pix ? read_page(pix, 1, &layout) : ERR_memory_limit;
}
