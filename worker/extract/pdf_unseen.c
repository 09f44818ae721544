/*
 * White words on white paper are put into CVs to mislead programs, white words on a dark bar are honest: only painting
 * the page tells them apart. Pages without light words are never painted.
 */
#include <cairo.h>
#include <math.h>

#include "pdf_internal.h"

#define SIDE_PIXELS_MAX 1400    /* of the painted page */
#define HEIGHT_PIXELS_MIN 4     /* smaller words cannot be judged */
#define CONTRAST_MIN 16         /* of 255: letters differ that much from their ground */

static bool has_light_words(const struct pdf_words *words)
{
	for (size_t i = 0; i < words->n; i++)
		if (words->all[i].light)
			return true;
	return false;
}

cairo_surface_t *pdf_paint(PopplerPage *page, double scale, int width, int height)
{
	cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
	cairo_t *cairo = cairo_create(surface);
	bool done;

	cairo_set_source_rgb(cairo, 1, 1, 1);
	cairo_paint(cairo);
	cairo_scale(cairo, scale, scale);
	poppler_page_render(page, cairo);
	done = cairo_status(cairo) == CAIRO_STATUS_SUCCESS;
	cairo_destroy(cairo);
	cairo_surface_flush(surface);
	if (done && cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS)
		return surface;
	cairo_surface_destroy(surface);
	return NULL;
}

static int between(double v, int max)
{
	return v < 0 ? 0 : v > max ? max : (int)v;
}

/* Whether all pixels under the word are about the same. */
static bool is_unseen(const struct layout_word *w, cairo_surface_t *surface, double scale)
{
	int stride = cairo_image_surface_get_stride(surface), low[4] = { 255, 255, 255, 0 }, high[4] = { 0 };
	int x1 = between(w->x1 * scale, cairo_image_surface_get_width(surface));
	int x2 = between(ceil(w->x2 * scale), cairo_image_surface_get_width(surface));
	int y1 = between(w->y1 * scale, cairo_image_surface_get_height(surface));
	int y2 = between(ceil(w->y2 * scale), cairo_image_surface_get_height(surface));

	if (y2 - y1 < HEIGHT_PIXELS_MIN || x2 <= x1)
		return false;
	for (int y = y1; y < y2; y++) {
		const unsigned char *row = cairo_image_surface_get_data(surface) + (size_t)y * (size_t)stride;

		for (int i = x1 * 4; i < x2 * 4; i++) {
			low[i % 4] = row[i] < low[i % 4] ? row[i] : low[i % 4];
			high[i % 4] = row[i] > high[i % 4] ? row[i] : high[i % 4];
		}
	}
	/* RGB24 leaves the fourth byte alone. */
	return high[0] - low[0] < CONTRAST_MIN && high[1] - low[1] < CONTRAST_MIN && high[2] - low[2] < CONTRAST_MIN;
}

void pdf_drop_unseen(struct pdf_words *words, PopplerPage *page)
{
	double width, height, scale;
	cairo_surface_t *surface;
	size_t kept = 0;

	if (!has_light_words(words))
		return;
	poppler_page_get_size(page, &width, &height);
	scale = fmin(1.5, SIDE_PIXELS_MAX / fmax(width, height));
	surface = pdf_paint(page, scale, (int)ceil(width * scale), (int)ceil(height * scale));
	if (!surface)
		return;
	for (size_t i = 0; i < words->n; i++) {
		if (words->all[i].light && is_unseen(&words->all[i], surface, scale))
			words->warnings |= DOC_HIDDEN_TEXT;
		else
			words->all[kept++] = words->all[i];
	}
	words->n = kept;
	cairo_surface_destroy(surface);
}
