/* See ocr.h: the only file that knows tesseract. */
#include "ocr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <tesseract/capi.h>

#define LANGUAGES_BYTES 256
#define WORDS_MAX 8000
#define TEXT_BYTES_MAX (1u << 20)       /* of a page */
#define CONFIDENCE_MIN 30               /* of 100: below it are specks and lines, not words */

static TessBaseAPI *tess;
static bool promised;

/* What tesseract says on stderr goes nowhere: it may quote the document. */
static int start(const char *languages)
{
	char name[] = "debug_file", value[] = "/dev/null", *names[] = { name }, *values[] = { value };
	TessBaseAPI *api = TessBaseAPICreate();

	if (!api)
		return -ENOMEM;
	if (TessBaseAPIInit4(api, NULL, languages, OEM_LSTM_ONLY, NULL, 0, names, values, 1, false) != 0) {
		TessBaseAPIDelete(api);
		return -ENOENT;
	}
	TessBaseAPISetPageSegMode(api, PSM_AUTO);
	tess = api;
	return 0;
}

int ocr_warm(const char *languages)
{
	char joined[LANGUAGES_BYTES];
	struct str rest = str_c(languages);
	size_t n = 0;

	if (tess)
		return 0;
	while (rest.n) {
		struct str language = str_trim(str_cut(&rest, ','));

		if (n + language.n + 2 > sizeof(joined))
			return -EINVAL;
		n += (size_t)snprintf(joined + n, sizeof(joined) - n, "%s" STR_FMT, n ? "+" : "", STR_ARG(language));
	}
	return n ? start(joined) : -ENOENT;
}

void ocr_promise(void)
{
	promised = true;
}

bool ocr_works(void)
{
	return tess != NULL || promised;
}

struct page_words {
	struct layout_word *all;
	size_t n;
	struct buf text;                /* never moves: its memory is taken at once */
};

static bool is_list_mark(struct str text)
{
	return str_eq(text, STR("\u2022")) || str_eq(text, STR("\u00B7")) || str_eq(text, STR("\u00A9")) || str_eq(text, STR("*"));
}

/* Adds the word that the iterator stands at. Bars and frames are words too, of a space. */
static void add_word(TessResultIterator *it, double scale, struct page_words *words)
{
	const TessPageIterator *box = TessResultIteratorGetPageIteratorConst(it);
	struct layout_word *w = &words->all[words->n];
	char *text = TessResultIteratorGetUTF8Text(it, RIL_WORD);
	int left, top, right, bottom, line_top = 0, line_bottom = 0, unused;
	size_t at = words->text.n, n = text ? strlen(text) : 0;
	bool blank = str_trim(str_of(text, n)).n == 0;

	if (!blank && at + n < words->text.cap && TessResultIteratorConfidence(it, RIL_WORD) >= CONFIDENCE_MIN &&
	    TessPageIteratorBoundingBox(box, RIL_WORD, &left, &top, &right, &bottom)) {
		if (!TessPageIteratorBoundingBox(box, RIL_TEXTLINE, &unused, &line_top, &unused, &line_bottom))
			line_top = top, line_bottom = bottom;
		buf_add(&words->text, text, n);
		/* The line's height for all its words: "on" is as large as "Experience". */
		*w = (struct layout_word){
			.text = str_of(words->text.p + at, n), .x1 = (float)(left / scale), .x2 = (float)(right / scale),
			.y1 = (float)(line_top / scale), .y2 = (float)(line_bottom / scale),
			.size = (float)((line_bottom - line_top) / scale),
		};
		w->bullet = is_list_mark(w->text);
		words->n++;
	}
	TessDeleteText(text);
}

static void collect(double scale, struct page_words *words)
{
	TessResultIterator *it = TessBaseAPIGetIterator(tess);

	if (!it)
		return;
	do
		add_word(it, scale, words);
	while (words->n < WORDS_MAX && TessResultIteratorNext(it, RIL_WORD));
	TessResultIteratorDelete(it);
}

static enum error_code recognize(const struct ocr_picture *picture, struct page_words *words)
{
	TessBaseAPISetImage(tess, picture->rows, picture->width, picture->height, 1, picture->row_bytes);
	TessBaseAPISetSourceResolution(tess, (int)(picture->pixels_per_point * 72));
	if (TessBaseAPIRecognize(tess, NULL) != 0)
		return ERR_no_text;
	collect(picture->pixels_per_point, words);
	TessBaseAPIClear(tess);
	return ERR_NONE;
}

enum error_code ocr_page(const struct ocr_picture *picture, int page, struct layout *layout)
{
	struct page_words words = { .all = calloc(WORDS_MAX, sizeof(*words.all)) };
	enum error_code code = ERR_memory_limit;

	buf_init(&words.text, TEXT_BYTES_MAX);
	if (words.all && buf_reserve(&words.text, TEXT_BYTES_MAX - 1))
		code = recognize(picture, &words);
	if (code == ERR_NONE &&
	    layout_page(layout, words.all, words.n, page, (float)(picture->width / picture->pixels_per_point)) < 0)
		code = ERR_memory_limit;
	buf_free(&words.text);
	free(words.all);
	return code == ERR_no_text ? ERR_NONE : code;
}
