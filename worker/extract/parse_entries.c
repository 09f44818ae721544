/*
 * See parse_entries.h. The times are the anchors. How many lines of an entry stand before its time is the same all over
 * a section, so it is counted where it is plain (the first entry, and after list items) and used for the rest.
 */
#include "parse_entries.h"

#include "parse_contact.h"
#include "parse_text.h"
#include "parse_url.h"

#define HEAD_BYTES_MAX 200
#define HEAD_WORDS_MAX 14
#define TITLE_WORDS_MAX 9
#define LINES_BEFORE_MAX 4
#define ENTRIES_MAX 400
#define TAGS_MIN 3
#define TAG_WORDS_MAX 3

struct anchor {
	size_t line;            /* index of the line with the time */
	size_t head;            /* first line of its table row, else the same */
	struct period when;
};

struct span span_of_section(struct arena *a, const struct line_list *lines, enum section_kind kind)
{
	struct span s = { NULL, 0 };
	size_t n = 0;

	for (size_t i = 0; i < lines->n; i++)
		n += lines->v[i].section == kind && !lines->v[i].is_heading;
	s.v = n ? arena_take(a, n * sizeof(*s.v)) : NULL;
	for (size_t i = 0; s.v && i < lines->n; i++)
		if (lines->v[i].section == kind && !lines->v[i].is_heading)
			s.v[s.n++] = &lines->v[i];
	return s;
}

static bool ends_sentence(struct str s)
{
	struct str last = text_last_word(s);

	/* "… Pvt. Ltd.", "… Sp. z o.o." */
	if (words_find(WORD_LEGAL, last) >= 0 || (last.n > 3 && memchr(last.p, '.', last.n - 1)))
		return false;
	return s.n > 0 && (s.p[s.n - 1] == '.' || (s.n > 2 && memcmp(s.p + s.n - 3, "\xE3\x80\x82", 3) == 0)) && text_count_words(s) > 5;
}

/* "national finalists in 2018": the year is part of what is told. */
static bool tells_when(struct str before)
{
	static const char *const small[] = { "in", "en", "im", "nel", "em", "w", "since", "of" };
	struct str last = text_last_word(before);

	for (size_t i = 0; i < sizeof(small) / sizeof(small[0]); i++)
		if (str_eq(last, str_c(small[i])))
			return text_count_words(before) >= 4;
	return false;
}

/* Whether the time in this line is that of an entry, not a year in a sentence. */
static bool anchor_of(const struct line *l, bool bullets_too, struct period *when)
{
	struct str before, after;
	size_t words;

	if ((l->bullet && !bullets_too) || l->text.n > HEAD_BYTES_MAX || !period_find(l->text, when))
		return false;
	period_around(l->text, when, &before, &after);
	words = text_count_words(before) + text_count_words(after);
	if (words > HEAD_WORDS_MAX || (ends_sentence(l->text) && after.n))
		return false;
	if (when->is_range)
		return words <= 10 || before.n == 0 || after.n == 0 || l->text.p[when->from] == '(';
	return words <= 9 && !ends_sentence(l->text) && !tells_when(before) && (before.n == 0 || after.n == 0 || l->text.p[when->from] == '(');
}

static bool is_head_like(const struct line *l)
{
	struct str value;

	if (l->bullet || l->text.n > HEAD_BYTES_MAX || ends_sentence(l->text) || text_count_words(l->text) > HEAD_WORDS_MAX)
		return false;
	value = text_strip(l->text, ":");
	return words_find(WORD_LABEL, value) != LABEL_ENDS_BODY;
}

static size_t row_start(struct span lines, size_t i)
{
	while (i > 0 && same_row(lines.v[i - 1], lines.v[i]))
		i--;
	return i;
}

static size_t row_end(struct span lines, size_t i)
{
	while (i + 1 < lines.n && same_row(lines.v[i + 1], lines.v[i]))
		i++;
	return i + 1;
}

static size_t find_anchors(struct arena *a, struct span lines, bool bullets_too, struct anchor **out)
{
	size_t n = 0;

	*out = arena_take(a, (lines.n ? lines.n : 1) * sizeof(**out));
	for (size_t i = 0; *out && i < lines.n && n < ENTRIES_MAX; i++) {
		struct anchor an = { .line = i, .head = row_start(lines, i) };

		if (!anchor_of(lines.v[i], bullets_too, &an.when))
			continue;
		/* Two times in one row, or the same table row: the first counts. */
		if (n && an.head <= (*out)[n - 1].line)
			continue;
		(*out)[n++] = an;
	}
	return n;
}

/* Lines directly before `head`, not before `from`, that may belong to a heading. */
static size_t heads_before(struct span lines, size_t head, size_t from)
{
	size_t n = 0;

	while (n < LINES_BEFORE_MAX && head - n > from && is_head_like(lines.v[head - n - 1]))
		n++;
	return n;
}

static bool bullet_between(struct span lines, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (lines.v[i]->bullet || ends_sentence(lines.v[i]->text))
			return true;
	return false;
}

/* How many lines stand before the time in most entries. */
static size_t usual_before(struct span lines, const struct anchor *anchors, size_t n)
{
	size_t votes[LINES_BEFORE_MAX + 1] = { 0 }, first = heads_before(lines, anchors[0].head, 0), best = first;

	votes[first] += 1;
	for (size_t i = 1; i < n; i++)
		if (bullet_between(lines, anchors[i - 1].line + 1, anchors[i].head))
			votes[heads_before(lines, anchors[i].head, anchors[i - 1].line + 1)]++;
	for (size_t k = 0; k <= LINES_BEFORE_MAX; k++)
		if (votes[k] > votes[best])
			best = k;
	return best;
}

static bool same_look(const struct line *a, const struct line *b)
{
	float d = a->doc->font_size - b->doc->font_size;

	return a->doc->bold == b->doc->bold && a->doc->heading == b->doc->heading && a->doc->italic == b->doc->italic && d < 0.6f && d > -0.6f;
}

/* Of the lines before the time, the head begins at the one that looks like the first line of the section, where that
 * has a look of its own; else `usual` lines before. */
static size_t start_before(struct span lines, const struct anchor *an, size_t from, size_t usual)
{
	size_t own = heads_before(lines, an->head, from), n = own < usual ? own : usual;

	for (size_t k = own; k > 0; k--)
		if (same_look(lines.v[an->head - k], lines.v[0]) && !same_look(lines.v[0], lines.v[an->line]) && lines.v[0]->row == lines.v[an->head - k]->row)
			return an->head - k;
	return an->head - n;
}

static void add_fragment(struct raw_entry *e, struct str text, const struct line *l)
{
	struct str value;
	int label = label_take(text, &value);
	const char *colon;

	text = text_strip(label == LABEL_ADDRESS ? value : text, ",;:|");
	if (url_is_bare(text)) {
		e->url = text;
		return;
	}
	/* "Date: Month 20XX": a time that could not be read is no part of the head. */
	colon = text.n ? memchr(text.p, ':', text.n) : NULL;
	if (colon && words_find(WORD_SINCE, text_strip(str_of(text.p, (size_t)(colon - text.p)), "")) >= 0)
		return;
	if (text.n && words_find(WORD_PRESENT, text) < 0 && e->n_head < FRAGMENTS_MAX)
		e->head[e->n_head++] = (struct fragment){ text, l };
}

static void add_fragments(struct raw_entry *e, struct str text, const struct line *l)
{
	while (text.p) {
		struct str part = text_segment(&text, true);

		add_fragment(e, part, l);
	}
}

static void add_head_line(struct raw_entry *e, const struct line *l, const struct period *when)
{
	struct str before = l->text, after = { NULL, 0 };

	if (when)
		period_around(l->text, when, &before, &after);
	add_fragments(e, before, l);
	add_fragments(e, after, l);
}

/* After the time the head goes on with at most `more` short lines; the body begins at the first list item or sentence. */
static size_t head_end(struct span lines, size_t from, size_t end, size_t more)
{
	size_t i = from;

	while (i < end && i < from + more && is_head_like(lines.v[i]) && text_count_words(lines.v[i]->text) <= TITLE_WORDS_MAX)
		i++;
	return i;
}

static struct raw_entry *add_raw(struct arena *a, struct raw_list *out)
{
	if (out->n == out->cap) {
		size_t more = out->cap ? out->cap * 2 : 8;
		struct raw_entry *v = out->n < ENTRIES_MAX ? arena_take(a, more * sizeof(*v)) : NULL;

		if (!v)
			return NULL;
		if (out->n)
			memcpy(v, out->v, out->n * sizeof(*v));
		out->v = v;
		out->cap = more;
	}
	memset(&out->v[out->n], 0, sizeof(out->v[0]));
	return &out->v[out->n++];
}

/* Where the head of the entry ends: `most` lines of it besides the time. */
static size_t find_body(struct span lines, size_t start, size_t end, const struct anchor *an, size_t most)
{
	size_t fixed = an ? an->line + 1 : start + 1, before = an ? an->head - start : 1, row = row_end(lines, fixed - 1), body;
	size_t more = before < most ? most - before : 0;

	if (an && lines.v[an->line]->text.n > an->when.to - an->when.from + 3 && more)
		more--; /* the line of the time says something else, too */
	if (row <= fixed)
		return head_end(lines, fixed, end, more);
	/* In a table the other cells of the row hold the head and the body; a tabbed line has but one more part. */
	body = head_end(lines, fixed, row, row - fixed > most ? most : row - fixed);
	if (body == row && row < end && row - fixed <= 2)
		body = head_end(lines, body, end, most > row - start - 1 ? most - (row - start - 1) : 0);
	return body;
}

static void build_entry(struct arena *a, struct span lines, size_t start, size_t end, const struct anchor *an, size_t most, struct raw_list *out)
{
	struct raw_entry *e = start < end ? add_raw(a, out) : NULL;
	size_t body;

	if (!e)
		return;
	e->first = lines.v[start];
	body = find_body(lines, start, end, an, most);
	if (body > end)
		body = end;
	if (an) {
		e->when = an->when;
		e->has_when = true;
	}
	for (size_t i = start; i < body; i++)
		add_head_line(e, lines.v[i], an && i == an->line ? &an->when : NULL);
	e->body = (struct span){ lines.v + body, end - body };
}

/* Without times: a new entry begins at each title after list items, sentences or white space. */
static void split_without_times(struct arena *a, struct span lines, size_t most, struct raw_list *out)
{
	size_t start = 0;

	for (size_t i = 1; i <= lines.n; i++) {
		bool begins = i == lines.n;

		if (!begins && i > start + 1 && is_head_like(lines.v[i]) && !same_row(lines.v[i - 1], lines.v[i]))
			begins = lines.v[i - 1]->bullet || ends_sentence(lines.v[i - 1]->text) ||
				(lines.v[i]->starts_block && (lines.v[i]->doc->bold || lines.v[i]->doc->heading) &&
				 !(lines.v[i - 1]->doc->bold || lines.v[i - 1]->doc->heading));
		if (begins) {
			build_entry(a, lines, start, i, NULL, most, out);
			start = i;
		}
	}
}

void entries_split(struct arena *a, struct span lines, size_t most, struct raw_list *out)
{
	struct anchor *anchors;
	size_t n = find_anchors(a, lines, false, &anchors), before, start = 0;

	if (n == 0)
		n = find_anchors(a, lines, true, &anchors);
	if (lines.n == 0 || !anchors)
		return;
	if (n == 0) {
		split_without_times(a, lines, most, out);
		return;
	}
	before = usual_before(lines, anchors, n);
	start = anchors[0].head - (heads_before(lines, anchors[0].head, 0) < before ? heads_before(lines, anchors[0].head, 0) : before);
	for (size_t i = 0; i < n; i++) {
		size_t end = i + 1 < n ? start_before(lines, &anchors[i + 1], anchors[i].line + 1, before) : lines.n;

		build_entry(a, lines, start, end, &anchors[i], most, out);
		start = end;
	}
}

bool entries_are_lines(struct span lines)
{
	size_t dated = 0, bullets = 0;
	struct period when;

	for (size_t i = 0; i < lines.n; i++) {
		bullets += lines.v[i]->bullet;
		if (lines.v[i]->row == 0 && lines.v[i]->text.n <= HEAD_BYTES_MAX && period_is_all(lines.v[i]->text))
			return false;
		dated += text_count_words(lines.v[i]->text) > 2 && anchor_of(lines.v[i], true, &when);
	}
	return dated == 0 || bullets == lines.n || dated * 2 > lines.n;
}

void entries_by_line(struct arena *a, struct span lines, struct raw_list *out)
{
	for (size_t i = 0; i < lines.n; i++) {
		struct raw_entry *e = add_raw(a, out);
		size_t end = row_end(lines, i);

		if (!e)
			return;
		e->first = lines.v[i];
		for (; i < end; i++) {
			struct period when;
			bool dated = !e->has_when && lines.v[i]->text.n <= HEAD_BYTES_MAX && period_find(lines.v[i]->text, &when);

			if (dated)
				e->when = when, e->has_when = true;
			add_head_line(e, lines.v[i], dated ? &when : NULL);
		}
		i = end - 1;
	}
}

/* Short words side by side, where the title and the time were not: what was used, as templates show it. Returns how many
 * lines; 0: they are something else. */
static size_t tags_at(struct span body, size_t from)
{
	size_t end = row_end(body, from);

	for (size_t i = from; i < end; i++)
		if (body.v[i]->bullet || text_length_words(body.v[i]->text) > TAG_WORDS_MAX || ends_sentence(body.v[i]->text))
			return 0;
	return end - from >= TAGS_MIN ? end - from : 0;
}

void body_take(struct arena *a, struct span body, struct entry *e)
{
	size_t bullets = 0;

	for (size_t i = 0; i < body.n; i++)
		bullets += body.v[i]->bullet;
	for (size_t i = 0; i < body.n; i++) {
		struct str text = body.v[i]->text, label = text_strip(text, ":");
		size_t tags = tags_at(body, i);

		for (size_t k = 0; k < tags; k++)
			str_list_add(a, &e->keywords, body.v[i + k]->text);
		if (tags) {
			i += tags - 1;
			continue;
		}
		if (words_find(WORD_LABEL, label) == LABEL_ENDS_BODY)
			continue;
		/* A list whose marks were lost has lines without full stops. */
		if (body.v[i]->bullet || (bullets == 0 && !ends_sentence(text) && text_length_words(text) >= 3))
			str_list_add(a, &e->highlights, text);
		else if (e->summary.n < 4000)
			e->summary = arena_join(a, e->summary, " ", text);
	}
}

void when_take(const struct raw_entry *raw, bool single_is_end, struct entry *e)
{
	if (!raw->has_when)
		return;
	e->has_when = true;
	e->when = raw->when;
	if (!raw->when.is_range && single_is_end)
		e->when.start = (struct date){ 0 };
}

struct str entry_link(const struct document *doc, const struct raw_entry *raw)
{
	if (str_starts(raw->url, STR("http")))
		return raw->url;
	for (size_t i = 0; i < doc->n_links; i++) {
		const struct doc_link *link = &doc->links[i];

		if (link->line < 0 || !raw->first || (size_t)link->line < raw->first->first_doc)
			continue;
		if (raw->n_head && (size_t)link->line > raw->head[raw->n_head - 1].line->last_doc)
			break;
		if (str_starts(str_c(link->url), STR("http")))
			return str_c(link->url);
	}
	return str_of(NULL, 0);
}
