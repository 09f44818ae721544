/* Pages of a PDF that are pictures of text: painted at a bounded size, whatever size they claim, and read by scan.h. */
#include <cairo.h>
#include <math.h>
#include <stdlib.h>

#include "pdf_internal.h"
#include "scan.h"

#define DPI 200.0               /* tesseract reads letters of 10 points at that well; more takes longer */
#define PICTURE_PART_MIN 0.2    /* of the page: smaller pictures are photographs and logos */

bool pdf_is_scan(PopplerPage *page)
{
	GList *pictures = poppler_page_get_image_mapping(page);
	double width, height, covered = 0;

	poppler_page_get_size(page, &width, &height);
	for (const GList *p = pictures; p; p = p->next) {
		const PopplerRectangle *area = &((const PopplerImageMapping *)p->data)->area;

		covered += fabs((area->x2 - area->x1) * (area->y2 - area->y1));
	}
	poppler_page_free_image_mapping(pictures);
	return covered >= PICTURE_PART_MIN * width * height;
}

/* Grey bytes in the place of cairo's 32 bits, row by row. */
static unsigned char *to_grey(cairo_surface_t *surface, int width, int height)
{
	unsigned char *grey = calloc((size_t)width, (size_t)height);
	const unsigned char *bytes = cairo_image_surface_get_data(surface);
	size_t stride = (size_t)cairo_image_surface_get_stride(surface);

	for (int y = 0; grey && bytes && y < height; y++)
		for (int x = 0; x < width; x++) {
			uint32_t pixel;

			memcpy(&pixel, bytes + (size_t)y * stride + (size_t)x * 4, sizeof(pixel));
			grey[(size_t)y * (size_t)width + (size_t)x] = scan_grey(pixel >> 16 & 0xFF, pixel >> 8 & 0xFF, pixel & 0xFF);
		}
	return grey;
}

enum error_code pdf_scan_read(PopplerPage *page, int number, struct layout *layout)
{
	double width, height, scale;
	enum error_code code = ERR_memory_limit;
	struct ocr_picture picture;
	cairo_surface_t *surface;
	unsigned char *grey;

	poppler_page_get_size(page, &width, &height);
	if (!(width > 0 && height > 0))
		return ERR_NONE;
	scale = fmin(DPI / 72, OCR_SIDE_MAX / fmax(width, height));
	picture = (struct ocr_picture){
		.width = (int)fmax(1, width * scale), .height = (int)fmax(1, height * scale), .pixels_per_point = scale,
	};
	picture.row_bytes = picture.width;
	surface = pdf_paint(page, scale, picture.width, picture.height);
	if (!surface)
		return code;
	grey = to_grey(surface, picture.width, picture.height);
	cairo_surface_destroy(surface);
	picture.rows = grey;
	if (grey)
		code = scan_page(&picture, number, layout);
	free(grey);
	return code;
}
