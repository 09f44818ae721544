/*
 * Text of pictures, by tesseract. A build without OCR has ocr_none.c in the place of ocr.c, scan.c and picture.c. Called
 * by scan.c.
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

/* Loads the languages ("eng,deu"); those that are not installed are left out, and added to missing ("fra,spa"). 0, -ENOENT: none
 * is there, -ENOTSUP: built without OCR. */
int ocr_warm(const char *languages, struct buf *missing);
/* They will be loaded when they are needed. */
void ocr_promise(void);
bool ocr_works(void);           /* loaded, or promised */

/* The words of one picture, for layout.h. */
struct ocr_words {
	struct layout_word *all;
	size_t n;
	struct buf text;                /* theirs; never moves */
	int confidence;                 /* 0..100, on average */
	double page_width;              /* points */
};

bool ocr_words_init(struct ocr_words *words);   /* false without memory */
void ocr_words_free(struct ocr_words *words);

/* Fills in the words, none where nothing can be read. */
void ocr_recognize(const struct ocr_picture *picture, struct ocr_words *words);

#endif
