/* See parse_lists.h. */
#include "parse_lists.h"

#include "parse_contact.h"
#include "parse_skills.h"
#include "parse_text.h"

#define HEAD_LINES_MAX 1         /* of a project */
#define TITLE_LINES_MAX 2        /* of a certificate or award */
#define LABEL_BYTES_MAX 40
#define DESCRIPTION_WORDS_MIN 4

/* Who gave it: "Awarded by the city" without the words in front. */
static struct str issuer_name(struct str s)
{
	size_t used = 0;

	if (words_find_prefix(WORD_HIDDEN_ISSUER, s, &used) >= 0 && used < s.n)
		s = str_skip(s, used);
	return text_strip(s, ":,()");
}

static bool names_issuer(struct str s)
{
	size_t used = 0;

	return words_find_prefix(WORD_HIDDEN_ISSUER, s, &used) >= 0 && used < s.n && used > 2;
}

static void split_title(struct str s, struct entry *e)
{
	struct str rest = s, title = item_next(&rest), more = text_strip(rest, ",;");

	e->name = e->name.n ? e->name : title;
	if (more.n && !e->area.n)
		e->area = issuer_name(more);
}

/* Some templates print who gave it above what it is. */
static void put_title_first(struct raw_entry *raw)
{
	struct fragment first = raw->head[0];

	if (raw->n_head < 2 || !words_any(WORD_SCHOOL, first.text) || words_any(WORD_SCHOOL, raw->head[1].text) || names_issuer(raw->head[1].text))
		return;
	raw->head[0] = raw->head[1];
	raw->head[1] = first;
}

void titles_parse(const struct document *doc, struct arena *a, struct span lines, struct entry_list *out)
{
	struct raw_list raw = { NULL, 0, 0 };

	if (entries_are_lines(lines))
		entries_by_line(a, lines, &raw);
	else
		entries_split(a, lines, TITLE_LINES_MAX, &raw);
	for (size_t i = 0; i < raw.n; i++) {
		struct entry *e;

		if (!raw.v[i].n_head)
			continue;
		/* A line that says only who gave it, or only when, belongs to the title above. */
		if (out->n && !out->v[out->n - 1].area.n && names_issuer(raw.v[i].head[0].text)) {
			out->v[out->n - 1].area = issuer_name(raw.v[i].head[0].text);
			continue;
		}
		e = entry_list_add(a, out);
		if (!e)
			return;
		put_title_first(&raw.v[i]);
		split_title(raw.v[i].head[0].text, e);
		for (size_t k = 1; k < raw.v[i].n_head && !e->area.n; k++)
			e->area = issuer_name(raw.v[i].head[k].text);
		when_take(&raw.v[i], false, e);
		e->url = entry_link(doc, &raw.v[i]);
		body_take(a, raw.v[i].body, e);
	}
}

/* An address in the description is the project's. */
static void take_url(struct str *text, struct entry *e)
{
	size_t at = text_find(*text, STR("http"));
	size_t end = at;

	if (at == SIZE_MAX)
		return;
	while (end < text->n && text->p[end] != ' ' && text->p[end] != ')' && text->p[end] != ',')
		end++;
	if (!e->url.n)
		e->url = str_of(text->p + at, end - at);
	if (end == text->n)
		*text = text_strip(str_of(text->p, at), ",:;(");
}

/* "tinyqueue: a queue in C" in every line: one project a line. */
static bool all_labelled(struct span lines)
{
	for (size_t i = 0; i < lines.n; i++)
		if (!memchr(lines.v[i]->text.p, ':', lines.v[i]->text.n < LABEL_BYTES_MAX ? lines.v[i]->text.n : LABEL_BYTES_MAX))
			return false;
	return true;
}

void projects_parse(const struct document *doc, struct arena *a, struct span lines, struct entry_list *out)
{
	struct raw_list raw = { NULL, 0, 0 };

	if (all_labelled(lines))
		entries_by_line(a, lines, &raw);
	else
		entries_split(a, lines, HEAD_LINES_MAX, &raw);
	for (size_t i = 0; i < raw.n; i++) {
		struct entry *e = raw.v[i].n_head ? entry_list_add(a, out) : NULL;
		struct str first, rest;

		if (!e)
			continue;
		first = rest = raw.v[i].head[0].text;
		e->name = first;
		/* "Contributor, HackMyResume" and "tinyqueue: a queue in C" */
		if (memchr(first.p, ':', first.n)) {
			e->name = text_strip(str_cut(&rest, ':'), "");
			e->summary = text_strip(rest, "");
		} else if (text_count_words(first) <= 8) {
			struct str left = item_next(&rest), right = text_strip(rest, ",");

			e->name = right.n && words_any(WORD_TITLE, left) && !words_any(WORD_TITLE, right) ? right : right.n && words_any(WORD_TITLE, right) ? left : first;
		}
		for (size_t k = 1; k < raw.v[i].n_head && !e->summary.n; k++)
			if (text_count_words(raw.v[i].head[k].text) >= DESCRIPTION_WORDS_MIN)
				e->summary = raw.v[i].head[k].text;
		when_take(&raw.v[i], false, e);
		e->url = entry_link(doc, &raw.v[i]);
		take_url(&e->summary, e);
		take_url(&e->name, e);
		body_take(a, raw.v[i].body, e);
		if (!e->summary.n && e->highlights.n == 1) {
			e->summary = e->highlights.v[0];
			e->highlights.n = 0;
		}
		take_url(&e->summary, e);
	}
}

/* The title of a publication stands between quotation marks, where there are any. */
static struct str quoted(struct str s)
{
	static const char *const pairs[][2] = { { "\xE2\x80\x9C", "\xE2\x80\x9D" }, { "\xE2\x80\x9E", "\xE2\x80\x9C" }, { "\xC2\xAB", "\xC2\xBB" },
		{ "\"", "\"" }, { "\xE3\x80\x8A", "\xE3\x80\x8B" } };

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		size_t from = text_find(s, str_c(pairs[i][0])), to;

		if (from == SIZE_MAX)
			continue;
		from += strlen(pairs[i][0]);
		to = text_find(str_skip(s, from), str_c(pairs[i][1]));
		if (to != SIZE_MAX && to > 3)
			return text_strip(str_of(s.p + from, to), ",.");
	}
	return str_of(NULL, 0);
}

void publications_parse(const struct document *doc, struct arena *a, struct span lines, struct entry_list *out)
{
	for (size_t i = 0; i < lines.n; i++) {
		const struct line *l = lines.v[i];
		struct str title = quoted(l->text);
		struct entry *e;
		struct raw_entry raw = { .first = l };

		if (text_count_words(l->text) < 3 && !l->bullet)
			continue;
		e = entry_list_add(a, out);
		if (!e)
			return;
		e->name = title.n ? title : text_strip(l->text, "");
		raw.has_when = period_find(l->text, &raw.when);
		if (raw.has_when && !title.n) {
			struct str before, after;

			period_around(l->text, &raw.when, &before, &after);
			e->name = before.n ? before : after;
		}
		when_take(&raw, false, e);
		e->url = entry_link(doc, &raw);
	}
}

void references_parse(struct arena *a, struct span lines, struct entry_list *out)
{
	struct entry *e = NULL;

	for (size_t i = 0; i < lines.n; i++) {
		const struct line *l = lines.v[i];

		if (contact_has(l->text))
			continue;
		if (!e || (l->starts_block && text_count_words(l->text) <= 5)) {
			/* "Available on request" names nobody. */
			if (text_count_words(l->text) > 5 || lines.n < 2)
				continue;
			e = entry_list_add(a, out);
			if (!e)
				return;
			e->name = l->text;
		} else if (e->summary.n < 4000) {
			e->summary = arena_join(a, e->summary, " ", l->text);
		}
	}
}
