/*
 * Finds the headings and gives every line its section. A heading is first known by its words; since those also occur
 * as other things ("Languages" as a group of skills), the look of most headings decides about the rest.
 */
#include "parse_lines.h"

#include "parse_text.h"

#define HEADING_BYTES_MAX 80
#define HEADING_WORDS_MAX 7
#define COLUMNS_MAX 8
#define STYLES_MAX 64
#define SIZES_MAX 128

/* How a line looks, as far as it tells headings from other lines. */
struct style {
	int heading, size;      /* size in half points */
	bool bold, upper;
};

/* How headings look: in each column, and how large other text is. */
struct looks {
	struct style of_column[COLUMNS_MAX];
	int body_size;
	bool any;
};

struct style_vote {
	struct style style;
	unsigned kinds;         /* bits: sections named in this style */
	int lines;
};

static struct style style_of(const struct line *l)
{
	return (struct style){ l->doc->heading, (int)(l->doc->font_size * 2 + 0.5f), l->doc->bold, text_all_upper(l->text) };
}

static bool style_eq(struct style a, struct style b)
{
	int d = a.size - b.size;

	return a.heading == b.heading && d <= 1 && d >= -1 && a.bold == b.bold && a.upper == b.upper;
}

/* The heading without numbers, icons and colons around it; letters set apart are put together. */
static struct str heading_words(struct str text, char *out, size_t cap)
{
	struct str s = text_strip(text, ":.;,*#|>+=_~");
	size_t n = 0, at = 0;

	while (s.n && (text_is_digit((unsigned char)s.p[0]) || s.p[0] == '.' || s.p[0] == ')'))
		s = str_skip(s, 1);
	s = text_strip(s, ":.;,*#|");
	if (!text_is_spaced_out(s))
		return s;
	while (at < s.n) {
		size_t from = at;

		if (text_next(s, &at) != ' ' && n + at - from < cap) {
			memcpy(out + n, s.p + from, at - from);
			n += at - from;
		}
	}
	return str_of(out, n);
}

enum section_kind heading_of_text(struct str text, int *language)
{
	char joined[HEADING_BYTES_MAX];
	struct str s;
	int value;

	if (text.n == 0 || text.n > HEADING_BYTES_MAX)
		return SECTION_HEADER;
	s = heading_words(text, joined, sizeof(joined));
	value = words_find(WORD_HEADING, s);
	if (value < 0)
		return SECTION_HEADER;
	if (language)
		*language = (int)heading_language(value);
	return heading_section(value);
}

/* The section that one word of a heading names: the table lists the narrow sections first. */
static enum section_kind heading_by_word(struct str text)
{
	static const enum section_kind order[] = { SECTION_VOLUNTEER, SECTION_LANGUAGES, SECTION_PUBLICATIONS, SECTION_REFERENCES,
		SECTION_CERTIFICATES, SECTION_AWARDS, SECTION_WORK, SECTION_EDUCATION, SECTION_SKILLS, SECTION_PROJECTS,
		SECTION_INTERESTS, SECTION_SUMMARY, SECTION_CONTACT };
	unsigned named = 0;
	struct str rest = text;

	while (rest.n) {
		struct str word = text_strip(str_cut(&rest, ' '), ":,;.()&/");
		int value = words_find(WORD_HEADING_WORD, word);

		if (value >= 0)
			named |= 1u << value;
	}
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (named & (1u << order[i]))
			return order[i];
	return SECTION_HEADER;
}

static bool may_be_heading(const struct line *l)
{
	return !l->bullet && l->text.n <= HEADING_BYTES_MAX && text_count_words(l->text) <= 2 * HEADING_WORDS_MAX &&
		!memchr(l->text.p, '@', l->text.n);
}

/* A cell with others at its right is the label of a row, unless headings look like that here. */
static bool has_right_neighbour(const struct line_list *lines, size_t i)
{
	return i + 1 < lines->n && same_row(&lines->v[i], &lines->v[i + 1]) && lines->v[i + 1].cell > lines->v[i].cell;
}

/* The style in which most different sections are named, in one column or (-1) in all. Returns how many sections. */
static int find_style(const struct line_list *lines, int column, struct style *best)
{
	struct style_vote votes[STYLES_MAX];
	size_t n = 0, winner = 0;

	for (size_t i = 0; i < lines->n; i++) {
		const struct line *l = &lines->v[i];
		enum section_kind kind = may_be_heading(l) ? heading_of_text(l->text, NULL) : SECTION_HEADER;
		size_t k = 0;

		if (kind == SECTION_HEADER || (column >= 0 && l->doc->column != column))
			continue;
		while (k < n && !style_eq(votes[k].style, style_of(l)))
			k++;
		if (k == STYLES_MAX)
			continue;
		if (k == n)
			votes[n++] = (struct style_vote){ .style = style_of(l) };
		votes[k].kinds |= 1u << kind;
		votes[k].lines++;
	}
	for (size_t k = 1; k < n; k++) {
		int more = __builtin_popcount(votes[k].kinds) - __builtin_popcount(votes[winner].kinds);

		if (more > 0 || (more == 0 && votes[k].style.size > votes[winner].style.size))
			winner = k;
	}
	if (n == 0)
		return 0;
	*best = votes[winner].style;
	return __builtin_popcount(votes[winner].kinds);
}

/* The size, in half points, of most of the text. */
static int find_body_size(const struct line_list *lines)
{
	size_t bytes[SIZES_MAX] = { 0 };
	int best = 0;

	for (size_t i = 0; i < lines->n; i++) {
		int size = style_of(&lines->v[i]).size;

		if (size > 0 && size < SIZES_MAX)
			bytes[size] += lines->v[i].text.n;
	}
	for (int i = 1; i < SIZES_MAX; i++)
		if (bytes[i] > bytes[best])
			best = i;
	return best;
}

/* Whether a line with the words of a heading also looks like one, where `best` is how most headings look. */
static bool looks_right(const struct line_list *lines, size_t i, struct style best)
{
	const struct line *l = &lines->v[i];
	struct style s = style_of(l);

	if (style_eq(s, best))
		return true;
	if (best.heading > 0)
		return s.heading > 0 && s.heading <= best.heading;
	if (has_right_neighbour(lines, i))
		return false;
	if (best.upper && !s.upper)
		return s.size > best.size;
	if (s.size > 0 && best.size > 0)
		return s.size >= best.size - 1 && (s.bold >= best.bold || s.upper > best.upper);
	return s.bold >= best.bold && (l->starts_block || l->text.p[l->text.n - 1] == ':');
}

/* The next lines tell a title from a heading: a time stands beside or below the title of a job. */
static bool is_entry_title(const struct line_list *lines, size_t i)
{
	for (size_t k = i + 1; k < lines->n && k <= i + 3; k++) {
		struct period when;

		if (lines->v[k].bullet || lines->v[k].text.n > 120)
			return false;
		if (period_find(lines->v[k].text, &when))
			return true;
	}
	return false;
}

static bool is_emphatic(struct style s, int body_size)
{
	return s.heading > 0 || s.upper || s.bold || (body_size > 0 && s.size >= body_size + 2);
}

/* Short lines only, until the next line in the heading's style: a group of skills under its own title. */
static bool is_word_list(const struct line_list *lines, size_t i, struct style best)
{
	size_t n = 0;

	for (size_t k = i + 1; k < lines->n && !style_eq(style_of(&lines->v[k]), best); k++, n++) {
		struct period when;

		if (text_count_words(lines->v[k].text) > 4 || lines->v[k].text.n > 40 || memchr(lines->v[k].text.p, '@', lines->v[k].text.n) ||
		    period_find(lines->v[k].text, &when) || lines->v[k].doc->column != lines->v[i].doc->column)
			return false;
	}
	return n >= 2 && n <= 30;
}

/* Lines in the style of headings whose words no table has as a whole. */
static enum section_kind other_heading(const struct line_list *lines, size_t i, struct style best, int body_size, enum section_kind current,
	bool has_skills)
{
	const struct line *l = &lines->v[i];
	enum section_kind kind;

	if (!style_eq(style_of(l), best) || !is_emphatic(best, body_size) || text_count_words(l->text) > HEADING_WORDS_MAX || text_has_digit(l->text) ||
	    current == SECTION_HEADER)
		return SECTION_HEADER;
	if (is_entry_title(lines, i) && current != SECTION_CONTACT && current != SECTION_SUMMARY)
		return SECTION_HEADER;
	kind = heading_by_word(l->text);
	if (kind != SECTION_HEADER)
		return kind;
	if (!has_skills && is_word_list(lines, i, best))
		return SECTION_SKILLS;
	return current == SECTION_SKILLS || current == SECTION_LANGUAGES || current == SECTION_INTERESTS || has_right_neighbour(lines, i) ?
		SECTION_HEADER : SECTION_OTHER;
}

static int most_frequent(const int counts[TEXT_LANGUAGES])
{
	int best = -1;

	for (int i = 0; i < TEXT_LANGUAGES; i++)
		if (counts[i] && (best < 0 || counts[i] > counts[best]))
			best = i;
	return best;
}

static void find_looks(const struct line_list *lines, struct looks *looks)
{
	struct style all = { 0 };

	looks->any = find_style(lines, -1, &all) > 0;
	looks->body_size = find_body_size(lines);
	for (int i = 0; i < COLUMNS_MAX; i++) {
		struct style own = { 0 };

		looks->of_column[i] = find_style(lines, i, &own) >= 2 ? own : all;
	}
}

static struct style look_at(const struct looks *looks, const struct line *l)
{
	return looks->of_column[(unsigned)l->doc->column % COLUMNS_MAX];
}

static bool names_skills(const struct line_list *lines, const struct looks *looks)
{
	for (size_t i = 0; i < lines->n; i++)
		if (may_be_heading(&lines->v[i]) && heading_of_text(lines->v[i].text, NULL) == SECTION_SKILLS &&
		    looks_right(lines, i, look_at(looks, &lines->v[i])))
			return true;
	return false;
}

/* A heading that takes two lines in a narrow column: "Programming", "Languages". */
static enum section_kind heading_of_two(const struct line_list *lines, size_t i, struct style best)
{
	char both[2 * HEADING_BYTES_MAX + 1];
	const struct line *a = &lines->v[i], *b = i + 1 < lines->n ? &lines->v[i + 1] : NULL;
	size_t n = a->text.n;

	if (!b || !may_be_heading(a) || !may_be_heading(b) || !style_eq(style_of(a), best) || !style_eq(style_of(b), best) || b->doc->width <= 0 ||
	    b->doc->column != a->doc->column || b->doc->y - a->doc->y > 2 * a->doc->height || b->doc->page != a->doc->page)
		return SECTION_HEADER;
	memcpy(both, a->text.p, n);
	both[n++] = ' ';
	memcpy(both + n, b->text.p, b->text.n);
	return heading_of_text(str_of(both, n + b->text.n), NULL);
}

/* The section that begins at line i, or SECTION_HEADER. *lines_used: 1, or 2 for a heading of two lines. */
static enum section_kind section_begins(const struct line_list *lines, size_t i, const struct looks *looks, enum section_kind current,
	bool has_skills, int *language, size_t *lines_used)
{
	const struct line *l = &lines->v[i];
	struct style best = look_at(looks, l);
	enum section_kind kind;

	*lines_used = 1;
	*language = -1;
	if (!looks->any || !may_be_heading(l))
		return SECTION_HEADER;
	kind = heading_of_two(lines, i, best);
	if (kind != SECTION_HEADER) {
		*lines_used = 2;
		return kind;
	}
	kind = heading_of_text(l->text, language);
	if (kind == SECTION_HEADER)
		return other_heading(lines, i, best, looks->body_size, current, has_skills);
	return looks_right(lines, i, best) ? kind : SECTION_HEADER;
}

int sections_find(struct line_list *lines, size_t name_line)
{
	enum section_kind current = SECTION_HEADER, of_column[COLUMNS_MAX] = { SECTION_HEADER };
	bool seen[COLUMNS_MAX] = { false }, has_skills;
	int languages[TEXT_LANGUAGES] = { 0 };
	struct looks looks;
	unsigned column = 0;
	size_t used = 0;

	find_looks(lines, &looks);
	has_skills = looks.any && names_skills(lines, &looks);
	for (size_t i = 0; i < lines->n; i++) {
		struct line *l = &lines->v[i];
		unsigned here = (unsigned)l->doc->column % COLUMNS_MAX;
		enum section_kind kind;
		int language;

		if (used == 2) {        /* the second line of a heading */
			l->section = current;
			l->is_heading = true;
			used = 0;
			continue;
		}
		if (here != column) {
			of_column[column] = current;
			if (seen[here])
				current = of_column[here];
			column = here;
		}
		seen[here] = true;
		if (i == name_line)
			current = SECTION_HEADER;
		kind = i == name_line ? SECTION_HEADER : section_begins(lines, i, &looks, current, has_skills, &language, &used);
		if (kind != SECTION_HEADER) {
			current = kind;
			l->is_heading = true;
			if (language >= 0)
				languages[language]++;
		} else {
			used = 0;
		}
		l->section = current;
	}
	return most_frequent(languages);
}
