/* See lines.h. */
#include "lines.h"

#include <stdlib.h>

#define TAB_MARK '\v'
#define PARAGRAPH_BYTES_MAX (8u * 1000 * 1000)
/* A table row is a page layout, not data, when two of its cells hold that many lines. Measured on the samples. */
#define LAYOUT_LINES_LONG 8
#define LAYOUT_LINES_SHORT 3

void lines_init(struct lines *l, struct document *doc)
{
	*l = (struct lines){ .doc = doc, .link_open = -1, .new_block = true };
	buf_init(&l->text, PARAGRAPH_BYTES_MAX);
}

static void forget_links(struct lines *l)
{
	for (int i = 0; i < l->n_links; i++)
		free(l->links[i].url);
	l->n_links = 0;
	l->link_open = -1;
}

void lines_free(struct lines *l)
{
	forget_links(l);
	buf_free(&l->text);
}

void lines_inner_start(struct lines *inner, const struct lines *outer)
{
	lines_init(inner, outer->doc);
	inner->block = outer->block;
	inner->last_row = outer->last_row;
}

void lines_inner_end(struct lines *inner, struct lines *outer)
{
	lines_block(inner);
	outer->block = inner->block;
	outer->last_row = inner->last_row;
	outer->new_block = true;
	lines_free(inner);
}

void lines_text(struct lines *l, struct str text, const struct run_style *style)
{
	size_t seen = 0;

	if (style->hidden) {
		for (size_t i = 0; i < text.n; i++)
			if ((unsigned char)text.p[i] > ' ')
				l->doc->warnings |= DOC_HIDDEN_TEXT;
		return;
	}
	for (size_t i = 0; i < text.n; i++)
		seen += (unsigned char)text.p[i] > ' ';
	buf_adds(&l->text, text);
	l->chars += seen;
	l->bold_chars += style->bold ? seen : 0;
	l->italic_chars += style->italic ? seen : 0;
	if (seen && style->font_size > l->font_size)
		l->font_size = style->font_size;
}

void lines_tab(struct lines *l)
{
	buf_add(&l->text, &(char){ TAB_MARK }, 1);
}

static bool is_blank_byte(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

void lines_tab_at(struct lines *l, size_t at)
{
	if (at < l->text.n && is_blank_byte(l->text.p[at]))
		l->text.p[at] = TAB_MARK;
}

static struct table_state *table_of(struct lines *l)
{
	if (l->tables_open == 0 || l->tables_open > LINES_TABLES_MAX)
		return NULL;
	return &l->tables[l->tables_open - 1];
}
/* List marks: the shapes that word processors and people use. The strict ones are also used in words and numbers, so
 * that a space must follow. */
static const char *const marks_loose[] = {
	"\u2022", "\u2023", "\u2043", "\u204C", "\u204D", "\u2219", "\u25AA", "\u25AB", "\u25A0", "\u25A1", "\u25B6", "\u25B8",
	"\u25BA", "\u25BB", "\u25CB", "\u25CF", "\u25E6", "\u25C6", "\u25C7", "\u2666", "\u2756", "\u2713", "\u2714", "\u27A2",
	"\u27A4", NULL,
};
static const char *const marks_strict[] = { "-", "*", "\u2013", "\u2014", "\u00B7", "\u00BB", "\u203A", "\u2192", NULL };

static size_t mark_bytes(struct str s, const char *const *marks)
{
	for (; *marks; marks++)
		if (str_starts(s, str_c(*marks)))
			return strlen(*marks);
	return 0;
}

static bool is_mark_alone(struct str s)
{
	return s.n && (mark_bytes(s, marks_loose) == s.n || mark_bytes(s, marks_strict) == s.n);
}

static struct str trimmed(struct str s)
{
	while (s.n && is_blank_byte(s.p[0]))
		s = str_skip(s, 1);
	while (s.n && is_blank_byte(s.p[s.n - 1]))
		s.n--;
	return s;
}

size_t list_mark(struct str text)
{
	size_t loose = mark_bytes(text, marks_loose), mark = loose ? loose : mark_bytes(text, marks_strict), n = mark;

	if (mark == 0)
		return 0;
	while (n < text.n && (is_blank_byte(text.p[n]) || str_starts(str_skip(text, n), STR("\u00A0"))))
		n += text.p[n] == '\xC2' ? 2 : 1;
	return n < text.n && (n > mark || loose) ? n : 0;
}

static void add_links(struct lines *l, size_t start, size_t end, int line)
{
	for (int i = 0; i < l->n_links; i++) {
		char text[256];
		size_t n;

		if (!l->links[i].url || l->links[i].start < start || l->links[i].start >= end)
			continue;
		n = l->links[i].end > end ? end - l->links[i].start : l->links[i].end - l->links[i].start;
		if (n > sizeof(text) - 1)
			n = sizeof(text) - 1;
		memcpy(text, l->text.p + l->links[i].start, n);
		text[n] = '\0';
		document_add_link(l->doc, l->links[i].url, text, line);
		free(l->links[i].url);
		l->links[i].url = NULL;
	}
}

static void place(struct lines *l, struct doc_line *line, int row, int cell)
{
	const struct table_state *t = table_of(l);

	if (l->new_block)
		l->block++;
	l->new_block = false;
	line->page = 1;
	line->block = l->block;
	line->row = row;
	line->cell = cell;
	if (t && t->cell >= 0) {
		line->row = t->row;
		line->cell = t->cell;
	}
	line->heading = l->heading;
	line->bullet = l->bullet && cell == 0;
	line->font_size = l->font_size;
	line->bold = l->chars && l->bold_chars == l->chars;
	line->italic = l->chars && l->italic_chars == l->chars;
}

/* The part of the text from start to end becomes a line, unless nothing is to be seen of it. */
static bool add_part(struct lines *l, size_t start, size_t end, int row, int cell)
{
	struct str part = trimmed(str_of(l->text.p + start, end - start));
	struct doc_line *line;
	size_t mark;

	if (part.n == 0)
		return false;
	mark = cell == 0 && !l->heading ? list_mark(part) : 0;
	if (cell == 0 && end < l->text.n && is_mark_alone(part))
		mark = part.n; /* and then a tab */
	l->bullet |= mark > 0;
	part = str_skip(part, mark);
	line = document_add_line(l->doc, part.p, part.n);
	if (!line)
		return false;
	place(l, line, row, cell);
	add_links(l, start, end, (int)l->doc->n_lines - 1);
	return true;
}

static int count_parts(struct str text)
{
	struct str part;
	int n = 0;

	while (text.n) {
		part = trimmed(str_cut(&text, TAB_MARK));
		n += part.n > 0 && !is_mark_alone(part);
	}
	return n;
}

/* Makes the gathered text into one line, or into several side by side. */
static void end_line(struct lines *l)
{
	int row = count_parts(buf_str(&l->text)) > 1 ? ++l->last_row : 0, cell = 0;
	size_t start = 0;

	if (l->link_open >= 0)
		l->links[l->link_open].end = l->text.n;
	for (size_t i = 0; i <= l->text.n && l->text.n; i++) {
		if (i < l->text.n && l->text.p[i] != TAB_MARK)
			continue;
		cell += add_part(l, start, i, row, cell);
		start = i + 1;
	}
	/* Links of words that are not shown still count. */
	for (int i = 0; i < l->n_links; i++)
		if (l->links[i].url && i != l->link_open)
			document_add_link(l->doc, l->links[i].url, "", cell ? (int)l->doc->n_lines - 1 : -1);
	if (cell)
		l->bullet = false; /* the lines after a break go on without a mark */
	buf_clear(&l->text);
	l->chars = l->bold_chars = l->italic_chars = 0;
	l->font_size = 0;
}

void lines_break(struct lines *l)
{
	char *url = l->link_open >= 0 ? l->links[l->link_open].url : NULL;

	if (url)
		l->links[l->link_open].url = NULL;
	end_line(l);
	forget_links(l);
	if (url) {
		lines_link_start(l, str_c(url));
		free(url);
	}
}

void lines_paragraph(struct lines *l)
{
	size_t before = l->doc->n_lines;

	lines_break(l);
	l->heading = 0;
	l->bullet = false;
	if (l->doc->n_lines == before)
		l->new_block = true;
}

void lines_block(struct lines *l)
{
	lines_paragraph(l);
	l->new_block = true;
}

void lines_link_start(struct lines *l, struct str url)
{
	lines_link_end(l);
	if (l->n_links == PARAGRAPH_LINKS_MAX || url.n == 0)
		return;
	l->links[l->n_links].url = strndup(url.p, url.n);
	l->links[l->n_links].start = l->links[l->n_links].end = l->text.n;
	l->link_open = l->n_links++;
}

void lines_link_end(struct lines *l)
{
	if (l->link_open >= 0)
		l->links[l->link_open].end = l->text.n;
	l->link_open = -1;
}

void lines_table_start(struct lines *l)
{
	lines_block(l);
	if (l->tables_open++ < LINES_TABLES_MAX)
		l->tables[l->tables_open - 1] = (struct table_state){ .cell = -1 };
}

void lines_table_end(struct lines *l)
{
	lines_block(l);
	if (l->tables_open > 0)
		l->tables_open--;
}

void lines_row_start(struct lines *l)
{
	struct table_state *t = table_of(l);

	lines_block(l);
	if (t)
		*t = (struct table_state){ .row = ++l->last_row, .cell = -1, .first_line = l->doc->n_lines };
}

void lines_cell_start(struct lines *l)
{
	struct table_state *t = table_of(l);

	lines_block(l);
	if (t && t->cell < LINES_CELLS_MAX - 1) {
		t->cell++;
		t->cell_first = l->doc->n_lines;
	}
}

void lines_cell_end(struct lines *l)
{
	struct table_state *t = table_of(l);

	lines_block(l);
	if (t && t->cell >= 0)
		t->cell_lines[t->cell] = l->doc->n_lines - t->cell_first;
}

/* Long cells side by side are the columns of the page; a cell alone in its row is no table. */
static bool is_data_row(const struct table_state *t)
{
	int filled = 0, some = 0, many = 0;

	for (int i = 0; i <= t->cell; i++) {
		filled += t->cell_lines[i] > 0;
		some += t->cell_lines[i] >= LAYOUT_LINES_SHORT;
		many += t->cell_lines[i] >= LAYOUT_LINES_LONG;
	}
	return filled > 1 && !(some > 1 && many > 0);
}

/* The cell with the most lines is the main column. */
static int main_cell(const struct table_state *t)
{
	int most = 0;

	for (int i = 1; i <= t->cell; i++)
		if (t->cell_lines[i] > t->cell_lines[most])
			most = i;
	return most;
}

void lines_row_end(struct lines *l)
{
	struct table_state *t = table_of(l);
	size_t at;
	int most, column = 0;

	lines_block(l);
	if (!t || t->cell < 0)
		return;
	at = t->first_line;
	most = main_cell(t);
	if (is_data_row(t))
		t->cell = -1;
	for (int i = 0; i <= t->cell; i++) {
		int number = i == most || t->cell_lines[i] == 0 ? 0 : ++column;

		for (size_t n = t->cell_lines[i]; n && at < l->doc->n_lines; n--, at++) {
			struct doc_line *line = &l->doc->lines[at];

			if (line->row == t->row)
				line->row = line->cell = 0;
			line->column = number;
		}
	}
	t->cell = -1;
}
