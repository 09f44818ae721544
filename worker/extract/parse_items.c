/*
 * Finds the items of lists whose marks are drawings and no text (PDF printers draw bullets as shapes): what shows is
 * that their lines are set in. Part of parse_lines.h.
 */
#include "parse_lines.h"

#include "parse_text.h"

#define COLUMNS_MAX 8
#define CELLS_MAX 8
/* How far list items are set in, in points. */
#define ITEM_INDENT_MIN 7.0f
#define ITEM_INDENT_MAX 60.0f

/* Where the text of one column and cell number begins: at the left, or at the right in scripts that run that way. */
struct edges {
	float left[COLUMNS_MAX][CELLS_MAX], right[COLUMNS_MAX][CELLS_MAX];
};

/* Lines in no row are counted as number 0, the cells of rows from 1. */
static unsigned cell_of(const struct line *l)
{
	return l->row > 0 ? 1 + (unsigned)l->cell % (CELLS_MAX - 1) : 0;
}

static void find_edges(const struct line_list *lines, size_t from, size_t to, struct edges *e)
{
	for (unsigned i = 0; i < COLUMNS_MAX * CELLS_MAX; i++) {
		e->left[i / CELLS_MAX][i % CELLS_MAX] = 1e9f;
		e->right[i / CELLS_MAX][i % CELLS_MAX] = 0;
	}
	for (size_t i = from; i < to; i++) {
		const struct doc_line *d = lines->v[i].doc;
		unsigned column = (unsigned)d->column % COLUMNS_MAX, cell = cell_of(&lines->v[i]);

		if (lines->v[i].is_heading || d->width <= 0)
			continue;
		if (d->x < e->left[column][cell])
			e->left[column][cell] = d->x;
		if (d->x + d->width > e->right[column][cell])
			e->right[column][cell] = d->x + d->width;
	}
}

static float set_in_by(const struct line *l, const struct edges *e, unsigned cell)
{
	const struct doc_line *d = l->doc;
	unsigned column = (unsigned)d->column % COLUMNS_MAX;

	return text_runs_left(l->text) ? e->right[column][cell] - d->x - d->width : d->x - e->left[column][cell];
}

static bool is_item_indent(float by)
{
	return by > ITEM_INDENT_MIN && by < ITEM_INDENT_MAX;
}

/* A list item stands a little further in than the nearest edge of other text, and not at the edge of a table's cell.
 * Inside a cell it is not the first line. */
static bool is_set_in(const struct line_list *lines, size_t i, const struct edges *e)
{
	const struct line *l = &lines->v[i];
	float nearest = 1e9f;

	if (l->doc->width <= 0 || l->is_heading)
		return false;
	if (l->row > 0)
		return i > 0 && lines->v[i - 1].row == l->row && lines->v[i - 1].cell == l->cell && is_item_indent(set_in_by(l, e, cell_of(l)));
	for (unsigned cell = 0; cell < CELLS_MAX; cell++) {
		float by = set_in_by(l, e, cell);

		if (cell > 0 && by > -3 && by < 3)
			return false;
		if (by > ITEM_INDENT_MIN && by < nearest)
			nearest = by;
	}
	return is_item_indent(nearest);
}

static bool has_entries(enum section_kind kind)
{
	return kind == SECTION_WORK || kind == SECTION_EDUCATION || kind == SECTION_VOLUNTEER || kind == SECTION_PROJECTS;
}

void lines_find_items(struct line_list *lines)
{
	for (size_t from = 0, to; from < lines->n; from = to) {
		size_t marked = 0;
		struct edges edges;

		for (to = from; to < lines->n && lines->v[to].section == lines->v[from].section; to++)
			marked += lines->v[to].bullet;
		if (!has_entries(lines->v[from].section) || marked)
			continue;
		find_edges(lines, from, to, &edges);
		for (size_t i = from; i < to; i++)
			lines->v[i].bullet = is_set_in(lines, i, &edges);
	}
}
