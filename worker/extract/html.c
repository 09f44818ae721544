/*
 * HTML: libxml2's forgiving parser sends elements and text, this file turns them into lines. Nothing is fetched, no
 * tree is built; scripts, styles and what is marked hidden are dropped.
 */
#include <ctype.h>
#include <libxml/HTMLparser.h>
#include <libxml/SAX2.h>
#include <stdlib.h>
#include <strings.h>

#include "charset.h"
#include "formats.h"
#include "lines.h"

#define UTF8_BYTES_MAX (100u * 1000 * 1000)
#define META_BYTES 4096         /* a charset is named this early */
#define BOXES_MAX 64            /* words in boxes of one line */
#define BOXES_MIN 3             /* fewer may be anything */
#define ELEMENTS_MAX 256        /* open elements that are told apart; deeper ones have the style of the last */

enum element_kind { INLINE, BLOCK, BREAK, HEADING, ITEM, TABLE, ROW, CELL, LINK, BOLD, ITALIC, DROPPED };

static const struct {
	const char *name;
	enum element_kind kind;
} elements[] = {
	{ "a", LINK }, { "address", BLOCK }, { "article", BLOCK }, { "aside", BLOCK }, { "b", BOLD }, { "blockquote", BLOCK },
	{ "body", BLOCK }, { "br", BREAK }, { "button", DROPPED }, { "caption", BLOCK }, { "dd", BLOCK }, { "details", BLOCK },
	{ "div", BLOCK }, { "dl", BLOCK }, { "dt", BLOCK }, { "em", ITALIC }, { "fieldset", BLOCK }, { "figcaption", BLOCK },
	{ "figure", BLOCK }, { "footer", BLOCK }, { "form", BLOCK }, { "h1", HEADING }, { "h2", HEADING }, { "h3", HEADING },
	{ "h4", HEADING }, { "h5", HEADING }, { "h6", HEADING }, { "head", DROPPED }, { "header", BLOCK }, { "hr", BLOCK },
	{ "i", ITALIC }, { "iframe", DROPPED }, { "legend", BLOCK }, { "li", ITEM }, { "main", BLOCK }, { "nav", BLOCK },
	{ "noscript", DROPPED }, { "object", DROPPED }, { "ol", BLOCK }, { "option", BLOCK }, { "p", BLOCK }, { "pre", BLOCK },
	{ "script", DROPPED }, { "section", BLOCK }, { "select", DROPPED }, { "strong", BOLD }, { "style", DROPPED },
	{ "summary", BLOCK }, { "svg", DROPPED }, { "table", TABLE }, { "tbody", INLINE }, { "td", CELL }, { "template", DROPPED },
	{ "textarea", DROPPED }, { "th", CELL }, { "title", DROPPED }, { "tr", ROW }, { "ul", BLOCK },
};

struct open_element {
	enum element_kind kind;
	struct run_style style;
	bool dropped, boxed;
	size_t from;            /* where its text begins in the open line */
};

/* The text of an inline element in the open line: from byte to byte. */
struct box {
	size_t from, to;
};

struct html {
	struct lines lines;
	struct box boxes[BOXES_MAX]; /* of the open line, the outer ones */
	int n_boxes;
	struct open_element stack[ELEMENTS_MAX];
	int depth;              /* may exceed ELEMENTS_MAX */
	bool inline_ended;      /* an inline element ended just now, without a space after it */
	bool inline_met;        /* and another began at once: style sheets set such neighbours apart */
};

static int by_name(const void *key, const void *element)
{
	return strcasecmp(key, *(const char *const *)element);
}

static enum element_kind kind_of(const char *name)
{
	const void *found = bsearch(name, elements, sizeof(elements) / sizeof(elements[0]), sizeof(elements[0]), by_name);
	size_t i = found ? (size_t)((const char *)found - (const char *)elements) / sizeof(elements[0]) : 0;

	return found ? elements[i].kind : INLINE;
}

static const char *attribute(const xmlChar **attributes, const char *name)
{
	for (; attributes && attributes[0]; attributes += 2)
		if (strcasecmp((const char *)attributes[0], name) == 0)
			return attributes[1] ? (const char *)attributes[1] : "";
	return NULL;
}

/* Whether an inline style holds "name: value", spaces and case aside. */
static bool style_says(const char *style, const char *name, const char *value)
{
	if (!style)
		return false;
	for (; *style; style += strcspn(style, ";")) {
		style += strspn(style, "; \t\r\n");
		if (strncasecmp(style, name, strlen(name)) != 0)
			continue;
		style += strlen(name);
		style += strspn(style, " \t");
		if (*style != ':')
			continue;
		style += 1 + strspn(style + 1, " \t");
		if (strncasecmp(style, value, strlen(value)) == 0)
			return true;
	}
	return false;
}

static bool is_hidden(const xmlChar **attributes)
{
	const char *style = attribute(attributes, "style");

	return attribute(attributes, "hidden") || style_says(style, "display", "none") ||
	       style_says(style, "visibility", "hidden") || style_says(style, "font-size", "0");
}

/* Classes that people give to words in boxes of their own, as lists of skills are drawn. */
static bool is_boxed(const xmlChar **attributes)
{
	static const char *const names[] = { "badge", "chip", "keyword", "label", "pill", "skill", "tag" };
	const char *class = attribute(attributes, "class");

	for (size_t n; class && *class; class += n) {
		n = strcspn(class, " -_\t\n");
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (str_eq_nocase(str_of(class, n), str_c(names[i])))
				return true;
		n += class[n] != '\0';
	}
	return false;
}

static bool is_inline(enum element_kind kind)
{
	return kind == INLINE || kind == BOLD || kind == ITALIC || kind == LINK;
}

/* Whether two neighbours without a space between are two words: "Engineer" "May 2020", "College" "Lagos". Small letters
 * on both sides are one word in two styles. Other scripts than Latin tell nothing, so there the elements count. */
static bool parts_words(unsigned char before, unsigned char after)
{
	if (before >= 0x80 || after >= 0x80)
		return before > ' ' && after > ' ' && !strchr("([{\"'/-", before) && !strchr(")]},;:.!?\"'/-", after);
	return (islower(before) && (isupper(after) || isdigit(after))) || (isdigit(before) && isupper(after));
}

static struct open_element *top(struct html *h)
{
	return &h->stack[h->depth < ELEMENTS_MAX ? h->depth : ELEMENTS_MAX - 1];
}

static void add_box(struct html *h, size_t from)
{
	while (h->n_boxes && h->boxes[h->n_boxes - 1].from >= from)
		h->n_boxes--; /* inside this one */
	if (h->n_boxes < BOXES_MAX && from < h->lines.text.n)
		h->boxes[h->n_boxes++] = (struct box){ from, h->lines.text.n };
}

static bool is_white(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!isspace((unsigned char)s.p[i]))
			return false;
	return true;
}

static bool holds_words(struct str s)
{
	bool letter = false;

	for (size_t i = 0; i < s.n; i++) {
		if (isdigit((unsigned char)s.p[i]))
			return false;
		letter |= isalpha((unsigned char)s.p[i]) || (unsigned char)s.p[i] >= 0xC3;
	}
	return letter;
}

/* A line of nothing but three or more inline elements with spaces between is a list: style sheets draw boxes around
 * them. Numbers are more often parts of dates. */
static void end_boxes(struct html *h)
{
	struct str text = buf_str(&h->lines.text);
	size_t end = 0;
	bool list = h->n_boxes >= BOXES_MIN && h->lines.heading == 0;

	for (int i = 0; list && i < h->n_boxes; i++) {
		struct box b = h->boxes[i];

		list = is_white(str_of(text.p + end, b.from - end)) && (i == 0 || b.from > end) && holds_words(str_of(text.p + b.from, b.to - b.from));
		end = b.to;
	}
	if (list && is_white(str_skip(text, end)))
		for (int i = 1; i < h->n_boxes; i++)
			lines_tab_at(&h->lines, h->boxes[i - 1].to);
	h->n_boxes = 0;
}

static void open_kind(struct html *h, enum element_kind kind, const char *name, const xmlChar **attributes)
{
	struct lines *l = &h->lines;
	const char *url;

	if (!is_inline(kind))
		end_boxes(h);
	switch (kind) {
	case BREAK: lines_break(l); break;
	case BLOCK: lines_paragraph(l); break;
	case HEADING:
		lines_block(l);
		l->heading = (uint8_t)(name[1] - '0');
		break;
	case ITEM:
		lines_paragraph(l);
		l->bullet = true;
		break;
	case TABLE: lines_table_start(l); break;
	case ROW: lines_row_start(l); break;
	case CELL: lines_cell_start(l); break;
	case LINK:
		url = attribute(attributes, "href");
		lines_link_start(l, str_c(url));
		break;
	case BOLD:
	case ITALIC:
	case INLINE:
	case DROPPED:
		break;
	}
}

static void close_kind(struct html *h, enum element_kind kind)
{
	struct lines *l = &h->lines;

	if (!is_inline(kind))
		end_boxes(h);
	switch (kind) {
	case BLOCK:
	case HEADING:
	case ITEM: lines_paragraph(l); break;
	case TABLE: lines_table_end(l); break;
	case ROW: lines_row_end(l); break;
	case CELL: lines_cell_end(l); break;
	case LINK: lines_link_end(l); break;
	case BREAK:
	case BOLD:
	case ITALIC:
	case INLINE:
	case DROPPED:
		break;
	}
}

static void on_start(void *ctx, const xmlChar *name, const xmlChar **attributes)
{
	struct html *h = ctx;
	struct open_element e = *top(h);

	e.kind = kind_of((const char *)name);
	e.style.bold |= e.kind == BOLD || e.kind == HEADING;
	e.style.italic |= e.kind == ITALIC;
	e.style.hidden |= is_hidden(attributes);
	e.dropped |= e.kind == DROPPED;
	e.boxed = e.kind == INLINE && is_boxed(attributes);
	e.from = h->lines.text.n;
	h->depth++;
	*top(h) = e;
	h->inline_met = is_inline(e.kind) && (h->inline_ended || h->inline_met);
	h->inline_ended = false;
	if (!e.dropped)
		open_kind(h, e.kind, (const char *)name, attributes);
	if (e.boxed && !e.dropped)
		lines_tab(&h->lines);
}

static void on_end(void *ctx, const xmlChar *name)
{
	struct html *h = ctx;

	if (h->depth < ELEMENTS_MAX && !top(h)->dropped) {
		if (top(h)->boxed)
			lines_tab(&h->lines);
		if (top(h)->kind == INLINE)
			add_box(h, top(h)->from);
		close_kind(h, top(h)->kind);
		h->inline_ended = is_inline(top(h)->kind);
	}
	if (h->depth > 0)
		h->depth--;
}

static void on_text(void *ctx, const xmlChar *text, int n)
{
	struct html *h = ctx;

	if (top(h)->dropped || n <= 0)
		return;
	if (h->inline_met && h->lines.text.n && parts_words((unsigned char)h->lines.text.p[h->lines.text.n - 1], text[0]))
		lines_tab(&h->lines);
	h->inline_ended = h->inline_met = false;
	lines_text(&h->lines, str_of(text, (size_t)n), &top(h)->style);
}

/* The value of the first "charset=" near the start, as browsers look for it before they parse. */
static struct str charset_label(struct str file)
{
	struct str head = str_of(file.p, file.n < META_BYTES ? file.n : META_BYTES), value;
	size_t n = 0;

	while (head.n > 8 && strncasecmp(head.p, "charset=", 8) != 0)
		head = str_skip(head, 1);
	value = str_skip(head, 8);
	while (value.n && (value.p[0] == '"' || value.p[0] == '\'' || value.p[0] == ' '))
		value = str_skip(value, 1);
	while (n < value.n && !strchr("\"' />;", value.p[n]))
		n++;
	return str_of(value.p, n);
}

static void on_message(void *ctx, const char *format, ...)
{
}

/* Parses UTF-8 text. libxml2 mends what is broken, so that there is no error but the lack of memory. */
static enum error_code parse(struct html *h, struct str text)
{
	xmlSAXHandler sax = {
		.startElement = on_start, .endElement = on_end, .characters = on_text, .ignorableWhitespace = on_text,
		.warning = on_message, .error = on_message, .fatalError = on_message,
	};
	htmlParserCtxtPtr ctxt = htmlCreatePushParserCtxt(&sax, h, NULL, 0, NULL, XML_CHAR_ENCODING_UTF8);

	if (!ctxt)
		return ERR_memory_limit;
	htmlCtxtUseOptions(ctxt, HTML_PARSE_RECOVER | HTML_PARSE_NONET | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING);
	while (text.n) {
		int n = text.n < (1 << 16) ? (int)text.n : 1 << 16;

		htmlParseChunk(ctxt, text.p, n, 0);
		text = str_skip(text, (size_t)n);
	}
	htmlParseChunk(ctxt, NULL, 0, 1);
	htmlFreeParserCtxt(ctxt);
	return ERR_NONE;
}

enum error_code html_read(struct str file, struct document *doc)
{
	struct html *h = calloc(1, sizeof(*h));
	enum error_code code = ERR_memory_limit;
	struct buf text;

	if (!h)
		return code;
	buf_init(&text, UTF8_BYTES_MAX);
	lines_init(&h->lines, doc);
	if (charset_to_utf8(file, charset_label(file), &text) == 0)
		code = parse(h, buf_str(&text));
	lines_block(&h->lines);
	lines_free(&h->lines);
	buf_free(&text);
	free(h);
	return code;
}
