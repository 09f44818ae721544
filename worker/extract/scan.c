/* See scan.h. Leptonica judges how the page lies from a copy in black and white. */
#include "scan.h"

#include <leptonica/allheaders.h>
#include <math.h>

#define SHADE_TILE_PIXELS 32
#define PRINT_GREY_MAX 80       /* of 255 */
#define PAPER_GREY_MIN 225
#define PAPER_GREY 230
#define SHADED_PART_MAX 0.25
#define TILE_WIDTH 10           /* pixels, less than a letter's: what leptonica takes for paper in these */
#define TILE_HEIGHT 15
#define TILE_PIXELS 400         /* black and white by what is near: photographs have shadows */
#define SKEW_CONFIDENCE_MIN 3
#define SKEW_DEGREES_MIN 0.15f
#define GOOD_CONFIDENCE 70      /* of 100: words of a page that lies wrong are guesses */
#define DEGREE (M_PI / 180)

/* Leptonica keeps its pixels in words of the machine, first pixel in the highest byte. NULL without memory. */
static PIX *pix_of(const struct ocr_picture *picture)
{
	PIX *pix = pixCreateNoInit(picture->width, picture->height, 8);

	if (!pix)
		return NULL;
	for (int y = 0; y < picture->height; y++)
		memcpy(pixGetData(pix) + (size_t)y * (size_t)pixGetWpl(pix), picture->rows + (size_t)y * (size_t)picture->row_bytes,
		       (size_t)picture->width);
	pixEndianByteSwap(pix);
	return pix;
}

/* Puts another picture in its place, or leaves it when there is none. */
static void replace(PIX **pix, PIX *by)
{
	if (!by)
		return;
	pixDestroy(pix);
	*pix = by;
}

/* Whether much of the paper is neither white nor printed dark: the light falls from one side, as on photographs. */
static bool is_uneven(PIX *grey)
{
	PIX *paper = pixScaleGrayMinMax(grey, SHADE_TILE_PIXELS, SHADE_TILE_PIXELS, L_CHOOSE_MAX);
	int shaded = 0, width, height;

	if (!paper)
		return false;
	width = pixGetWidth(paper);
	height = pixGetHeight(paper);
	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++) {
			l_uint32 brightest = 255;

			pixGetPixel(paper, x, y, &brightest);
			shaded += brightest > PRINT_GREY_MAX && brightest < PAPER_GREY_MIN;
		}
	pixDestroy(&paper);
	return shaded > SHADED_PART_MAX * width * height;
}

/* Makes the paper equally bright. Printed bars with white words on them stay dark. */
static PIX *even(PIX *grey)
{
	if (grey && is_uneven(grey))
		replace(&grey, pixBackgroundNorm(grey, NULL, NULL, TILE_WIDTH, TILE_HEIGHT, PRINT_GREY_MAX, TILE_WIDTH * TILE_HEIGHT / 3, PAPER_GREY, 2, 2));
	return grey;
}

static PIX *black_and_white(PIX *grey)
{
	PIX *result = NULL;

	pixOtsuAdaptiveThreshold(grey, TILE_PIXELS, TILE_PIXELS, 0, 0, 0, NULL, &result);
	return result;
}

/* Quarter turns, clockwise, that bring the text upright; 0 too where that is not clear. Knows Latin letters. */
static int quarter_turns(PIX *black)
{
	l_float32 up = 0, left = 0;
	l_int32 orientation = L_TEXT_ORIENT_UNKNOWN;

	if (pixOrientDetect(black, &up, &left, 0, 0) != 0)
		return 0;
	makeOrientDecision(up, left, 0, 0, &orientation, 0);
	switch (orientation) {
	case L_TEXT_ORIENT_LEFT: return 1;
	case L_TEXT_ORIENT_DOWN: return 2;
	case L_TEXT_ORIENT_RIGHT: return 3;
	}
	return 0;
}

/* Degrees, clockwise, that bring the lines level. */
static float skew(PIX *black)
{
	l_float32 degrees = 0, confidence = 0;

	if (pixFindSkew(black, &degrees, &confidence) != 0 || confidence < SKEW_CONFIDENCE_MIN)
		return 0;
	return fabsf(degrees) < SKEW_DEGREES_MIN ? 0 : degrees;
}

/* Takes grey. */
static void recognize(PIX *grey, PIX *black, int turns, double pixels_per_point, struct ocr_words *words)
{
	float degrees;
	PIX *rows;

	if (turns) {
		replace(&grey, pixRotateOrth(grey, turns));
		replace(&black, pixRotateOrth(black, turns));
	}
	degrees = skew(black);
	if (degrees != 0)
		replace(&grey, pixRotate(grey, (l_float32)(degrees * DEGREE), L_ROTATE_AREA_MAP, L_BRING_IN_WHITE, 0, 0));
	rows = pixEndianByteSwapNew(grey);
	if (rows) {
		const struct ocr_picture picture = {
			.rows = (const unsigned char *)pixGetData(rows), .width = pixGetWidth(rows), .height = pixGetHeight(rows),
			.row_bytes = pixGetWpl(rows) * 4, .pixels_per_point = pixels_per_point,
		};

		ocr_recognize(&picture, words);
	}
	pixDestroy(&rows);
	pixDestroy(&black);
	pixDestroy(&grey);
}

/* How sure the words are, and how many: a page that lies wrong gives few and bad ones. */
static double worth(const struct ocr_words *words)
{
	return words->confidence * (double)words->text.n;
}

static void swap(struct ocr_words *a, struct ocr_words *b)
{
	struct ocr_words kept = *a;

	*a = *b;
	*b = kept;
}

/* Recognizes the page as it seems to lie, and, when that gives nothing good, as it came. Takes grey. */
static bool read_page(PIX *grey, double pixels_per_point, struct ocr_words *words)
{
	PIX *black = grey ? black_and_white(grey) : NULL;
	struct ocr_words other;
	int turns;

	if (!black) {
		pixDestroy(&grey);
		return false;
	}
	turns = quarter_turns(black);
	recognize(pixClone(grey), pixClone(black), turns, pixels_per_point, words);
	if (turns && words->confidence < GOOD_CONFIDENCE && ocr_words_init(&other)) {
		recognize(pixClone(grey), pixClone(black), 0, pixels_per_point, &other);
		if (worth(&other) > worth(words))
			swap(&other, words);
		ocr_words_free(&other);
	}
	pixDestroy(&black);
	pixDestroy(&grey);
	return true;
}

enum error_code scan_page(const struct ocr_picture *picture, int page, struct layout *layout)
{
	enum error_code code = ERR_memory_limit;
	struct ocr_words words;

	if (!ocr_words_init(&words))
		return code;
	if (read_page(even(pix_of(picture)), picture->pixels_per_point, &words) &&
	    layout_page(layout, words.all, words.n, page, (float)(words.page_width)) == 0)
		code = ERR_NONE;
	ocr_words_free(&words);
	return code;
}
