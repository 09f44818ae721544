/*
 * See parse_lines.h. Only formats with geometry (PDF) break lines where the paper ends; whether the next line goes on is
 * told by where it begins, how full the line before is, and the words at the joint.
 */
#include "parse_lines.h"

#include "parse_contact.h"
#include "parse_text.h"
#include "parse_url.h"

#define LINES_MAX 20000         /* far beyond any CV: bounds time and memory */
#define COLUMNS_MAX 8
#define TIME_BYTES_MAX 24
#define JOINED_BYTES_MAX 4000   /* joining copies, so that its cost must not grow with the document */

/* The text area of one column, over all pages. */
struct extent {
	float left, right;
};

static void measure(const struct document *doc, struct extent columns[COLUMNS_MAX])
{
	for (int i = 0; i < COLUMNS_MAX; i++)
		columns[i] = (struct extent){ 1e9f, 0 };
	for (size_t i = 0; i < doc->n_lines; i++) {
		const struct doc_line *l = &doc->lines[i];
		struct extent *c = &columns[(unsigned)l->column % COLUMNS_MAX];

		if (l->width <= 0)
			continue;
		if (l->x < c->left)
			c->left = l->x;
		if (l->x + l->width > c->right)
			c->right = l->x + l->width;
	}
}

static uint32_t first_char(struct str s)
{
	size_t at = 0;

	return s.n ? text_next(s, &at) : 0;
}

static bool ends_with_hyphen(struct str s)
{
	size_t n = s.n;

	if (n < 3 || s.p[n - 1] != '-' || s.p[n - 2] == ' ' || s.p[n - 2] == '-')
		return false;
	return !text_is_digit((unsigned char)s.p[n - 2]);
}

/* The text is open at its end: a dash between dates, a comma, an open bracket, a small word that needs another. */
static bool ends_open(struct str s)
{
	static const char *const small[] = { "and", "of", "the", "for", "with", "et", "de", "la", "des", "und", "der", "y", "e", "en", "i",
		"w", "to", "in", "&", "van", "het", "di", "da", "a", "by", "from", "at", "or" };
	struct str word = text_last_word(s);
	const char *open = s.n ? memrchr(s.p, '(', s.n) : NULL;

	if (s.n > 2 && (s.p[s.n - 1] == ',' || s.p[s.n - 1] == '/' ||
	    (words_find(WORD_UNTIL, word) >= 0 && (unsigned char)word.p[0] >= 0x80)))
		return true;
	if (open && !memchr(open, ')', (size_t)(s.p + s.n - open)))
		return true;
	for (size_t i = 0; i < sizeof(small) / sizeof(small[0]); i++)
		if (str_eq(word, str_c(small[i])))
			return true;
	return false;
}

static bool same_style(const struct doc_line *a, const struct doc_line *b)
{
	float d = a->font_size - b->font_size;

	return d < 0.6f && d > -0.6f && a->bold == b->bold && a->heading == b->heading;
}

static bool is_below(const struct doc_line *a, const struct doc_line *b)
{
	float gap = b->y - a->y;

	if (a->page != b->page)
		return b->page == a->page + 1;
	return gap > 0.2f * a->height && gap < 2.1f * (a->height > 1 ? a->height : a->font_size * 1.2f);
}

/* Bullets of fonts without a map to Unicode come out as other signs. */
static size_t odd_mark(struct str s)
{
	return s.n > 2 && (s.p[0] == '{' || s.p[0] == '}') && s.p[1] == ' ' ? 2 : 0;
}

/* Which edge of the two lines is the straight one. */
static bool aligned(struct str s, const struct doc_line *a, const struct doc_line *b)
{
	float by = text_runs_left(s) ? a->x + a->width - b->x - b->width : b->x - a->x;

	return by < 6 && by > -6;
}

/* Whether the visual line b goes on with what a (text so far: s) began. */
static bool goes_on(struct str s, const struct line *so_far, const struct doc_line *a, const struct doc_line *b, const struct extent *area)
{
	struct str next = str_c(b->text), rest = s;
	float room = text_runs_left(s) ? a->x - area->left : area->right - (a->x + a->width), wide = area->right - area->left;
	uint32_t first = first_char(next);
	bool open = ends_with_hyphen(s) || ends_open(s), lower = text_is_lower(first) || text_is_digit(first);

	if (b->bullet || odd_mark(next) || b->heading || a->heading || a->column != b->column || a->row != b->row || a->cell != b->cell)
		return false;
	if (!same_style(a, b) || !is_below(a, b))
		return false;
	if (so_far->bullet)
		return b->x > so_far->doc->x - 2 && (b->x > area->left + 4 || lower || open) &&
			(room < 0.18f * wide || lower || open || b->x > so_far->doc->x + 2);
	if (!aligned(s, a, b))
		return false;
	/* Contact data stand one a line, unless signs part them. */
	text_segment(&rest, false);
	if (!rest.p && (contact_has(next) || contact_has(s)))
		return false;
	if (open)
		return true;
	if (lower)
		return room < 0.2f * wide && text_count_words(s) >= 3;
	return room < 0.06f * wide && text_count_words(s) >= 7 && a->block == b->block;
}

static struct str join_wrapped(struct arena *arena, struct str s, struct str next)
{
	if (ends_with_hyphen(s)) {
		/* A capital or a digit after the hyphen keeps it: "MS-", "Office". */
		if (!text_is_lower(first_char(next)))
			return arena_join(arena, s, "", next);
		s.n--;
		return arena_join(arena, s, "", next);
	}
	return arena_join(arena, s, text_is_ideograph(first_char(next)) ? "" : " ", next);
}

/* An address or e-mail address that was cut at the line's end has no space in it. */
static bool is_cut_address(struct str s, struct str next)
{
	struct str word = text_last_word(s);

	if (word.n == s.n && text_count_words(next) == 1 && next.n <= 24 && word.n > 5 && word.p[word.n - 1] == '.' && url_is_bare(str_of(word.p, word.n - 1)))
		return text_is_lower(first_char(next));
	return text_count_words(next) == 1 && next.n <= 24 && word.n == s.n && memchr(word.p, '@', word.n) && !memchr(next.p, '@', next.n) &&
		text_is_lower(first_char(next)) && !memchr(next.p, ' ', next.n);
}

/* Only words and numbers of time: "Aug", "2017-Jan", "Present". */
static bool is_time_words(struct str s)
{
	while (s.n) {
		size_t n = 0, at = 0;

		while (n < s.n) {
			at = n;
			if (!text_is_letter(text_next(s, &at)))
				break;
			n = at;
		}
		if (n > 0 && words_find(WORD_MONTH, str_of(s.p, n)) < 0 && words_find(WORD_PRESENT, str_of(s.p, n)) < 0)
			return false;
		if (n == 0) {
			uint32_t c = text_next(s, &n);

			if (!text_is_digit(c) && c != ' ' && c != '.' && c != '/' && c != '-' && c != 0x2013 && c != 0x2014)
				return false;
		}
		s = str_skip(s, n);
	}
	return true;
}

static bool is_year_alone(struct str s)
{
	struct period when;

	return s.n == 4 && text_is_digit((unsigned char)s.p[0]) && period_find(s, &when);
}

/* A time that was broken in its narrow cell or at the line's end: "Sep 2008 - Jun", "2011"; "2008" over "2011". What
 * stands between the pieces when they are joined; NULL: they are none. */
static const char *time_joint(struct str s, struct str next)
{
	struct period when;
	struct str last = text_last_word(s);
	size_t dash = last.n;

	if (is_year_alone(s) && is_year_alone(next))
		return " - ";
	if (s.n <= TIME_BYTES_MAX && next.n <= TIME_BYTES_MAX && is_time_words(s) && is_time_words(next) &&
	    !(period_find(s, &when) && when.is_range && s.p[s.n - 1] != '-' && (unsigned char)s.p[s.n - 1] < 0x80))
		return " ";
	while (dash > 0 && (unsigned char)last.p[dash - 1] < 0x80 && last.p[dash - 1] != '-')
		dash--;
	return is_year_alone(next) && words_find(WORD_MONTH, str_skip(last, dash)) > 0 ? " " : NULL;
}

static struct line *add_line(struct arena *arena, struct line_list *out)
{
	if (out->n == out->cap) {
		size_t more = out->cap ? out->cap * 2 : 128;
		struct line *v = arena_take(arena, more * sizeof(*v));

		if (!v)
			return NULL;
		if (out->n)
			memcpy(v, out->v, out->n * sizeof(*v));
		out->v = v;
		out->cap = more;
	}
	return &out->v[out->n++];
}

static bool starts_block(const struct doc_line *before, const struct doc_line *l)
{
	return !before || before->block != l->block || before->page != l->page || before->column != l->column;
}

/* "SKILLS ------" and "=======": rules drawn with characters. */
static struct str without_rule(struct str s)
{
	size_t n = s.n;

	while (n && (s.p[n - 1] == '-' || s.p[n - 1] == '=' || s.p[n - 1] == '_' || s.p[n - 1] == '*' || s.p[n - 1] == '#' || s.p[n - 1] == '~'))
		n--;
	if (s.n - n >= 3)
		s.n = n;
	n = 0;
	while (n < s.n && (s.p[n] == '=' || s.p[n] == '_' || s.p[n] == '#' || s.p[n] == '-' || s.p[n] == '~'))
		n++;
	if (n >= 2 || (n == 1 && s.p[0] == '#'))
		s = str_skip(s, n);
	return str_trim(s);
}

/* What joins the line to the one before; NULL: it begins a new one. */
static const char *joint(const struct line *last, const struct doc_line *before, const struct doc_line *l, struct str text, const struct extent *area)
{
	const char *time;

	if (last->text.n > JOINED_BYTES_MAX || l->width <= 0 || before->width <= 0)
		return NULL;
	if (before->column == l->column && is_below(before, l)) {
		if (is_cut_address(last->text, text))
			return "";
		time = before->row == l->row || l->row == 0 ? time_joint(last->text, text) : NULL;
		if (time)
			return time;
	}
	return goes_on(last->text, last, before, l, area) ? "~" : NULL;
}

/* A time at the right of the line before, which the reader did not see as one row. */
static bool stands_beside(const struct doc_line *before, const struct doc_line *l)
{
	float a = before->y + before->height / 2, b = l->y + l->height / 2, low = before->height < l->height ? before->height : l->height;

	return before->row == 0 && l->row == 0 && before->page == l->page && before->width > 0 && l->width > 0 &&
		a - b < low / 2 && b - a < low / 2 && (l->x > before->x + before->width || before->x > l->x + l->width);
}

void lines_build(struct arena *arena, const struct document *doc, struct line_list *out)
{
	struct extent columns[COLUMNS_MAX];
	const struct doc_line *before = NULL;
	int rows = 1 << 24;     /* above the reader's own numbers */

	measure(doc, columns);
	for (size_t i = 0; i < doc->n_lines && out->n < LINES_MAX; i++) {
		const struct doc_line *l = &doc->lines[i];
		struct str text = without_rule(str_c(l->text));
		size_t mark = odd_mark(text);
		struct line *last = out->n ? &out->v[out->n - 1] : NULL;
		const char *between;

		text = str_skip(text, mark);
		if (text.n == 0)
			continue;
		between = last ? joint(last, before, l, text, &columns[(unsigned)l->column % COLUMNS_MAX]) : NULL;
		if (between) {
			last->text = *between == '~' ? join_wrapped(arena, last->text, text) : arena_join(arena, last->text, between, text);
			last->last_doc = i;
			before = l;
			continue;
		}
		last = add_line(arena, out);
		if (!last)
			return;
		*last = (struct line){ .text = text, .doc = l, .first_doc = i, .last_doc = i, .bullet = l->bullet || mark > 0,
			.starts_block = starts_block(before, l), .row = l->row, .cell = l->cell };
		if (before && stands_beside(before, l) && period_is_all(text)) {
			last[-1].row = last->row = rows++;
			last->cell = 1;
		}
		before = l;
	}
}
