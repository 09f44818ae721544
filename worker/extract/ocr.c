/* See ocr.h: the only file that knows tesseract. */
#include "ocr.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <tesseract/capi.h>
#include <unistd.h>

#include "language.h"

#define LANGUAGES_BYTES 256
#define ENGINES_MAX 16
#define WORDS_MAX 8000
#define TEXT_BYTES_MAX (1u << 20)       /* of a page */
#define CONFIDENCE_MIN 30               /* of 100: below it are specks and lines, not words */
#define SIZE_MAX_POINTS 128             /* taller letters are no text */
#define SIZE_NOISE 1.25f                /* a size is guessed from few letters: so much off the usual one is that one */
#define ASCENT 0.8f                     /* of a line's height, above what its letters stand on */
#define MARK_PART_MAX 0.45f             /* of a line's height: what is larger are letters */

/*
 * One engine a language: several languages in one cost the time of each, and read "Hotel" where "Hôtel" stands. A page is
 * read by the engine of the page before it, and once more when its words turn out to be of another language.
 */
static struct engine {
	const char *name;       /* as language.h has it, or NULL */
	TessBaseAPI *tess;
} engines[ENGINES_MAX];
static size_t n_engines, current;
static bool promised;

static bool has_loaded(const TessBaseAPI *api, struct str language)
{
	char **loaded = TessBaseAPIGetLoadedLanguagesAsVector(api);
	bool found = false;

	for (size_t i = 0; loaded && loaded[i]; i++)
		found = found || str_eq(str_c(loaded[i]), language);
	TessDeleteTextArray(loaded);
	return found;
}

/* It speaks of each language that it does not find before it has looked at debug_file. */
static int init_silently(TessBaseAPI *api, const char *languages)
{
	char name[] = "debug_file", value[] = "/dev/null", *names[] = { name }, *values[] = { value };
	int said = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0), null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC), rc;

	if (said >= 0 && null_fd >= 0)
		dup2(null_fd, STDERR_FILENO);
	rc = TessBaseAPIInit4(api, NULL, languages, OEM_LSTM_ONLY, NULL, 0, names, values, 1, false);
	if (said >= 0)
		dup2(said, STDERR_FILENO);
	close(said);
	close(null_fd);
	return rc;
}

/* What tesseract says on stderr goes nowhere: it may quote the document. NULL: no language of these is installed. */
static TessBaseAPI *start(const char *languages)
{
	TessBaseAPI *api = TessBaseAPICreate();

	if (!api)
		return NULL;
	if (init_silently(api, languages) != 0) {
		TessBaseAPIDelete(api);
		return NULL;
	}
	TessBaseAPISetPageSegMode(api, PSM_AUTO);
	return api;
}

/* Each once: those that go along with every engine are missing in every engine. */
static void add_missing(struct buf *missing, struct str language)
{
	struct str rest = buf_str(missing);

	while (rest.n)
		if (str_eq(str_cut(&rest, ','), language))
			return;
	if (missing->n)
		buf_addz(missing, ",");
	buf_adds(missing, language);
}

static void add_engine(const char *name, struct str language, struct str others, struct buf *missing)
{
	char languages[LANGUAGES_BYTES];
	int n = snprintf(languages, sizeof(languages), STR_FMT STR_FMT, STR_ARG(language), STR_ARG(others));
	TessBaseAPI *tess = n_engines < ENGINES_MAX && n < (int)sizeof(languages) ? start(languages) : NULL;

	for (struct str rest = str_c(languages); rest.n;) {
		struct str one = str_cut(&rest, '+');

		if (!tess || !has_loaded(tess, one))
			add_missing(missing, one);
	}
	if (tess && (!name || has_loaded(tess, language)))
		engines[n_engines++] = (struct engine){ .name = name, .tess = tess };
	else if (tess)
		TessBaseAPIDelete(tess);
}

/* The name in language.h, or NULL. */
static const char *known_name(struct str language)
{
	for (int i = 0; i < TEXT_LANGUAGES; i++)
		if (language_tesseract_name(i) && str_eq(language, str_c(language_tesseract_name(i))))
			return language_tesseract_name(i);
	return NULL;
}

int ocr_warm(const char *languages, struct buf *missing)
{
	char joined[LANGUAGES_BYTES] = "";
	struct str list = str_c(languages), others = { joined, 0 };

	if (n_engines)
		return 0;
	/* Those that cannot be told by their words ("chi_sim") go along with each of the others. */
	for (struct str rest = list; rest.n;) {
		struct str language = str_trim(str_cut(&rest, ','));

		if (language.n == 0 || known_name(language))
			continue;
		if (others.n + language.n + 2 > sizeof(joined))
			return -EINVAL;
		others.n += (size_t)snprintf(joined + others.n, sizeof(joined) - others.n, "+" STR_FMT, STR_ARG(language));
	}
	for (struct str rest = list; rest.n;) {
		struct str language = str_trim(str_cut(&rest, ','));

		if (known_name(language))
			add_engine(known_name(language), language, others, missing);
	}
	if (n_engines == 0 && others.n)
		add_engine(NULL, str_skip(others, 1), STR(""), missing);
	return n_engines ? 0 : -ENOENT;
}

void ocr_promise(void)
{
	promised = true;
}

bool ocr_works(void)
{
	return n_engines > 0 || promised;
}

bool ocr_words_init(struct ocr_words *words)
{
	*words = (struct ocr_words){ .all = calloc(WORDS_MAX, sizeof(*words->all)) };
	buf_init(&words->text, TEXT_BYTES_MAX);
	if (words->all && buf_reserve(&words->text, TEXT_BYTES_MAX - 1))
		return true;
	ocr_words_free(words);
	return false;
}

void ocr_words_free(struct ocr_words *words)
{
	buf_free(&words->text);
	free(words->all);
	words->all = NULL;
}

/* What tesseract makes of the dots, squares and arrows in front of list items. */
static bool is_list_mark(struct str text)
{
	static const char marks[] = " • · © ® « » * + ¢ ° ■ □ ▪ ● ○ ◦ > = ~ ";
	char spaced[8];
	int n = snprintf(spaced, sizeof(spaced), " " STR_FMT " ", STR_ARG(text));

	return n > 2 && n < (int)sizeof(spaced) && strstr(marks, spaced);
}

/* Places the word on the line that it stands on, as tall as the line: "on" is as large as "Experience". */
static void place(const TessResultIterator *it, double scale, struct layout_word *w)
{
	const TessPageIterator *box = TessResultIteratorGetPageIteratorConst(it);
	int left = 0, right = 0, base1 = 0, base2 = 0, unused, points = 0;
	BOOL ignored;

	TessPageIteratorBoundingBox(box, RIL_WORD, &left, &unused, &right, &base2);
	TessPageIteratorBaseline(box, RIL_WORD, &unused, &base1, &unused, &base2);
	TessResultIteratorWordFontAttributes(it, &ignored, &ignored, &ignored, &ignored, &ignored, &ignored, &points, &unused);
	w->size = (float)(points > 0 ? points : 1);
	w->x1 = (float)(left / scale);
	w->x2 = (float)(right / scale);
	w->y1 = (float)((base1 + base2) / 2 / scale) - ASCENT * w->size;
	w->y2 = w->y1 + w->size;
}

/* A mark is read as some letter, a small one, at the start of a line. */
static bool stands_as_mark(const TessResultIterator *it, double scale, const struct layout_word *w)
{
	const TessPageIterator *box = TessResultIteratorGetPageIteratorConst(it);
	int left, top, right, bottom;

	if (!TessPageIteratorIsAtBeginningOf(box, RIL_TEXTLINE) || TessPageIteratorIsAtFinalElement(box, RIL_TEXTLINE, RIL_WORD))
		return false;
	if (is_list_mark(w->text))
		return true;
	return w->text.n <= 3 && TessPageIteratorBoundingBox(box, RIL_WORD, &left, &top, &right, &bottom) &&
	       bottom - top < MARK_PART_MAX * w->size * scale && right - left < MARK_PART_MAX * w->size * scale;
}

/* Adds the word that the iterator stands at. Bars and frames are words too, of a space or a dash. */
static void add_word(const TessResultIterator *it, double scale, struct ocr_words *words)
{
	struct layout_word w = { .size = 0 };
	char *text = TessResultIteratorGetUTF8Text(it, RIL_WORD);
	size_t at = words->text.n, n = text ? strlen(text) : 0;

	w.text = str_trim(str_of(text, n));
	if (w.text.n > 0 && at + w.text.n < words->text.cap) {
		place(it, scale, &w);
		w.bullet = stands_as_mark(it, scale, &w);
		if (w.bullet || (TessResultIteratorConfidence(it, RIL_WORD) >= CONFIDENCE_MIN && !str_eq(w.text, STR("_")))) {
			buf_adds(&words->text, w.text);
			w.text.p = words->text.p + at;
			words->all[words->n++] = w;
		}
	}
	TessDeleteText(text);
}

static void collect(TessBaseAPI *tess, double scale, struct ocr_words *words)
{
	TessResultIterator *it = TessBaseAPIGetIterator(tess);

	if (!it)
		return;
	do
		add_word(it, scale, words);
	while (words->n < WORDS_MAX && TessResultIteratorNext(it, RIL_WORD));
	TessResultIteratorDelete(it);
}

/* The size of most letters of the page, in points. */
static float usual_size(const struct ocr_words *words)
{
	size_t letters[SIZE_MAX_POINTS] = { 0 }, best = 0;

	for (size_t i = 0; i < words->n; i++) {
		size_t points = (size_t)words->all[i].size;

		if (points >= SIZE_MAX_POINTS)
			continue;
		letters[points] += words->all[i].text.n;
		best = letters[points] > letters[best] ? points : best;
	}
	return (float)best;
}

/* So that no line looks like a heading by chance. */
static void even_sizes(struct ocr_words *words)
{
	float usual = usual_size(words);

	for (size_t i = 0; i < words->n; i++) {
		struct layout_word *w = &words->all[i];

		if (w->size == usual || w->size > SIZE_NOISE * usual || usual > SIZE_NOISE * w->size)
			continue;
		w->y1 += ASCENT * (w->size - usual);
		w->y2 = w->y1 + usual;
		w->size = usual;
	}
}

/* False: not a word on it. */
static bool recognize(TessBaseAPI *tess, const struct ocr_picture *picture, struct ocr_words *words, struct language_votes *votes)
{
	words->n = 0;
	buf_clear(&words->text);
	TessBaseAPISetImage(tess, picture->rows, picture->width, picture->height, 1, picture->row_bytes);
	TessBaseAPISetSourceResolution(tess, (int)(picture->pixels_per_point * 72));
	if (TessBaseAPIRecognize(tess, NULL) != 0)
		return false;
	words->confidence = TessBaseAPIMeanTextConf(tess);
	collect(tess, picture->pixels_per_point, words);
	TessBaseAPIClear(tess);
	even_sizes(words);
	for (size_t i = 0; i < words->n; i++)
		language_count(votes, words->all[i].text);
	return words->n > 0;
}

/* The engine for what the words are in; the current one when that is not clear, or not installed. */
static size_t engine_for(const struct language_votes *votes)
{
	const char *name = language_tesseract_name(language_winner(votes));

	for (size_t i = 0; i < n_engines && name; i++)
		if (engines[i].name == name)
			return i;
	return current;
}

void ocr_recognize(const struct ocr_picture *picture, struct ocr_words *words)
{
	struct language_votes votes = { .words = { 0 } }, again = votes;
	size_t best;

	words->page_width = picture->width / picture->pixels_per_point;
	if (!recognize(engines[current].tess, picture, words, &votes))
		return;
	best = engine_for(&votes);
	if (best == current)
		return;
	current = best;
	recognize(engines[current].tess, picture, words, &again);
}
