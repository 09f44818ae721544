/*
 * ODT: page headers of the master pages, the body with its lists, tables and text boxes, page footers. Tracked
 * deletions, comments and hidden text are not read.
 */
#include <stdlib.h>

#include "formats.h"
#include "lines.h"
#include "xml.h"

#define STYLES_MAX 8000
#define NAME_BYTES 64
#define URL_BYTES 2048
#define PARENTS_MAX 10          /* longer chains of styles are cut, circles too */
#define SPANS_MAX 32            /* spans in spans that have a style of their own */
#define BOXES_MAX 8             /* text boxes in text boxes; deeper ones are passed over */
#define SPACES_MAX 100          /* of one text:s */

/* -1, 0: not said here, the parent style decides. */
struct style {
	char name[NAME_BYTES], parent[NAME_BYTES];
	int bold, italic, hidden;
	float font_size;
};

struct odt {
	struct xml *xml;
	struct style *styles;
	size_t n_styles, cap_styles;
	struct lines boxes[BOXES_MAX + 1]; /* [0]: the part's own lines */
	int box;
	struct run_style spans[SPANS_MAX]; /* [0]: the paragraph */
	int span;                          /* may exceed SPANS_MAX */
	int lists;                         /* open text:list-item */
	bool has_body;
};

static struct lines *lines_of(struct odt *o)
{
	return &o->boxes[o->box];
}

static struct run_style *span_of(struct odt *o)
{
	return &o->spans[o->span < SPANS_MAX ? o->span : SPANS_MAX - 1];
}

static struct style *add_style(struct odt *o)
{
	if (o->n_styles == o->cap_styles) {
		size_t cap = o->cap_styles ? o->cap_styles * 2 : 64;
		struct style *more = o->n_styles < STYLES_MAX ? reallocarray(o->styles, cap, sizeof(*more)) : NULL;

		if (!more)
			return NULL;
		o->styles = more;
		o->cap_styles = cap;
	}
	o->styles[o->n_styles] = (struct style){ .bold = -1, .italic = -1, .hidden = -1 };
	return &o->styles[o->n_styles++];
}

static const struct style *find_style(const struct odt *o, const char *name)
{
	for (size_t i = o->n_styles; i-- > 0;) /* the newest first: automatic styles of the part being read */
		if (strcmp(o->styles[i].name, name) == 0)
			return &o->styles[i];
	return NULL;
}

/* Lays what a style and its parents say over what held so far. */
static void apply_style(const struct odt *o, const char *name, struct run_style *to)
{
	const struct style *said = find_style(o, name);
	int bold = -1, italic = -1, hidden = -1;
	float font_size = 0;

	for (int i = 0; said && i < PARENTS_MAX; i++) {
		bold = bold < 0 ? said->bold : bold;
		italic = italic < 0 ? said->italic : italic;
		hidden = hidden < 0 ? said->hidden : hidden;
		font_size = font_size > 0 ? font_size : said->font_size;
		said = said->parent[0] ? find_style(o, said->parent) : NULL;
	}
	to->bold = bold < 0 ? to->bold : bold == 1;
	to->italic = italic < 0 ? to->italic : italic == 1;
	to->hidden = to->hidden || hidden == 1;
	to->font_size = font_size > 0 ? font_size : to->font_size;
}

static void read_text_properties(struct xml *x, struct style *style)
{
	char value[32];

	if (xml_attribute(x, "font-weight", value, sizeof(value)))
		style->bold = strcmp(value, "bold") == 0 || (value[0] >= '6' && value[0] <= '9');
	if (xml_attribute(x, "font-style", value, sizeof(value)))
		style->italic = strcmp(value, "normal") != 0;
	if (xml_attribute(x, "display", value, sizeof(value)))
		style->hidden = strcmp(value, "none") == 0;
	if (xml_attribute(x, "font-size", value, sizeof(value)) && value[strspn(value, "0123456789.")] == 'p') {
		style->font_size = strtof(value, NULL);
		if (style->font_size <= 2)
			style->hidden = 1;
	}
}

static void on_style(struct odt *o)
{
	struct style *style = add_style(o);
	int depth = xml_depth(o->xml);
	enum xml_event event;

	if (!style)
		return;
	xml_attribute(o->xml, "name", style->name, sizeof(style->name));
	xml_attribute(o->xml, "parent-style-name", style->parent, sizeof(style->parent));
	while ((event = xml_next(o->xml)) != XML_END) {
		if (event == XML_END_ELEMENT && xml_depth(o->xml) == depth)
			break;
		if (event == XML_START_ELEMENT && xml_is(o->xml, "text-properties"))
			read_text_properties(o->xml, style);
	}
}

static void start_styled(struct odt *o)
{
	char name[NAME_BYTES];

	if (xml_attribute(o->xml, "style-name", name, sizeof(name)))
		apply_style(o, name, span_of(o));
}

static void start_paragraph(struct odt *o)
{
	o->span = 0;
	o->spans[0] = (struct run_style){ 0 };
	start_styled(o);
	lines_of(o)->bullet = o->lists > 0;
}

static void start_heading(struct odt *o)
{
	char level[4];
	uint64_t n;

	start_paragraph(o);
	xml_attribute(o->xml, "outline-level", level, sizeof(level));
	if (str_to_u64(str_c(level), 1, 6, &n) < 0)
		n = 6;
	lines_of(o)->heading = (uint8_t)n;
	lines_of(o)->bullet = false;
	lines_of(o)->new_block = true;
}

static void start_span(struct odt *o)
{
	struct run_style outer = *span_of(o);

	o->span++;
	*span_of(o) = outer;
	start_styled(o);
}

static void end_span(struct odt *o)
{
	if (o->span > 0)
		o->span--;
}

static void on_spaces(struct odt *o)
{
	char count[8];
	uint64_t n;

	if (!xml_attribute(o->xml, "c", count, sizeof(count)) || str_to_u64(str_c(count), 1, SPACES_MAX, &n) < 0)
		n = 1;
	while (n-- > 0)
		lines_text(lines_of(o), STR(" "), span_of(o));
}

static void start_link(struct odt *o)
{
	char url[URL_BYTES];

	if (xml_attribute(o->xml, "href", url, sizeof(url)))
		lines_link_start(lines_of(o), str_c(url));
}

static void start_box(struct odt *o)
{
	if (o->box == BOXES_MAX) {
		xml_skip(o->xml);
		return;
	}
	lines_inner_start(&o->boxes[o->box + 1], &o->boxes[o->box]);
	o->box++;
}

static void end_box(struct odt *o)
{
	if (o->box == 0)
		return;
	o->box--;
	lines_inner_end(&o->boxes[o->box + 1], &o->boxes[o->box]);
	o->span = 0;
	o->spans[0] = (struct run_style){ 0 };
}

static void end_paragraph(struct odt *o) { lines_paragraph(lines_of(o)); }
static void end_link(struct odt *o) { lines_link_end(lines_of(o)); }
static void on_tab(struct odt *o) { lines_tab(lines_of(o)); }
static void on_break(struct odt *o) { lines_break(lines_of(o)); }
static void skip(struct odt *o) { xml_skip(o->xml); }
static void start_item(struct odt *o) { o->lists++; }
static void end_item(struct odt *o) { o->lists -= o->lists > 0; }
static void start_table(struct odt *o) { lines_table_start(lines_of(o)); }
static void end_table(struct odt *o) { lines_table_end(lines_of(o)); }
static void start_row(struct odt *o) { lines_row_start(lines_of(o)); }
static void end_row(struct odt *o) { lines_row_end(lines_of(o)); }
static void start_cell(struct odt *o) { lines_cell_start(lines_of(o)); }
static void end_cell(struct odt *o) { lines_cell_end(lines_of(o)); }

/* What is done at the start and at the end of an element. Sorted by name. */
static const struct element {
	const char *name;
	void (*start)(struct odt *o), (*end)(struct odt *o);
} elements[] = {
	{ "a", start_link, end_link }, { "annotation", skip, NULL }, { "binary-data", skip, NULL }, { "default-style", skip, NULL },
	{ "desc", skip, NULL }, { "h", start_heading, end_paragraph }, { "hidden-paragraph", skip, NULL },
	{ "hidden-text", skip, NULL }, { "line-break", on_break, NULL }, { "list-header", start_item, end_item },
	{ "list-item", start_item, end_item }, { "list-style", skip, NULL }, { "note-citation", skip, NULL },
	{ "p", start_paragraph, end_paragraph }, { "s", on_spaces, NULL }, { "span", start_span, end_span },
	{ "style", on_style, NULL }, { "tab", on_tab, NULL }, { "table", start_table, end_table },
	{ "table-cell", start_cell, end_cell }, { "table-row", start_row, end_row }, { "text-box", start_box, end_box },
	{ "title", skip, NULL }, { "tracked-changes", skip, NULL },
};

static int by_name(const void *key, const void *element)
{
	return strcmp(key, ((const struct element *)element)->name);
}

/* With text: only styles are read when false. */
static void on_event(struct odt *o, enum xml_event event, bool with_text)
{
	const struct element *e;

	if (event == XML_TEXT) {
		if (with_text)
			lines_text(lines_of(o), xml_text(o->xml), span_of(o));
		return;
	}
	e = bsearch(xml_name(o->xml), elements, sizeof(elements) / sizeof(elements[0]), sizeof(elements[0]), by_name);
	if (!e || (!with_text && e->start != on_style))
		return;
	if (event == XML_START_ELEMENT && e->start)
		e->start(o);
	else if (event == XML_END_ELEMENT && e->end)
		e->end(o);
}

/* Reads the text that stands inside of the elements of that name, and the styles of the whole part. */
static enum error_code read_part(struct odt *o, struct package *p, const char *part, const char *inside)
{
	enum error_code code = ERR_corrupt;
	enum xml_event event;
	int depth = -1;

	o->xml = xml_open(p, part);
	while (o->xml && (event = xml_next(o->xml)) != XML_END) {
		if (event == XML_START_ELEMENT && depth < 0 && xml_is(o->xml, inside)) {
			depth = xml_depth(o->xml);
			lines_block(lines_of(o));
		} else if (event == XML_END_ELEMENT && xml_depth(o->xml) == depth) {
			depth = -1;
		} else {
			on_event(o, event, depth >= 0);
		}
	}
	if (o->xml)
		code = xml_error(o->xml);
	xml_close(o->xml);
	o->xml = NULL;
	while (o->box > 0)
		end_box(o);
	lines_block(lines_of(o));
	return code;
}

static bool is_encrypted(struct package *p)
{
	struct xml *x = xml_open(p, "META-INF/manifest.xml");
	enum xml_event event;
	bool found = false;

	while (x && !found && (event = xml_next(x)) != XML_END)
		found = event == XML_START_ELEMENT && xml_is(x, "encryption-data");
	xml_close(x);
	return found;
}

enum error_code odt_read(struct package *p, struct document *doc)
{
	struct odt *o;
	enum error_code code;

	if (is_encrypted(p))
		return ERR_encrypted;
	o = calloc(1, sizeof(*o));
	if (!o)
		return ERR_memory_limit;
	lines_init(&o->boxes[0], doc);
	read_part(o, p, "styles.xml", "header");
	code = read_part(o, p, "content.xml", "body");
	read_part(o, p, "styles.xml", "footer");
	lines_free(&o->boxes[0]);
	free(o->styles);
	free(o);
	return package_error(p) == ERR_zip_bomb ? ERR_zip_bomb : code;
}
