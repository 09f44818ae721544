/*
 * Cuts a section into entries: each job, study, project … with its heading lines, its time and its body. Knows where
 * things stand, not what they mean; parse_work.c and its siblings name the fields.
 */
#ifndef EXTRACT_PARSE_ENTRIES_H
#define EXTRACT_PARSE_ENTRIES_H

#include "parse_lines.h"

/* The lines of one kind of section, in order, without the headings. */
struct span {
	const struct line **v;
	size_t n;
};

#define FRAGMENTS_MAX 12

/* A piece of an entry's head: text between separators, without the time. */
struct fragment {
	struct str text;
	const struct line *line;
};

struct raw_entry {
	struct fragment head[FRAGMENTS_MAX];
	size_t n_head;
	struct period when;
	bool has_when;
	const struct line *first;       /* its first line */
	struct span body;               /* lines after the head */
	struct str url;                 /* an address that stands in the head */
};

struct raw_list {
	struct raw_entry *v;
	size_t n, cap;
};

struct span span_of_section(struct arena *a, const struct line_list *lines, enum section_kind kind);
/* most: how many lines, the time's not counted, the head of an entry may have. */
void entries_split(struct arena *a, struct span lines, size_t most, struct raw_list *out);
/* One entry a line, for lists of certificates, awards and the like. */
void entries_by_line(struct arena *a, struct span lines, struct raw_list *out);
/* Whether most entries take one line each. */
bool entries_are_lines(struct span lines);
/* The body as highlights (list items) and summary (sentences). */
void body_take(struct arena *a, struct span body, struct entry *e);
/* Sets the entry's time. single_is_end: a lone date is when it ended (studies), else when it was. */
void when_take(const struct raw_entry *raw, bool single_is_end, struct entry *e);
/* The first web address of a link in the entry's head. */
struct str entry_link(const struct document *doc, const struct raw_entry *raw);

#endif
