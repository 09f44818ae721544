/*
 * DOCX: page headers, the body with its tables and text boxes, page footers. What Word shows is read, what it hides or
 * has struck out is not; nothing that a part refers to outside of the package is looked at.
 */
#include <stdlib.h>

#include "docx_style.h"
#include "formats.h"
#include "lines.h"

#define RELATIONS_MAX 4000
#define URL_BYTES 2048
#define PART_BYTES 128
#define BOXES_MAX 8             /* text boxes in text boxes; deeper ones are passed over */
#define MARGINS_MAX 12          /* page headers (or footers) that are read */

enum relation_kind { RELATION_HYPERLINK, RELATION_HEADER, RELATION_FOOTER, RELATION_STYLES, RELATION_DOCUMENT };

struct relation {
	enum relation_kind kind;
	char id[DOCX_NAME_BYTES];
	char *target;
};

struct relations {
	struct relation *all;
	size_t n, cap;
};

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

static void relations_free(struct relations *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->all[i].target);
	free(r->all);
	*r = (struct relations){ 0 };
}

static bool kind_of_type(const char *type, enum relation_kind *kind)
{
	static const struct {
		const char *end;
		enum relation_kind kind;
	} kinds[] = {
		{ "/hyperlink", RELATION_HYPERLINK }, { "/header", RELATION_HEADER }, { "/footer", RELATION_FOOTER },
		{ "/styles", RELATION_STYLES }, { "/officeDocument", RELATION_DOCUMENT },
	};
	const char *end = strrchr(type, '/');

	for (size_t i = 0; end && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(end, kinds[i].end) != 0)
			continue;
		*kind = kinds[i].kind;
		return true;
	}
	return false;
}

static void add_relation(struct relations *r, struct xml *x)
{
	char type[256], target[URL_BYTES];
	struct relation relation;

	if (!xml_attribute(x, "Type", type, sizeof(type)) || !kind_of_type(type, &relation.kind) ||
	    !xml_attribute(x, "Target", target, sizeof(target)) || !xml_attribute(x, "Id", relation.id, sizeof(relation.id)))
		return;
	if (r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 32;
		struct relation *more = r->n < RELATIONS_MAX ? reallocarray(r->all, cap, sizeof(*more)) : NULL;

		if (!more)
			return;
		r->all = more;
		r->cap = cap;
	}
	relation.target = strdup(target);
	if (relation.target)
		r->all[r->n++] = relation;
}

/* The relations of "word/document.xml" stand in "word/_rels/document.xml.rels"; those of the package ("") in "_rels/.rels". */
static void relations_load(struct relations *r, struct package *p, const char *part)
{
	const char *slash = strrchr(part, '/'), *base = slash ? slash + 1 : part;
	struct buf name;
	struct xml *x = NULL;
	enum xml_event event;

	buf_init(&name, 2 * PART_BYTES);
	buf_addf(&name, "%.*s_rels/%s.rels", (int)(base - part), part, base);
	buf_add(&name, "", 1);
	if (!name.failed)
		x = xml_open(p, name.p);
	while (x && (event = xml_next(x)) != XML_END)
		if (event == XML_START_ELEMENT && xml_is(x, "Relationship"))
			add_relation(r, x);
	xml_close(x);
	buf_free(&name);
}

static const struct relation *relation_next(const struct relations *r, enum relation_kind kind, size_t *from)
{
	while (*from < r->n) {
		const struct relation *found = &r->all[(*from)++];

		if (found->kind == kind)
			return found;
	}
	return NULL;
}

static const char *url_of_relation(const struct relations *r, const char *id)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->all[i].kind == RELATION_HYPERLINK && strcmp(r->all[i].id, id) == 0)
			return r->all[i].target;
	return "";
}

/* A target is relative to the folder of the part that names it, or begins with "/". */
static void part_name(const char *beside, const char *target, char out[PART_BYTES])
{
	const char *slash = strrchr(beside, '/');
	size_t folder = target[0] != '/' && slash ? (size_t)(slash + 1 - beside) : 0, n;

	target += target[0] == '/';
	n = strlen(target);
	if (folder + n >= PART_BYTES)
		folder = n = 0;
	memcpy(out, beside, folder);
	memcpy(out + folder, target, n);
	out[folder + n] = '\0';
}

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
		lines_link_start(lines_of(d), str_c(url_of_relation(&d->relations, id)));
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

/* Page headers or footers. First and even pages often have the same one again: lines that were read are taken back. */
static void read_margins(struct package *p, const struct relations *r, enum relation_kind kind, const char *beside,
			 const struct docx_styles *styles, struct document *doc, int *block)
{
	const struct relation *relation;
	size_t from = 0;

	for (int n = 0; n < MARGINS_MAX && (relation = relation_next(r, kind, &from)); n++) {
		char part[PART_BYTES];

		part_name(beside, relation->target, part);
		read_part(p, part, styles, doc, block);
	}
}

static void find_document(struct package *p, char part[PART_BYTES])
{
	struct relations r = { 0 };
	const struct relation *relation;
	size_t from = 0;

	relations_load(&r, p, "");
	relation = relation_next(&r, RELATION_DOCUMENT, &from);
	part_name("", relation ? relation->target : "word/document.xml", part);
	relations_free(&r);
}

static enum error_code read_package(struct package *p, struct document *doc)
{
	struct relations r = { 0 };
	struct docx_styles *styles;
	char part[PART_BYTES], styles_part[PART_BYTES];
	enum error_code code;
	size_t from = 0;
	int block = 0;
	const struct relation *relation;

	find_document(p, part);
	relations_load(&r, p, part);
	relation = relation_next(&r, RELATION_STYLES, &from);
	part_name(part, relation ? relation->target : "styles.xml", styles_part);
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
	char part[PART_BYTES];

	find_document(p, part);
	return package_has(p, "[Content_Types].xml") && str_starts(str_c(part), STR("word/"));
}

enum error_code docx_read(struct package *p, struct document *doc)
{
	return read_package(p, doc);
}
