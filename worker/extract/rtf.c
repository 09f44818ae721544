/*
 * RTF without a library: tokens come from rtf_tokens.c, words act in rtf_words.c; here are the groups, the way of text
 * into lines, and what the end of a group does. No recursion; every token is looked at once, those of page footers twice.
 */
#include <ctype.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "docx_style.h"
#include "formats.h"
#include "rtf_internal.h"

#define MARGIN_LINES 20         /* a longer page header is not compared with what was before */
#define HIDDEN_POINTS 2         /* letters that small are not meant to be read */

struct rtf_group *rtf_group(struct rtf *r)
{
	int top = r->depth < RTF_DEPTH_MAX ? r->depth : RTF_DEPTH_MAX - 1;

	return &r->groups[top];
}

static struct run_style run_style(const struct rtf *r, const struct rtf_group *g)
{
	/* White letters in tables and text boxes stand on a colour more often than not. */
	bool on_paper = !g->shaded && !g->paragraph_shaded && r->flow.box == 0 && r->flow.boxes[0].tables == 0;
	bool white = g->color >= 0 && g->color < RTF_COLORS_MAX && r->white[g->color];

	return (struct run_style){
		.bold = g->bold, .italic = g->italic, .font_size = g->font_size,
		.hidden = g->hidden || (white && on_paper) || (g->font_size > 0 && g->font_size <= HIDDEN_POINTS),
	};
}

/* Some writers put title and date side by side with nothing between but the end of the bold letters. */
static bool parts_words(const struct lines *l, struct str text)
{
	unsigned char before = l->text.n ? (unsigned char)l->text.p[l->text.n - 1] : ' ', after = (unsigned char)text.p[0];

	return islower(before) && (isupper(after) || isdigit(after));
}

static void add_text(struct rtf *r, struct str text)
{
	const struct rtf_group *g = rtf_group(r);
	struct run_style style;
	struct lines *l;

	if (g->deleted)
		return;
	rtf_flow_place(&r->flow, g->table_level);
	l = rtf_flow_lines(&r->flow);
	style = run_style(r, g);
	if (r->style_changed && parts_words(l, text))
		lines_tab(l);
	r->style_changed = false;
	lines_text(l, text, &style);
}

/* The table of colours has one semicolon an entry. */
static void add_colors(struct rtf *r, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] != ';')
			continue;
		if (r->colors < RTF_COLORS_MAX)
			r->white[r->colors++] = r->color_parts == 3;
		r->color_parts = 0;
	}
}

void rtf_emit(struct rtf *r, struct str text)
{
	bool broken_pair = r->high_surrogate > 0;

	if (text.n == 0)
		return;
	r->high_surrogate = 0;
	if (broken_pair)
		rtf_emit(r, STR("\uFFFD"));
	switch (rtf_group(r)->destination) {
	case RTF_TO_TEXT: add_text(r, text); break;
	case RTF_TO_COLORS: add_colors(r, text); break;
	case RTF_TO_STYLES:
	case RTF_TO_FIELD_CODE: buf_adds(&r->name, text); break;
	case RTF_TO_FONTS:
	case RTF_PASSED:
	case RTF_SKIPPED:
		break;
	}
}

void rtf_unicode(struct rtf *r, int number)
{
	unsigned c = number < 0 ? (unsigned)number + 0x10000u : (unsigned)number;
	utf8proc_uint8_t bytes[4];

	if (c >= 0xDC00 && c <= 0xDFFF && r->high_surrogate) {
		c = 0x10000 + ((r->high_surrogate - 0xD800) << 10) + (c - 0xDC00);
		r->high_surrogate = 0;
	}
	if (c >= 0xD800 && c <= 0xDBFF) {
		rtf_emit(r, r->high_surrogate ? STR("\uFFFD") : STR(""));
		r->high_surrogate = c;
	} else if (c >= 0xF020 && c <= 0xF0FF) { /* where Windows keeps the characters of symbol fonts */
		rtf_emit(r, rtf_symbol(c & 0xFF));
	} else if (c == 0 || !utf8proc_codepoint_valid((utf8proc_int32_t)c)) {
		rtf_emit(r, STR("\uFFFD"));
	} else {
		rtf_emit(r, str_of(bytes, (size_t)utf8proc_encode_char((utf8proc_int32_t)c, bytes)));
	}
}

static void decode_bytes(struct rtf *r)
{
	if (r->bytes.n == 0)
		return;
	buf_clear(&r->decoded);
	rtf_decode(buf_str(&r->bytes), r->code_page, &r->decoded);
	buf_clear(&r->bytes);
	rtf_emit(r, buf_str(&r->decoded));
}

/* Letters of several bytes may come in several tokens: they are decoded when something else comes. */
static void on_text(struct rtf *r, struct str text)
{
	const struct rtf_group *g = rtf_group(r);
	int code_page = rtf_font_find(&r->fonts, g->font);
	size_t skipped = (size_t)r->skip < text.n ? (size_t)r->skip : text.n;

	r->skip -= (int)skipped;
	text = str_skip(text, skipped);
	if (g->destination >= RTF_PASSED || r->depth == 0 || r->depth >= RTF_DEPTH_MAX)
		return;
	if (code_page != r->code_page)
		decode_bytes(r);
	r->code_page = code_page;
	buf_adds(&r->bytes, text);
}

static void on_symbol(struct rtf *r, char symbol)
{
	if (r->skip > 0)
		r->skip--;
	else if (symbol == '*')
		r->starred = true;
	else if (symbol == '~')
		rtf_emit(r, STR("\u00A0"));
	else if (symbol == '_')
		rtf_emit(r, STR("-"));
}

void rtf_end_line(struct rtf *r, bool paragraph)
{
	const struct rtf_group *g = rtf_group(r);
	struct lines *l;

	rtf_flow_place(&r->flow, g->table_level);
	l = rtf_flow_lines(&r->flow);
	if (g->heading) {
		l->heading = g->heading;
		l->bullet = false;
		l->new_block = true;
	}
	if (paragraph)
		lines_paragraph(l);
	else
		lines_break(l);
}

static void open_group(struct rtf *r)
{
	struct rtf_group *outer = rtf_group(r), *inner;

	r->depth++;
	r->skip = 0;
	if (r->depth >= RTF_DEPTH_MAX) {
		r->doc->warnings |= DOC_DAMAGED;
		return;
	}
	inner = rtf_group(r);
	*inner = *outer;
	inner->closes = RTF_CLOSES_NOTHING;
	if (outer->destination == RTF_TO_STYLES) {
		inner->closes = RTF_CLOSES_STYLE;
		r->style = -1;
		r->style_heading = 0;
		buf_clear(&r->name);
	}
}

static bool was_there(const struct document *doc, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(doc->lines[i].text, text) == 0)
			return true;
	return false;
}

/* The first and the even pages often have the same header again: one that adds nothing is taken back. */
static void close_margin(struct document *doc, const struct rtf_group *g)
{
	bool adds = doc->n_lines - g->first_line > MARGIN_LINES;

	for (size_t i = g->first_line; i < doc->n_lines && !adds; i++)
		adds = !was_there(doc, g->first_line, doc->lines[i].text);
	if (!adds) {
		doc->n_lines = g->first_line;
		doc->n_links = g->first_link;
	}
}

/* Keeps the address of: HYPERLINK "https://example.org" \o "tip" */
static void close_field_code(struct rtf *r)
{
	struct str code = str_trim(buf_str(&r->name)), url;

	r->url[0] = '\0';
	if (!str_starts(code, STR("HYPERLINK")))
		return;
	code = str_trim(str_skip(code, strlen("HYPERLINK")));
	if (str_starts(code, STR("\\"))) /* \l: a place in the document itself */
		return;
	url = str_starts(code, STR("\"")) ? (str_cut(&code, '"'), str_cut(&code, '"')) : str_cut(&code, ' ');
	if (url.n && url.n < sizeof(r->url)) {
		memcpy(r->url, url.p, url.n);
		r->url[url.n] = '\0';
	}
}

static void close_style(struct rtf *r)
{
	int heading = r->style_heading;

	while (r->name.n && r->name.p[r->name.n - 1] == ';')
		r->name.n--;
	buf_add(&r->name, "", 1);
	if (!r->name.failed && heading == 0)
		heading = docx_heading_of_name(r->name.p);
	if (r->style >= 0 && r->style < RTF_STYLES_MAX && heading > 0)
		r->heading_of_style[r->style] = (uint8_t)heading;
}

static void close_group(struct rtf *r)
{
	const struct rtf_group closed = *rtf_group(r);
	const struct rtf_group *outer;

	r->skip = 0;
	if (r->depth == 0 || --r->depth >= RTF_DEPTH_MAX - 1)
		return;
	outer = rtf_group(r);
	r->style_changed |= closed.bold != outer->bold || closed.italic != outer->italic;
	switch (closed.closes) {
	case RTF_CLOSES_BOX: rtf_flow_box_end(&r->flow); break;
	case RTF_CLOSES_MARGIN:
		rtf_flow_box_end(&r->flow);
		close_margin(r->doc, &closed);
		break;
	case RTF_CLOSES_LINK: lines_link_end(rtf_flow_lines(&r->flow)); break;
	case RTF_CLOSES_FIELD_CODE: close_field_code(r); break;
	case RTF_CLOSES_STYLE: close_style(r); break;
	case RTF_CLOSES_NOTHING: break;
	}
}

/* Reads up to the end of the group that depth stood before. False: the file ends earlier. */
static bool read_groups(struct rtf *r, int until_depth)
{
	struct rtf_token token;

	for (;;) {
		bool starred = r->starred;

		rtf_next(&r->rest, &token);
		if (token.kind != RTF_TEXT)
			decode_bytes(r);
		switch (token.kind) {
		case RTF_END: return r->depth <= until_depth;
		case RTF_OPEN: open_group(r); break;
		case RTF_CLOSE:
			close_group(r);
			if (r->depth <= until_depth)
				return true;
			break;
		case RTF_WORD: rtf_word(r, &token); break;
		case RTF_SYMBOL: on_symbol(r, token.text.p[0]); break;
		case RTF_TEXT: on_text(r, token.text); break;
		}
		if (starred)
			r->starred = false;
	}
}

/* Page footers stand before the text that they belong to; they are read after it. */
static void read_footers(struct rtf *r)
{
	for (int i = 0; i < r->n_footers; i++) {
		r->rest = r->footers[i].at;
		r->depth = 1;
		r->groups[1] = r->footers[i].group;
		if (!rtf_flow_box_start(&r->flow))
			return;
		r->groups[1].destination = RTF_TO_TEXT;
		r->groups[1].closes = RTF_CLOSES_MARGIN;
		r->groups[1].first_line = r->doc->n_lines;
		r->groups[1].first_link = r->doc->n_links;
		read_groups(r, 0);
	}
}

static enum error_code read_document(struct rtf *r)
{
	bool whole = read_groups(r, 0);

	rtf_end_line(r, true);
	rtf_flow_end(&r->flow);
	r->depth = 0;
	read_footers(r);
	if (r->bytes.failed || r->decoded.failed)
		return ERR_memory_limit;
	return whole ? ERR_NONE : ERR_corrupt;
}

enum error_code rtf_read(struct str file, struct document *doc)
{
	struct rtf *r = calloc(1, sizeof(*r));
	enum error_code code;

	if (!r)
		return ERR_memory_limit;
	r->doc = doc;
	r->rest = file;
	r->groups[0].fallback = 1;
	r->groups[0].font_size = 12;
	rtf_fonts_init(&r->fonts);
	rtf_flow_init(&r->flow, doc);
	buf_init(&r->bytes, file.n + 1);
	buf_init(&r->decoded, 4 * file.n + 64);
	buf_init(&r->name, RTF_NAME_BYTES);
	code = read_document(r);
	rtf_flow_free(&r->flow);
	buf_free(&r->bytes);
	buf_free(&r->decoded);
	buf_free(&r->name);
	free(r);
	return code;
}
