/*
 * The way of one document through the parser: lines are joined, the name and the headings are found, then each section
 * is read by its own file. Every step adds to one struct resume, which is written out at the end.
 */
#include "parse.h"

#include <errno.h>

#include "parse_contact.h"
#include "parse_education.h"
#include "parse_lines.h"
#include "parse_lists.h"
#include "parse_name.h"
#include "parse_output.h"
#include "parse_place.h"
#include "parse_skills.h"
#include "parse_text.h"
#include "parse_work.h"

/* What the parser may take for itself: lines and fragments are larger than their words. */
#define ARENA_BYTES_BASE (4u << 20)
#define ARENA_BYTES_A_CHARACTER 32
#define SUMMARY_BYTES_MAX 8000
#define SUMMARY_WORDS_MIN 8
#define SUMMARY_SENTENCE_BYTES 48       /* Chinese has no spaces to count words by */

int parse_prepare(void)
{
	return words_prepare();
}

/* Contact data, the place and the title may stand among the lines of the summary. */
static bool is_summary_line(const struct resume *r, const struct line *l)
{
	struct place p;

	if (l->is_heading || str_eq(l->text, r->label) || str_eq(l->text, r->name))
		return false;
	if (text_count_words(l->text) <= (text_has_digit(l->text) ? 10 : 6) && (contact_has(l->text) || place_parse(l->text, &p) == 2 || words_find(WORD_LABEL, l->text) >= 0))
		return false;
	return !email_find(l->text).n;
}

static bool is_sentence(const struct line *l)
{
	return text_count_words(l->text) >= SUMMARY_WORDS_MIN || l->text.n >= SUMMARY_SENTENCE_BYTES;
}

static bool has_sentences(const struct resume *r, const struct line_list *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		if (lines->v[i].section == SECTION_SUMMARY && is_summary_line(r, &lines->v[i]) && is_sentence(&lines->v[i]))
			return true;
	return false;
}

static void summary_find(const struct line_list *lines, size_t name_line, struct resume *r)
{
	bool sentences = has_sentences(r, lines), in_paragraph = false;

	for (size_t i = 0; i < lines->n && r->summary.n < SUMMARY_BYTES_MAX; i++) {
		const struct line *l = &lines->v[i];

		if (l->section != SECTION_SUMMARY || !is_summary_line(r, l))
			continue;
		/* Beside sentences, short lines are something else, unless they end a paragraph. */
		in_paragraph = !sentences || is_sentence(l) || (in_paragraph && !l->starts_block);
		if (in_paragraph)
			r->summary = arena_join(r->arena, r->summary, " ", l->text);
	}
	if (r->summary.n || name_line == SIZE_MAX)
		return;
	/* Without a heading: the sentences below the name. */
	for (size_t i = name_line + 1; i < lines->n && lines->v[i].section == SECTION_HEADER; i++) {
		const struct line *l = &lines->v[i];

		if (text_count_words(l->text) >= SUMMARY_WORDS_MIN && !contact_has(l->text) && is_summary_line(r, l))
			r->summary = arena_join(r->arena, r->summary, " ", l->text);
		else if (r->summary.n && text_count_words(l->text) > 0 && l->doc->width > 0 && !contact_has(l->text) && !lines->v[i].starts_block)
			r->summary = arena_join(r->arena, r->summary, " ", l->text);
		else if (r->summary.n)
			break;
	}
}

static void parse_lines(const struct document *doc, struct line_list *lines, struct resume *r)
{
	struct arena *a = r->arena;
	size_t name_line;

	name_join(a, lines);
	name_line = name_find(lines, name_email(lines), r);
	r->language = sections_find(lines, name_line);
	lines_find_items(lines);
	contact_parse(doc, lines, r);
	label_find(lines, name_line, r);
	summary_find(lines, name_line, r);
	work_parse(doc, a, span_of_section(a, lines, SECTION_WORK), &r->work);
	work_parse(doc, a, span_of_section(a, lines, SECTION_VOLUNTEER), &r->volunteer);
	education_parse(doc, a, span_of_section(a, lines, SECTION_EDUCATION), &r->education);
	languages_parse(a, lines, &r->languages);
	skills_parse(a, lines, SECTION_SKILLS, &r->skills, &r->languages);
	skills_parse(a, lines, SECTION_INTERESTS, &r->interests, NULL);
	projects_parse(doc, a, span_of_section(a, lines, SECTION_PROJECTS), &r->projects);
	titles_parse(doc, a, span_of_section(a, lines, SECTION_CERTIFICATES), &r->certificates);
	titles_parse(doc, a, span_of_section(a, lines, SECTION_AWARDS), &r->awards);
	publications_parse(doc, a, span_of_section(a, lines, SECTION_PUBLICATIONS), &r->publications);
	references_parse(a, span_of_section(a, lines, SECTION_REFERENCES), &r->references);
}

int parse_resume(const struct document *doc, struct buf *resume_json, struct buf *summary_json)
{
	struct arena arena;
	struct resume r = { .arena = &arena, .language = -1 };
	struct line_list lines = { NULL, 0, 0 };
	int rc = words_prepare();

	if (rc < 0)
		return rc;
	arena_init(&arena, ARENA_BYTES_BASE + doc->text_chars * ARENA_BYTES_A_CHARACTER);
	lines_build(&arena, doc, &lines);
	parse_lines(doc, &lines, &r);
	if (arena.failed) {
		rc = -ENOMEM;
	} else {
		output_resume(doc, &r, resume_json);
		output_summary(doc, &r, summary_json);
		if (resume_json->failed || summary_json->failed)
			rc = -EMSGSIZE;
	}
	arena_free(&arena);
	return rc;
}
