/*
 * DOCX: page headers, the body with its tables and text boxes, page footers. What Word shows is read, what it hides or
 * has struck out is not; nothing that a part refers to outside of the package is looked at.
 */
#include <stdlib.h>

#include "docx_relations.h"
#include "docx_style.h"
#include "formats.h"
#include "lines.h"

#define URL_BYTES 2048
#define BOXES_MAX 8             /* text boxes in text boxes; deeper ones are passed over */
#define MARGINS_MAX 12          /* page headers (or footers) that are read */

/* One part that is being read. */
struct docx {
	struct package *package;
	struct xml *xml;
	const struct docx_styles *styles;
	struct relations relations;
	struct lines boxes[BOXES_MAX + 1]; /* [0]: the part's own lines */
	int box;
	struct docx_properties paragraph, run;
	char field_url[URL_BYTES];         /* of a HYPERLINK field whose words are still to come */
};

static struct lines *lines_of(struct docx *d)
{
	return &d->boxes[d->box];
}

static struct run_style run_style(const struct docx *d)
{
	struct docx_properties is = docx_properties_merge(d->paragraph, d->run);
	/* White letters in tables and text boxes stand on a colour more often than not. */
	bool on_paper = is.shaded != 1 && d->box == 0 && d->boxes[0].tables_open == 0;

	return (struct run_style){
		.bold = is.bold == 1, .italic = is.italic == 1, .font_size = is.font_size,
		.hidden = is.hidden == 1 || (is.white == 1 && on_paper),
	};
}

/* Adds all text of the element that has just started, to its end. */
static void read_text(struct docx *d)
{
	struct run_style style = run_style(d);
	int depth = xml_depth(d->xml);
	enum xml_event event;

	while ((event = xml_next(d->xml)) != XML_END) {
		if (event == XML_END_ELEMENT && xml_depth(d->xml) == depth)
			break;
		if (event == XML_TEXT)
			lines_text(lines_of(d), xml_text(d->xml), &style);
	}
}

/* Remembers the address in: HYPERLINK "https://example.org" \o "tip" */
static void read_field_code(struct docx *d)
{
	struct str text;

	if (xml_next(d->xml) != XML_TEXT)
		return;
	text = str_trim(xml_text(d->xml));
	if (!str_starts(text, STR("HYPERLINK")))
		return;
	str_cut(&text, '"');
	text = str_cut(&text, '"');
	if (text.n < sizeof(d->field_url)) {
		memcpy(d->field_url, text.p ? text.p : "", text.n);
		d->field_url[text.n] = '\0';
	}
}

static void on_field(struct docx *d)
{
	char type[16];

	xml_attribute(d->xml, "fldCharType", type, sizeof(type));
	if (strcmp(type, "separate") == 0 && d->field_url[0])
		lines_link_start(lines_of(d), str_c(d->field_url));
	else if (strcmp(type, "end") == 0 && d->field_url[0])
		lines_link_end(lines_of(d));
	if (strcmp(type, "separate") != 0 && strcmp(type, "end") != 0)
		d->field_url[0] = '\0';
}

static void on_paragraph_properties(struct docx *d)
{
	d->paragraph = docx_properties_read(d->xml, d->styles);
	lines_of(d)->heading = d->paragraph.heading > 0 ? (uint8_t)d->paragraph.heading : 0;
	lines_of(d)->bullet = d->paragraph.list == 1 && d->paragraph.heading <= 0;
	if (lines_of(d)->heading)
		lines_of(d)->new_block = true;
}

static void on_hyperlink(struct docx *d)
{
	char id[DOCX_NAME_BYTES];

	if (xml_attribute(d->xml, "id", id, sizeof(id)))
		lines_link_start(lines_of(d), str_c(relation_url(&d->relations, id)));
}

static void on_box_start(struct docx *d)
{
	if (d->box == BOXES_MAX) {
		xml_skip(d->xml);
		return;
	}
	lines_inner_start(&d->boxes[d->box + 1], &d->boxes[d->box]);
	d->box++;
}

static void on_box_end(struct docx *d)
{
	if (d->box == 0)
		return;
	d->box--;
	lines_inner_end(&d->boxes[d->box + 1], &d->boxes[d->box]);
	d->paragraph = d->run = docx_nothing_said;
}

static void on_hyphen(struct docx *d)
{
	struct run_style style = run_style(d);

	lines_text(lines_of(d), STR("-"), &style);
}

static void start_paragraph(struct docx *d) { d->paragraph = d->run = docx_nothing_said; }
static void end_paragraph(struct docx *d) { lines_paragraph(lines_of(d)); }
static void start_run(struct docx *d) { d->run = docx_nothing_said; }
static void on_run_properties(struct docx *d) { d->run = docx_properties_read(d->xml, d->styles); }
static void on_tab(struct docx *d) { lines_tab(lines_of(d)); }
static void on_break(struct docx *d) { lines_break(lines_of(d)); }
static void end_hyperlink(struct docx *d) { lines_link_end(lines_of(d)); }
static void skip(struct docx *d) { xml_skip(d->xml); }
static void start_table(struct docx *d) { lines_table_start(lines_of(d)); }
static void end_table(struct docx *d) { lines_table_end(lines_of(d)); }
static void start_row(struct docx *d) { lines_row_start(lines_of(d)); }
static void end_row(struct docx *d) { lines_row_end(lines_of(d)); }
static void start_cell(struct docx *d) { lines_cell_start(lines_of(d)); }
static void end_cell(struct docx *d) { lines_cell_end(lines_of(d)); }

/* What is done at the start and at the end of an element. Fallback holds the text box of Choice again, for old readers;
 * moveFrom and del hold what a tracked change took away. Sorted by name. */
static const struct element {
	const char *name;
	void (*start)(struct docx *d), (*end)(struct docx *d);
} elements[] = {
	{ "Fallback", skip, NULL }, { "br", on_break, NULL }, { "cr", on_break, NULL }, { "del", skip, NULL },
	{ "fldChar", on_field, NULL }, { "hyperlink", on_hyperlink, end_hyperlink }, { "instrText", read_field_code, NULL },
	{ "moveFrom", skip, NULL }, { "noBreakHyphen", on_hyphen, NULL }, { "p", start_paragraph, end_paragraph },
	{ "pPr", on_paragraph_properties, NULL }, { "ptab", on_tab, NULL }, { "r", start_run, NULL },
	{ "rPr", on_run_properties, NULL }, { "rt", skip, NULL }, { "sdtPr", skip, NULL }, { "sectPr", skip, NULL },
	{ "t", read_text, NULL }, { "tab", on_tab, NULL }, { "tbl", start_table, end_table }, { "tblPr", skip, NULL },
	{ "tc", start_cell, end_cell }, { "tcPr", skip, NULL }, { "tr", start_row, end_row }, { "trPr", skip, NULL },
	{ "txbxContent", on_box_start, on_box_end },
};

static int by_name(const void *key, const void *element)
{
	return strcmp(key, ((const struct element *)element)->name);
}

static void on_event(struct docx *d, enum xml_event event)
{
	const struct element *e = bsearch(xml_name(d->xml), elements, sizeof(elements) / sizeof(elements[0]),
					  sizeof(elements[0]), by_name);

	if (e && event == XML_START_ELEMENT && e->start)
		e->start(d);
	else if (e && event == XML_END_ELEMENT && e->end)
		e->end(d);
}

/* Reads a part with text: the document, a page header or footer. Returns its block for the next part to go on from. */
static enum error_code read_part(struct package *p, const char *part, const struct docx_styles *styles, struct document *doc,
				 int *block)
{
	struct docx *d = calloc(1, sizeof(*d));
	enum error_code code = ERR_memory_limit;
	enum xml_event event;

	if (!d)
		return code;
	d->package = p;
	d->styles = styles;
	d->paragraph = d->run = docx_nothing_said;
	relations_load(&d->relations, p, part);
	lines_init(&d->boxes[0], doc);
	d->boxes[0].block = d->boxes[0].last_row = *block;
	code = ERR_corrupt;
	d->xml = xml_open(p, part);
	while (d->xml && (event = xml_next(d->xml)) != XML_END)
		on_event(d, event);
	if (d->xml)
		code = xml_error(d->xml);
	while (d->box > 0)
		on_box_end(d);
	lines_block(&d->boxes[0]);
	*block = d->boxes[0].block > d->boxes[0].last_row ? d->boxes[0].block : d->boxes[0].last_row;
	lines_free(&d->boxes[0]);
	xml_close(d->xml);
	relations_free(&d->relations);
	free(d);
	return code;
}

static bool was_there(const struct document *doc, size_t first, size_t end, const char *text)
{
	for (size_t i = first; i < end; i++)
		if (strcmp(doc->lines[i].text, text) == 0)
			return true;
	return false;
}

/* Reads page headers or footers. The first and the even pages often have the same one again: a part that adds nothing is
 * taken back. */
static void read_margins(struct package *p, const struct relations *r, enum relation_kind kind, const char *beside,
			 const struct docx_styles *styles, struct document *doc, int *block)
{
	const struct relation *relation;
	size_t from = 0, first = doc->n_lines;

	for (int n = 0; n < MARGINS_MAX && (relation = relation_next(r, kind, &from)); n++) {
		size_t end = doc->n_lines, links = doc->n_links;
		char part[DOCX_PART_BYTES];
		bool adds = false;

		relation_part(beside, relation->target, part);
		read_part(p, part, styles, doc, block);
		for (size_t i = end; i < doc->n_lines; i++)
			adds |= !was_there(doc, first, end, doc->lines[i].text);
		if (!adds) {
			doc->n_lines = end;
			doc->n_links = links;
		}
	}
}

static void find_document(struct package *p, char part[DOCX_PART_BYTES])
{
	struct relations r = { 0 };
	const struct relation *relation;
	size_t from = 0;

	relations_load(&r, p, "");
	relation = relation_next(&r, RELATION_DOCUMENT, &from);
	relation_part("", relation ? relation->target : "word/document.xml", part);
	relations_free(&r);
}

static enum error_code read_package(struct package *p, struct document *doc)
{
	struct relations r = { 0 };
	struct docx_styles *styles;
	char part[DOCX_PART_BYTES], styles_part[DOCX_PART_BYTES];
	enum error_code code;
	size_t from = 0;
	int block = 0;
	const struct relation *relation;

	find_document(p, part);
	relations_load(&r, p, part);
	relation = relation_next(&r, RELATION_STYLES, &from);
	relation_part(part, relation ? relation->target : "styles.xml", styles_part);
	styles = docx_styles_load(p, styles_part);
	if (!styles) {
		relations_free(&r);
		return ERR_memory_limit;
	}
	read_margins(p, &r, RELATION_HEADER, part, styles, doc, &block);
	code = read_part(p, part, styles, doc, &block);
	read_margins(p, &r, RELATION_FOOTER, part, styles, doc, &block);
	docx_styles_free(styles);
	relations_free(&r);
	return package_error(p) == ERR_zip_bomb ? ERR_zip_bomb : code;
}

bool docx_is(struct package *p)
{
	char part[DOCX_PART_BYTES];

	find_document(p, part);
	return package_has(p, "[Content_Types].xml") && str_starts(str_c(part), STR("word/"));
}

enum error_code docx_read(struct package *p, struct document *doc)
{
	return read_package(p, doc);
}
