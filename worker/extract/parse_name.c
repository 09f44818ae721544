/*
 * See parse_name.h. Every early line gets points for what names have (place, size, capitals, likeness to the e-mail
 * address) and loses them for what other lines have; too few points give no name rather than a wrong one.
 */
#include "parse_name.h"

#include "parse_contact.h"
#include "parse_place.h"
#include "parse_text.h"

#define NAME_BYTES_MAX 80
#define NAME_WORDS_MAX 6
#define LINES_LOOKED_AT 300
#define LABEL_WORDS_MAX 8
#define HEADER_LINES_MAX 14
#define LABEL_ABOVE_MAX 3
#define NAME_LINE_MAX 20        /* a name in two lines stands this early */
#define NAME_LINE_HEIGHT 1.7f   /* and they are no further apart, in heights */
#define SURE_POINTS 12.0f
#define POINTS_MIN 5

struct look {
	float largest;          /* font size of the document */
	struct str email;
};

static bool has_case(struct str s)
{
	size_t at = 0;

	while (at < s.n) {
		uint32_t c = text_next(s, &at);

		if (text_is_upper(c) || text_is_lower(c))
			return true;
	}
	return false;
}

/* Words of a name begin with capitals, but for the small ones: "van", "de", "bin". */
static bool words_capitalised(struct str s)
{
	size_t capital = 0, words = 0;

	while (s.n) {
		struct str word = text_strip(str_cut(&s, ' '), "('\"");
		size_t at = 0;
		uint32_t c;

		if (word.n == 0)
			continue;
		c = text_next(word, &at);
		words++;
		capital += !text_is_lower(c);
		if (text_is_lower(c) && word.n > 4 && word.p[1] != '\'')
			return false;
	}
	return words > 0 && capital * 2 >= words;
}

/* A word of the name in the address: "hart" in amelia.hart@…, or in its domain. */
static int likeness(struct str name, struct str email)
{
	char folded_name[NAME_BYTES_MAX * 2], folded_email[256];
	struct str rest = text_folded(name, folded_name, sizeof(folded_name));
	struct str address = text_folded(email, folded_email, sizeof(folded_email));
	int hits = 0;

	while (rest.n && address.n) {
		struct str word = text_strip(str_cut(&rest, ' '), ".,'");

		while (word.n) {
			struct str part = str_cut(&word, '-');

			hits += part.n >= 3 && text_find(address, part) != SIZE_MAX;
		}
	}
	return hits;
}

/* Academic titles and degrees after a comma do not belong to the name. */
static struct str without_suffix(struct str s)
{
	struct str rest = s, head = str_cut(&rest, ',');
	size_t used = 0;

	if (rest.n && (words_find(WORD_DEGREE, str_trim(rest)) >= 0 || words_find_prefix(WORD_DEGREE, str_trim(rest), &used) >= 0 ||
	    text_all_upper(rest)))
		return str_trim(head);
	return s;
}

/* "Resume of Jane Doe", "Lebenslauf Jane Doe": the name without the document's title. */
static struct str without_title(struct str s)
{
	size_t used = 0;

	if (words_find_prefix(WORD_DOC_TITLE, s, &used) >= 0 && used < s.n)
		return text_strip(str_skip(s, used), ":,|");
	return s;
}

static bool may_be_name(struct str s)
{
	size_t words = text_count_words(s);

	return s.n >= 3 && s.n <= NAME_BYTES_MAX && words <= NAME_WORDS_MAX && !text_has_digit(s) && !memchr(s.p, '@', s.n) &&
		!memchr(s.p, ':', s.n) && !memchr(s.p, '/', s.n) && !memchr(s.p, '&', s.n) && !memchr(s.p, '=', s.n) &&
		text_count_letters(s) * 3 > s.n / 2 && words_find(WORD_DOC_TITLE, s) < 0 && heading_of_text(s, NULL) == SECTION_HEADER &&
		words_find(WORD_LABEL, s) < 0 && words_find(WORD_COUNTRY, s) < 0 && words_find(WORD_LANGUAGE, s) < 0 && words_find(WORD_PRESENT, s) < 0;
}

static int count_words_points(struct str s)
{
	size_t words = text_count_words(s);

	if (!has_case(s))
		return words <= 4 && s.n >= 6 && s.n <= 40 ? 2 : -1;
	if (words == 1)
		return -2;
	return words <= 4 ? 2 : 0;
}

static int points_of(const struct line_list *lines, size_t i, struct str s, const struct look *look)
{
	const struct line *l = &lines->v[i];
	struct place p;
	int points = count_words_points(s);

	points += i == 0 ? 4 : i < 3 ? 3 : i < 8 ? 2 : i < 20 ? 1 : 0;
	points += l->doc->font_size > 0 && l->doc->font_size >= look->largest - 0.3f ? 4 : 0;
	points += l->doc->heading == 1 ? 3 : 0;
	points += words_capitalised(s) ? 1 : -3;
	points += likeness(s, look->email) ? 3 : 0;
	points += likeness(s, look->email) > 1 ? 2 : 0;
	points -= words_any(WORD_TITLE, s) ? 4 : 0;
	points -= words_any(WORD_ORG, s) || words_any(WORD_SCHOOL, s) ? 3 : 0;
	points -= place_parse(s, &p) == 2 ? 5 : 0;
	points -= l->bullet ? 4 : 0;
	points -= s.p[s.n - 1] == '.' && text_count_words(s) > 3 ? 3 : 0;
	return points;
}

static bool label_is_name(const struct line_list *lines, size_t i)
{
	return i > 0 && words_find(WORD_LABEL, text_strip(lines->v[i - 1].text, ":")) == LABEL_NAME &&
		(same_row(&lines->v[i - 1], &lines->v[i]) || lines->v[i - 1].text.p[lines->v[i - 1].text.n - 1] == ':');
}

/* The part of the line that may be the name; *after: what stands behind a separator in the same line. */
static struct str candidate(const struct line *l, bool *labelled, struct str *after)
{
	struct str rest = l->text, s, value;

	if (label_take(rest, &value) == LABEL_NAME && value.n)
		rest = value, *labelled = true;
	s = text_segment(&rest, true);
	*after = rest.p ? text_strip(rest, ",|") : str_of(NULL, 0);
	s = without_title(text_strip(s, "*#_\"=,"));
	return without_suffix(s);
}

/* What stands below a heading, by the words of the headings alone: what it says here is final only for referees. */
static enum section_kind section_after(enum section_kind before, const struct line *l)
{
	enum section_kind kind = l->bullet ? SECTION_HEADER : heading_of_text(l->text, NULL);

	return kind == SECTION_HEADER ? before : kind;
}

struct str name_email(const struct line_list *lines)
{
	enum section_kind section = SECTION_HEADER;
	struct str email = { NULL, 0 };

	for (size_t i = 0; i < lines->n && !email.n; i++) {
		section = section_after(section, &lines->v[i]);
		if (section != SECTION_REFERENCES)
			email = email_find(lines->v[i].text);
	}
	return email;
}

static float largest_size(const struct line_list *lines)
{
	float largest = 0;

	for (size_t i = 0; i < lines->n && i < LINES_LOOKED_AT; i++)
		if (lines->v[i].doc->font_size > largest && words_find(WORD_DOC_TITLE, lines->v[i].text) < 0)
			largest = lines->v[i].doc->font_size;
	return largest;
}

static bool may_be_half_a_name(const struct line *l, float size)
{
	return l->doc->width > 0 && l->doc->font_size >= size - 0.1f && may_be_name(l->text) && words_capitalised(l->text) && !words_any(WORD_TITLE, l->text);
}

void name_join(struct arena *a, struct line_list *lines)
{
	float largest = largest_size(lines);

	for (size_t i = 0; i + 1 < lines->n && i < NAME_LINE_MAX; i++) {
		struct line *l = &lines->v[i], *next = l + 1;

		if (!may_be_half_a_name(l, largest) || !may_be_half_a_name(next, largest) || l->doc->column != next->doc->column || l->row != next->row ||
		    l->doc->page != next->doc->page || next->doc->y < l->doc->y || next->doc->y - l->doc->y > NAME_LINE_HEIGHT * l->doc->height ||
		    text_count_words(l->text) + text_count_words(next->text) > NAME_WORDS_MAX - 1)
			continue;
		l->text = arena_join(a, l->text, " ", next->text);
		l->last_doc = next->last_doc;
		memmove(next, next + 1, (size_t)(lines->v + lines->n - next - 1) * sizeof(*next));
		lines->n--;
		return;
	}
}

size_t name_find(const struct line_list *lines, struct str email, struct resume *r)
{
	struct look look = { .largest = largest_size(lines), .email = email };
	enum section_kind section = SECTION_HEADER;
	size_t best = SIZE_MAX, n = lines->n < LINES_LOOKED_AT ? lines->n : LINES_LOOKED_AT;
	int best_points = POINTS_MIN - 1;

	for (size_t i = 0; i < n; i++) {
		bool labelled = label_is_name(lines, i);
		struct str after, s = candidate(&lines->v[i], &labelled, &after);
		int points;

		section = section_after(section, &lines->v[i]);
		if (section == SECTION_REFERENCES || !may_be_name(s))
			continue;
		points = points_of(lines, i, s, &look) + (labelled ? 8 : 0);
		points -= section == SECTION_WORK || section == SECTION_EDUCATION || section == SECTION_PROJECTS ? 2 : 0;
		if (points <= best_points)
			continue;
		best = i;
		best_points = points;
		r->name = s;
		r->label = words_any(WORD_TITLE, after) && !contact_has(after) && text_count_words(after) <= LABEL_WORDS_MAX ? after : str_of(NULL, 0);
	}
	r->name_confidence = best == SIZE_MAX ? 0 : best_points >= SURE_POINTS ? 1 : (float)best_points / SURE_POINTS;
	return best;
}

static bool may_be_label(const struct line *l)
{
	struct place p;
	struct period when;

	return l->text.n >= 3 && l->text.n <= 90 && !text_has_digit(l->text) && text_count_words(l->text) <= LABEL_WORDS_MAX && !l->bullet && !contact_has(l->text) &&
		place_parse(l->text, &p) == 0 && l->text.p[l->text.n - 1] != '.' && words_find(WORD_DOC_TITLE, l->text) < 0 &&
		words_find(WORD_LABEL, l->text) < 0 && !period_find(l->text, &when) && words_find(WORD_COUNTRY, l->text) < 0;
}

/* Templates that print the title as the first line of the summary. */
static struct str label_in_summary(const struct line_list *lines)
{
	for (size_t i = 0; i + 1 < lines->n; i++) {
		const struct line *l = &lines->v[i];

		if (l->section != SECTION_SUMMARY || l->is_heading)
			continue;
		if (may_be_label(l) && words_any(WORD_TITLE, l->text) && lines->v[i + 1].section == SECTION_SUMMARY && text_count_words(l->text) <= 6)
			return l->text;
		break;
	}
	return str_of(NULL, 0);
}

void label_find(const struct line_list *lines, size_t name_line, struct resume *r)
{
	struct str second = { NULL, 0 };

	for (size_t i = 0; i < lines->n && !r->label.n; i++) {
		struct str value;

		if ((lines->v[i].section == SECTION_HEADER || lines->v[i].section == SECTION_CONTACT) &&
		    label_take(lines->v[i].text, &value) == LABEL_TITLE && value.n <= 90)
			r->label = value;
	}
	for (size_t i = name_line + 1; name_line != SIZE_MAX && i < lines->n && i <= name_line + 3 && !r->label.n; i++) {
		const struct line *l = &lines->v[i];
		struct str rest = l->text, first;

		if (l->section != SECTION_HEADER)
			break;
		first = text_segment(&rest, false);
		if (!may_be_label(l) && !(rest.p && words_any(WORD_TITLE, first) && !contact_has(first)))
			continue;
		if (words_any(WORD_TITLE, first))
			r->label = first;
		else if (!second.n && i == name_line + 1 && text_count_words(l->text) <= 6)
			second = l->text;
	}
	/* Above the name, as in files that keep the name in the page's head. */
	for (size_t i = 0; name_line != SIZE_MAX && i < name_line && i < LABEL_ABOVE_MAX && !r->label.n; i++)
		if (lines->v[i].section == SECTION_HEADER && may_be_label(&lines->v[i]) && words_any(WORD_TITLE, lines->v[i].text))
			r->label = lines->v[i].text;
	/* Below the contact data, when it has the words of one. */
	for (size_t i = name_line; name_line != SIZE_MAX && i < lines->n && i <= name_line + HEADER_LINES_MAX && !r->label.n; i++)
		if (i != name_line && lines->v[i].section == SECTION_HEADER && may_be_label(&lines->v[i]) && words_any(WORD_TITLE, lines->v[i].text))
			r->label = lines->v[i].text;
	if (!r->label.n)
		r->label = label_in_summary(lines);
	if (!r->label.n)
		r->label = second;
}
