/* Skills, interests and languages: lists of words, perhaps in named groups. */
#ifndef EXTRACT_PARSE_SKILLS_H
#define EXTRACT_PARSE_SKILLS_H

#include "parse_lines.h"

/* Groups of keywords from the lines of a section. Lines that turn out to name languages go to `languages` (may be
 * NULL). */
void skills_parse(struct arena *a, const struct line_list *lines, enum section_kind kind, struct skill_list *out, struct pair_list *languages);
void languages_parse(struct arena *a, const struct line_list *lines, struct pair_list *out);

/* The next item of a list in a line: up to a comma, semicolon or separator outside brackets. */
struct str item_next(struct str *rest);

#endif
