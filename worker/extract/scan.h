/*
 * From the picture of a page to its lines: turned upright, straightened, recognized by ocr.h, laid out by layout.h. Called
 * by picture.c and pdf_scan.c.
 */
#ifndef EXTRACT_SCAN_H
#define EXTRACT_SCAN_H

#include "layout.h"
#include "ocr.h"

/* Of a coloured pixel: half its brightness, half its darkest part, so that yellow headings are darker than the paper. */
static inline unsigned char scan_grey(unsigned red, unsigned green, unsigned blue)
{
	unsigned darkest = red < green ? red : green;

	darkest = darkest < blue ? darkest : blue;
	return (unsigned char)(((77 * red + 150 * green + 29 * blue) / 256 + darkest) / 2);
}

/* Adds the page's lines to the layout's document. A page without words is no error. */
enum error_code scan_page(const struct ocr_picture *picture, int page, struct layout *layout);

#endif
