/* See parse_skills.h. */
#include "parse_skills.h"

#include "parse_text.h"

#define LABEL_BYTES_MAX 60
#define LABEL_WORDS_MAX 6
#define ITEM_BYTES_MAX 120
#define GROUPS_MAX 60

struct str item_next(struct str *rest)
{
	struct str s = *rest;
	int depth = 0;
	size_t at = 0;

	while (at < s.n) {
		size_t next = at;
		uint32_t c = text_next(s, &next);

		depth += c == '(' || c == 0xFF08;
		depth -= (c == ')' || c == 0xFF09) && depth > 0;
		if (depth == 0 && (c == ',' || c == ';' || c == '|' || c == 0xFF0C || c == 0xFF1B || c == 0x060C || c == 0x061B || c == 0x3001 ||
		    c == 0x2022 || c == 0xB7 || c == 0x25CF || c == 0x25AA || c == 0x2219)) {
			*rest = str_skip(s, next);
			return text_strip(str_of(s.p, at), ".,;:");
		}
		at = next;
	}
	*rest = str_of(NULL, 0);
	return text_strip(s, ".,;:");
}

/* "and Excel" at the end of an enumeration. */
static struct str without_and(struct str s)
{
	static const char *const words[] = { "and ", "et ", "und ", "y ", "e ", "ed ", "en ", "oraz ", "& " };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (s.n > strlen(words[i]) + 1 && str_starts(s, str_c(words[i])))
			return str_skip(s, strlen(words[i]));
	return s;
}

/* "Python (expert)", "Excel - advanced": the level is taken off. */
static struct str take_level(struct str s, struct str *level)
{
	const char *open = s.n ? memrchr(s.p, '(', s.n) : NULL;
	struct str inner;

	if (!open || open == s.p || s.p[s.n - 1] != ')')
		return s;
	inner = text_strip(str_of(open, (size_t)(s.p + s.n - open)), "()");
	if (words_find(WORD_FLUENCY, inner) < 0)
		return s;
	*level = inner;
	return text_strip(str_of(s.p, (size_t)(open - s.p)), "");
}

static size_t label_end(struct str s)
{
	for (size_t i = 0; i < s.n && i < LABEL_BYTES_MAX; i++) {
		if (s.p[i] == ':' && (i + 1 >= s.n || s.p[i + 1] == ' ' || (unsigned char)s.p[i + 1] >= 0x80 || i + 1 < s.n))
			return s.p[i + 1 < s.n ? i + 1 : i] == '/' ? SIZE_MAX : i;
		if (i + 3 <= s.n && memcmp(s.p + i, "\xEF\xBC\x9A", 3) == 0)
			return i;
	}
	return SIZE_MAX;
}

struct reader {
	struct arena *a;
	struct skill_list *out;
	struct skill *group;    /* the one that keywords go to; NULL before the first */
};

static void open_group(struct reader *rd, struct str name)
{
	if (rd->out->n < GROUPS_MAX)
		rd->group = skill_list_add(rd->a, rd->out);
	if (rd->group && rd->out->n <= GROUPS_MAX && !rd->group->keywords.n)
		rd->group->name = take_level(name, &rd->group->level);
}

static void add_items(struct reader *rd, struct str text)
{
	if (!rd->group)
		open_group(rd, str_of(NULL, 0));
	while (text.n && rd->group) {
		struct str level = { NULL, 0 }, item = take_level(without_and(item_next(&text)), &level);

		if (item.n && item.n <= ITEM_BYTES_MAX)
			str_list_add(rd->a, &rd->group->keywords, item);
	}
}

static bool has_list_mark(struct str s)
{
	struct str rest = s;

	item_next(&rest);
	return rest.p != NULL;
}

/* A title over a group: in the look of a heading, with plain lines below. */
static bool is_group_title(const struct line_list *lines, size_t i)
{
	const struct line *l = &lines->v[i], *next = i + 1 < lines->n ? &lines->v[i + 1] : NULL;

	if (l->bullet || has_list_mark(l->text) || text_count_words(l->text) > LABEL_WORDS_MAX || !next || next->section != l->section ||
	    next->is_heading)
		return false;
	if (same_row(l, next) && next->cell > l->cell)
		return l->doc->bold && !next->doc->bold;
	if (l->row == 0 && next->row > 0 && i + 2 < lines->n && same_row(next, &lines->v[i + 2]))
		return true;    /* words side by side below */
	return (l->doc->heading && !next->doc->heading) || (l->doc->heading && l->doc->heading < next->doc->heading) ||
		(l->doc->bold && !next->doc->bold) || (!l->bullet && next->bullet) ||
		(l->doc->font_size > next->doc->font_size + 0.8f);
}

/* The label of a table row: "Databases | PostgreSQL, Redis". */
static bool is_row_label(const struct line_list *lines, size_t i)
{
	const struct line *l = &lines->v[i], *next = i + 1 < lines->n ? &lines->v[i + 1] : NULL;

	return next && same_row(l, next) && l->cell == 0 && next->cell == 1 && !has_list_mark(l->text) && has_list_mark(next->text) &&
		text_count_words(l->text) <= LABEL_WORDS_MAX;
}

static bool language_pairs(struct arena *a, struct str text, struct pair_list *out);

static bool is_language_label(struct str label)
{
	int value = words_find(WORD_HEADING, label);

	return value >= 0 && heading_section(value) == SECTION_LANGUAGES;
}

static void read_line(struct reader *rd, const struct line_list *lines, size_t i, struct pair_list *languages)
{
	struct str text = lines->v[i].text, label, value;
	size_t colon = label_end(text);

	if (colon != SIZE_MAX) {
		label = text_strip(str_of(text.p, colon), "*");
		value = text_strip(str_skip(text, colon + (text.p[colon] == ':' ? 1 : 3)), ".");
		if (label.n && value.n && text_count_words(label) <= LABEL_WORDS_MAX) {
			if (languages && is_language_label(label) && language_pairs(rd->a, value, languages))
				return;
			open_group(rd, label);
			add_items(rd, value);
			return;
		}
		if (label.n && !value.n) {
			open_group(rd, label);
			return;
		}
	}
	if (words_find(WORD_FLUENCY, text) >= 0) {
		if (rd->group)
			rd->group->level = text;
		return;
	}
	if (is_row_label(lines, i) || is_group_title(lines, i)) {
		open_group(rd, text);
		return;
	}
	add_items(rd, text);
}

void skills_parse(struct arena *a, const struct line_list *lines, enum section_kind kind, struct skill_list *out, struct pair_list *languages)
{
	struct reader rd = { a, out, NULL };

	for (size_t i = 0; i < lines->n; i++) {
		const struct line *l = &lines->v[i];

		if (l->section != kind)
			continue;
		if (l->is_heading) {
			rd.group = NULL;
			if (heading_of_text(l->text, NULL) == SECTION_HEADER)
				open_group(&rd, text_strip(l->text, ":"));
			continue;
		}
		read_line(&rd, lines, i, languages);
	}
}

/* The name of a language at the start of an item; what follows is how well it is known. */
static bool take_language(struct str item, struct str *name, struct str *fluency)
{
	size_t used = 0;
	const char *bracket = memchr(item.p, '(', item.n);
	struct str word;

	if (words_find_prefix(WORD_LANGUAGE, item, &used) >= 0) {
		*name = text_strip(str_of(item.p, used), ":,(");
		*fluency = text_strip(str_skip(item, used), ":,.()[]=|");
		/* "(Native) speaker": brackets inside stay, a lone one goes. */
		if (memchr(fluency->p ? fluency->p : "", '(', fluency->n) && !memchr(fluency->p, ')', fluency->n))
			fluency->n++;
		return true;
	}
	/* "Native English", "Fluent in Spanish" */
	word = text_strip(text_last_word(item), "()");
	if (word.n < item.n && !bracket && words_find(WORD_LANGUAGE, word) >= 0 && text_count_words(item) <= 4 &&
	    words_find_prefix(WORD_FLUENCY, item, &used) >= 0) {
		*name = word;
		*fluency = text_strip(str_of(item.p, used), ":");
		return true;
	}
	return false;
}

static bool known_language(const struct pair_list *out, struct str name)
{
	for (size_t i = 0; i < out->n; i++)
		if (str_eq_nocase(out->v[i].name, name))
			return true;
	return false;
}

/* One item; levels without a language go to the first language that lacks one (names above, levels below). */
static bool add_language(struct arena *a, struct str item, struct pair_list *out)
{
	struct str name, fluency;
	size_t colon;

	if (item.n == 0 || item.n > ITEM_BYTES_MAX)
		return false;
	if (take_language(item, &name, &fluency)) {
		if (!known_language(out, name))
			pair_list_add(a, out, name, fluency, str_of(NULL, 0));
		return true;
	}
	colon = label_end(item);
	if (colon != SIZE_MAX && words_find(WORD_FLUENCY, str_skip(item, colon + 1)) >= 0) {
		pair_list_add(a, out, text_strip(str_of(item.p, colon), ""), text_strip(str_skip(item, colon + 1), ":."), str_of(NULL, 0));
		return true;
	}
	if (words_find(WORD_FLUENCY, text_strip(item, "()")) < 0 && text_count_words(item) > 4)
		return false;
	for (size_t i = 0; i < out->n; i++)
		if (!out->v[i].value.n) {
			out->v[i].value = text_strip(item, "()");
			return true;
		}
	return false;
}

/* "English (C1), French" has several; "Spanish: fluent, business" has one: a comma parts only before a language. */
static bool language_pairs(struct arena *a, struct str text, struct pair_list *out)
{
	struct str rest = text, item = { NULL, 0 };
	bool any = false;

	while (rest.n || item.n) {
		struct str next = rest.n ? without_and(item_next(&rest)) : str_of(NULL, 0), name, fluency;

		if (next.n && item.n && !take_language(next, &name, &fluency) && label_end(next) == SIZE_MAX) {
			item.n = (size_t)(next.p + next.n - item.p);
			if (item.p[item.n - 1] != ')' && next.p + next.n < text.p + text.n && next.p[next.n] == ')')
				item.n++;
			continue;
		}
		if (item.n)
			any |= add_language(a, item, out);
		item = next;
	}
	return any;
}

void languages_parse(struct arena *a, const struct line_list *lines, struct pair_list *out)
{
	for (size_t i = 0; i < lines->n; i++)
		if (lines->v[i].section == SECTION_LANGUAGES && !lines->v[i].is_heading)
			language_pairs(a, lines->v[i].text, out);
}
