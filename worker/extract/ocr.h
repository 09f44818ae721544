/*
 * Text of pictures, by tesseract. A build without OCR has ocr_none.c in the place of ocr.c. Words become lines by
 * layout.c, as those of PDF pages do. Called by picture.c and pdf_scan.c.
 */
#ifndef EXTRACT_OCR_H
#define EXTRACT_OCR_H

#include "errors.h"
#include "layout.h"

#define OCR_SIDE_MAX 4000       /* pixels of a page that is recognized; larger ones are made smaller */

/* A picture of a page in 256 greys, 0 black. */
struct ocr_picture {
	const unsigned char *rows;
	int width, height, row_bytes;
	double pixels_per_point;
};

/* Loads the languages ("eng,deu"); those that are not installed are left out. 0, -ENOENT: none is there, -ENOTSUP: built
 * without OCR. */
int ocr_warm(const char *languages);
/* They will be loaded when they are needed. */
void ocr_promise(void);
bool ocr_works(void);           /* loaded, or promised */

/* Adds the page's lines to the layout's document. A page without words is no error. */
enum error_code ocr_page(const struct ocr_picture *picture, int page, struct layout *layout);

#endif
