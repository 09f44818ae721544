/*
 * See parse_education.h. Schools and degrees have words of their own (tables); what is left beside a degree is its
 * subject, what is left alone in a line is the school.
 */
#include "parse_education.h"

#include "parse_place.h"
#include "parse_text.h"

#define HEAD_LINES_MAX 3
#define SCORE_BYTES_MAX 40
#define LABEL_BYTES_MAX 32
#define AREA_WORDS_MAX 5

/* "GPA: 3.8/4.0", "Grade: First Class", "3.8 GPA" */
static bool take_score(struct str s, struct entry *e)
{
	size_t used = 0;
	struct str value = { NULL, 0 }, last = text_last_word(s);
	const char *colon = s.n ? memchr(s.p, ':', s.n < LABEL_BYTES_MAX ? s.n : LABEL_BYTES_MAX) : NULL;

	if (colon && words_find(WORD_SCORE, text_strip(str_of(s.p, (size_t)(colon - s.p)), "")) >= 0)
		value = str_skip(s, (size_t)(colon - s.p) + 1);
	else if (words_find_prefix(WORD_SCORE, s, &used) >= 0 && text_has_digit(str_skip(s, used)) && s.n < SCORE_BYTES_MAX)
		value = str_skip(s, used);
	else if (words_find(WORD_SCORE, last) >= 0 && last.n < s.n && text_has_digit(s) && text_count_words(s) <= 3)
		value = str_of(s.p, s.n - last.n);
	else if (words_find(WORD_HONOUR, s) >= 0)
		value = s;
	value = text_strip(value, ":,;()");
	if (value.n == 0 || value.n > SCORE_BYTES_MAX)
		return false;
	if (!e->score.n)
		e->score = value;
	return true;
}

/* The next part up to a comma outside brackets. */
static struct str next_part(struct str *rest)
{
	int depth = 0;

	for (size_t i = 0; i < rest->n; i++) {
		size_t mark = rest->p[i] == ',' ? 1 : i + 3 <= rest->n && memcmp(rest->p + i, "\xEF\xBC\x8C", 3) == 0 ? 3 : 0;
		struct str part;

		depth += rest->p[i] == '(';
		depth -= rest->p[i] == ')' && depth > 0;
		if (!mark || depth)
			continue;
		part = str_of(rest->p, i);
		*rest = str_skip(*rest, i + mark);
		return text_strip(part, ",;");
	}
	{
		struct str part = text_strip(*rest, ",;");

		*rest = str_of(NULL, 0);
		return part;
	}
}

/* "8.9/10", "1,7", "85%": a number that is no year. */
static bool is_grade_number(struct str s)
{
	size_t digits = 0, marks = 0;

	for (size_t i = 0; i < s.n; i++) {
		digits += text_is_digit((unsigned char)s.p[i]);
		marks += s.p[i] == '.' || s.p[i] == ',' || s.p[i] == '/' || s.p[i] == '%';
		if (!text_is_digit((unsigned char)s.p[i]) && !strchr(".,/% ", s.p[i]))
			return false;
	}
	return s.n <= 12 && digits > 0 && marks > 0;
}

/* "(Second Class Upper)" at the end of a part is a grade; "(FH)" and "(Hons)" belong to the degree. */
static struct str without_grade(struct str s, struct entry *e)
{
	const char *open = s.n ? memrchr(s.p, '(', s.n) : NULL;
	struct str inner;

	if (!open || open == s.p || s.p[s.n - 1] != ')')
		return s;
	inner = text_strip(str_of(open, (size_t)(s.p + s.n - open)), "()");
	if (!take_score(inner, e) && !is_grade_number(inner) && !(text_count_words(inner) >= 2 && words_any(WORD_HONOUR, inner)))
		return s;
	if (!e->score.n)
		e->score = inner;
	return text_strip(str_of(s.p, (size_t)(open - s.p)), ",");
}

static bool is_school(struct str s)
{
	return words_any(WORD_SCHOOL, s);
}

static void add_area(struct arena *a, struct entry *e, struct str s)
{
	if (s.n && e->area.n < 200)
		e->area = arena_join(a, e->area, ", ", s);
}

/* "Laurea magistrale in", "Ausbildung zur": the linking word is no part of the kind. */
static struct str without_link(struct str s)
{
	struct str last = text_last_word(s);

	return last.n < s.n && words_find(WORD_DEGREE_LINK, last) >= 0 ? text_strip(str_of(s.p, s.n - last.n), "") : s;
}

/* Degree at the start of the part: the kind, then perhaps a linking word and the subject. */
static bool take_degree(struct arena *a, struct str s, struct entry *e)
{
	size_t used = 0, link = 0;
	struct str rest;

	if (words_find_prefix(WORD_DEGREE, s, &used) < 0)
		return false;
	rest = text_strip(str_skip(s, used), ":");
	/* "BSc (Hons)", "Diplom-Ingenieur (FH)": a short bracket belongs to the kind. */
	if (rest.n && rest.p[0] == '(') {
		const char *close = memchr(rest.p, ')', rest.n);

		if (close && close - rest.p <= 24) {
			used = (size_t)(close + 1 - s.p);
			rest = text_strip(str_skip(s, used), ":,");
		}
	}
	if (e->position.n && !e->area.n && rest.n == 0) {
		add_area(a, e, s);
		return true;
	}
	if (e->position.n)
		return false;
	e->position = without_link(text_strip(str_of(s.p, used), ":,"));
	if (rest.n && words_find_prefix(WORD_DEGREE_LINK, rest, &link) >= 0 && link < rest.n)
		rest = str_skip(rest, link);
	add_area(a, e, text_strip(rest, ":,"));
	return true;
}

/* A degree written last: "Data Science MSc". */
static bool take_degree_behind(struct arena *a, struct str s, struct entry *e)
{
	struct str last = text_last_word(s);

	if (e->position.n || last.n == s.n || words_find(WORD_DEGREE, text_strip(last, "()")) < 0 || is_school(s))
		return false;
	e->position = text_strip(last, "()");
	add_area(a, e, text_strip(str_of(s.p, (size_t)(last.p - s.p)), ",(:"));
	return true;
}

/* A school's words inside a degree's name do not make it a school: "Diplom-Ingenieur (FH)". */
static bool is_degree_only(struct str s)
{
	size_t used = 0;

	return words_find_prefix(WORD_DEGREE, s, &used) >= 0 && used == s.n;
}

/* What the parts of one fragment are. */
static void take_fragment(struct arena *a, struct str s, struct entry *e, struct str *unknown)
{
	bool degree_here = false;
	size_t tail = place_tail(s);
	struct str rest, open = { NULL, 0 };
	struct place p;

	if (place_parse(s, &p) == 2 && !is_school(s) && words_find(WORD_DEGREE, s) < 0) {
		e->location = e->location.n ? e->location : s;
		return;
	}
	if (tail < s.n) {
		if (!e->location.n)
			e->location = text_strip(str_skip(s, tail), ",");
		s = text_strip(str_of(s.p, tail), ",");
	}
	rest = s;
	while (rest.n) {
		struct str part = without_grade(next_part(&rest), e);

		if (!text_count_letters(part) || take_score(part, e))
			continue;
		if ((!is_school(part) || is_degree_only(part)) && (take_degree(a, part, e) || take_degree_behind(a, part, e)))
			degree_here = true;
		else if (is_school(part) && !e->name.n)
			e->name = part;
		else if (e->name.n && !e->location.n && words_find(WORD_CITY, part) >= 0)
			e->location = part;
		else if (degree_here)
			add_area(a, e, part);
		else if (e->name.n && !e->location.n && text_count_words(part) <= 3 && e->name.p >= s.p && e->name.p < s.p + s.n)
			e->location = part;
		else
			open = arena_join(a, open, ", ", part);
	}
	if (!open.n)
		return;
	if (degree_here && !e->area.n)
		e->area = open;
	else
		*unknown = unknown->n ? *unknown : open;
}

static void take_head(struct arena *a, const struct raw_entry *raw, struct entry *e)
{
	struct str unknown[FRAGMENTS_MAX] = { { NULL, 0 } };
	size_t n = 0;

	for (size_t i = 0; i < raw->n_head; i++) {
		take_fragment(a, raw->head[i].text, e, &unknown[n]);
		n += unknown[n].n > 0;
	}
	for (size_t i = 0; i < n; i++) {
		if (!e->name.n && (e->area.n || n - i > 1 || !e->position.n))
			e->name = unknown[i];
		else if (!e->area.n)
			e->area = unknown[i];
		else if (!e->location.n && text_count_words(unknown[i]) <= 3)
			e->location = unknown[i];
	}
}

/* Grades and courses stand in the body. */
static void take_body(struct arena *a, struct span body, struct entry *e)
{
	bool courses = false;

	for (size_t i = 0; i < body.n; i++) {
		struct str text = body.v[i]->text, value = text;
		const char *colon = memchr(text.p, ':', text.n < LABEL_BYTES_MAX ? text.n : LABEL_BYTES_MAX);
		struct str label = text_strip(colon ? str_of(text.p, (size_t)(colon - text.p)) : text, ":");

		if (words_find(WORD_LABEL, label) == LABEL_ENDS_BODY) {
			courses = true;
			value = colon ? str_skip(text, (size_t)(colon - text.p) + 1) : str_of(NULL, 0);
			while (value.n)
				str_list_add(a, &e->keywords, next_part(&value));
		} else if (take_score(text, e) || (!e->position.n && take_degree(a, text, e))) {
			continue;
		} else if (i == 0 && !body.v[i]->bullet && e->position.n && !e->area.n && text_count_words(text) <= AREA_WORDS_MAX) {
			e->area = text; /* a head longer than most */
		} else if (courses && body.v[i]->bullet) {
			str_list_add(a, &e->keywords, text);
		} else if (body.v[i]->bullet) {
			str_list_add(a, &e->highlights, text);
		} else if (e->summary.n < 4000) {
			e->summary = arena_join(a, e->summary, " ", text);
		}
	}
}

void education_parse(const struct document *doc, struct arena *a, struct span lines, struct entry_list *out)
{
	struct raw_list raw = { NULL, 0, 0 };

	entries_split(a, lines, HEAD_LINES_MAX, &raw);
	for (size_t i = 0; i < raw.n; i++) {
		struct entry *e = raw.v[i].n_head ? entry_list_add(a, out) : NULL;

		if (!e)
			continue;
		take_head(a, &raw.v[i], e);
		when_take(&raw.v[i], true, e);
		e->url = entry_link(doc, &raw.v[i]);
		take_body(a, raw.v[i].body, e);
	}
}
