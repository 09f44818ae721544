/* What each control word does, as one sorted table. See rtf_internal.h. */
#include <stdlib.h>

#include "rtf_internal.h"

struct word {
	const char *name;
	void (*act)(struct rtf *r, const struct word *word, const struct rtf_token *token);
	int value;
	const char *text;
};

static bool is_on(const struct rtf_token *token)
{
	return !token->has_number || token->number != 0;
}

static bool in_text(struct rtf *r)
{
	return rtf_group(r)->destination == RTF_TO_TEXT;
}

/* Destinations. Text that is passed by does not come back but in the groups that are made for it. */

static void go_to(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	struct rtf_group *g = rtf_group(r);

	if (word->value == RTF_PASSED && g->destination != RTF_PASSED)
		g->outer = g->destination;
	if (g->destination != RTF_PASSED || word->value == RTF_SKIPPED)
		g->destination = (enum rtf_destination)word->value;
	buf_clear(&r->name);
}

/* The part of what was passed by that every reader can show. */
static void go_back(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	struct rtf_group *g = rtf_group(r);

	if (g->destination == RTF_PASSED)
		g->destination = g->outer;
}

static void stay(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
}

static void start_box(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	struct rtf_group *g = rtf_group(r);

	go_back(r, word, token);
	if (!in_text(r) || g->closes != RTF_CLOSES_NOTHING)
		return;
	if (!rtf_flow_box_start(&r->flow)) {
		g->destination = RTF_SKIPPED;
		return;
	}
	g->closes = RTF_CLOSES_BOX;
	g->table_level = 0;
	g->heading = 0;
}

static void start_header(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	struct rtf_group *g = rtf_group(r);

	if (r->n_headers++ >= RTF_MARGINS_MAX || r->flow.box > 0) {
		g->destination = RTF_SKIPPED;
		return;
	}
	start_box(r, word, token);
	if (g->closes == RTF_CLOSES_BOX) {
		g->closes = RTF_CLOSES_MARGIN;
		g->first_line = r->doc->n_lines;
		g->first_link = r->doc->n_links;
	}
}

static void keep_footer(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	struct rtf_group *g = rtf_group(r);

	if (in_text(r) && r->n_footers < RTF_MARGINS_MAX) {
		r->footers[r->n_footers].at = r->rest;
		r->footers[r->n_footers].group = *g;
		r->n_footers++;
	}
	g->destination = RTF_SKIPPED;
}

static void start_field_code(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	if (!in_text(r))
		return;
	go_to(r, word, token);
	rtf_group(r)->closes = RTF_CLOSES_FIELD_CODE;
}

static void start_field_result(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	if (!in_text(r) || !r->url[0] || rtf_group(r)->closes != RTF_CLOSES_NOTHING)
		return;
	rtf_flow_place(&r->flow, rtf_group(r)->table_level);
	lines_link_start(rtf_flow_lines(&r->flow), str_c(r->url));
	rtf_group(r)->closes = RTF_CLOSES_LINK;
	r->url[0] = '\0';
}

/* The mark of a list item, as text for readers that know no lists. */
static void pass_list_mark(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	if (in_text(r)) {
		rtf_flow_place(&r->flow, rtf_group(r)->table_level);
		rtf_flow_lines(&r->flow)->bullet = true;
	}
	rtf_group(r)->destination = RTF_SKIPPED;
}

/* The document and its tables. */

static void set_code_page(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	r->fonts.code_page = word->value ? word->value : token->number;
}

static void set_default_font(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	r->default_font = rtf_group(r)->font = token->number;
}

static void set_font_charset(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	if (rtf_group(r)->destination == RTF_TO_FONTS)
		rtf_font_charset(&r->fonts, rtf_group(r)->font, token->number);
}

static void set_font_code_page(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	if (rtf_group(r)->destination == RTF_TO_FONTS)
		rtf_font_code_page(&r->fonts, rtf_group(r)->font, token->number);
}

static void add_color_part(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	r->color_parts += token->number == 255;
}

/* Characters. */

static void add_char(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	rtf_emit(r, str_c(word->text));
}

static void add_unicode(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	rtf_unicode(r, token->number);
	r->skip = rtf_group(r)->fallback;
}

static void set_fallback(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	rtf_group(r)->fallback = token->number < 0 || token->number > 16 ? 1 : token->number;
}

static void add_tab(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	if (!in_text(r) || rtf_group(r)->hidden)
		return;
	rtf_flow_place(&r->flow, rtf_group(r)->table_level);
	lines_tab(rtf_flow_lines(&r->flow));
}

static void set_bold(struct rtf *r, const struct word *word, const struct rtf_token *token) { rtf_group(r)->bold = is_on(token); }
static void set_italic(struct rtf *r, const struct word *word, const struct rtf_token *token) { rtf_group(r)->italic = is_on(token); }
static void set_hidden(struct rtf *r, const struct word *word, const struct rtf_token *token) { rtf_group(r)->hidden = is_on(token); }
static void set_deleted(struct rtf *r, const struct word *word, const struct rtf_token *token) { rtf_group(r)->deleted = is_on(token); }
static void set_color(struct rtf *r, const struct word *word, const struct rtf_token *token) { rtf_group(r)->color = token->number; }
static void set_font(struct rtf *r, const struct word *word, const struct rtf_token *token) { rtf_group(r)->font = token->number; }

static void set_shading(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	rtf_group(r)->shaded = token->number > 0;
}

static void set_paragraph_shading(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	rtf_group(r)->paragraph_shaded = token->number > 0;
}

static void set_font_size(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	rtf_group(r)->font_size = token->number > 0 && token->number < 10000 ? (float)token->number / 2 : 0;
}

static void reset_characters(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	struct rtf_group *g = rtf_group(r);

	g->bold = g->italic = g->hidden = g->deleted = g->shaded = false;
	g->color = 0;
	g->font = r->default_font;
	g->font_size = 12;
}

/* Paragraphs. */

static void reset_paragraph(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	struct rtf_group *g = rtf_group(r);

	g->heading = 0;
	g->table_level = 0;
	g->paragraph_shaded = false;
}

static void set_style(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	if (token->number < 0 || token->number >= RTF_STYLES_MAX)
		return;
	if (rtf_group(r)->destination == RTF_TO_STYLES)
		r->style = token->number;
	else
		rtf_group(r)->heading = r->heading_of_style[token->number];
}

static void set_outline_level(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	uint8_t heading = token->number >= 0 && token->number < 6 ? (uint8_t)(token->number + 1) : 0;

	if (rtf_group(r)->destination == RTF_TO_STYLES)
		r->style_heading = heading;
	else
		rtf_group(r)->heading = heading;
}

static void end_line(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	if (in_text(r))
		rtf_end_line(r, word->value);
}

static void end_block(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	if (!in_text(r))
		return;
	rtf_end_line(r, true);
	rtf_flow_lines(&r->flow)->new_block = true;
}

/* Tables. */

static void set_in_table(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	struct rtf_group *g = rtf_group(r);

	if (!is_on(token))
		g->table_level = 0;
	else if (g->table_level == 0)
		g->table_level = 1;
}

static void set_table_level(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	rtf_group(r)->table_level = token->number < 0 ? 0 : token->number > LINES_TABLES_MAX ? LINES_TABLES_MAX : token->number;
}

static void start_row(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	if (in_text(r))
		rtf_flow_row_expected(&r->flow);
}

static int level_of(struct rtf *r, const struct word *word)
{
	int own = rtf_group(r)->table_level;

	return word->value == 1 ? 1 : own < 2 ? 2 : own;
}

static void end_cell(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	if (!in_text(r))
		return;
	rtf_end_line(r, true);
	rtf_flow_cell_end(&r->flow, level_of(r, word));
}

static void end_row(struct rtf *r, const struct word *word, const struct rtf_token *token)
{
	if (in_text(r))
		rtf_flow_row_end(&r->flow, level_of(r, word));
}

static const struct word words[] = {
#define RTF_WORD_IS(name, act, value, text) { name, act, value, text },
#include "rtf_words.def"
#undef RTF_WORD_IS
};

static int by_name(const void *key, const void *element)
{
	struct str name = *(const struct str *)key, other = str_c(((const struct word *)element)->name);
	int order = memcmp(name.p, other.p, name.n < other.n ? name.n : other.n);

	return order ? order : (name.n > other.n) - (name.n < other.n);
}

/* After \* only these may open a destination; other words there belong to what is not known. */
static bool is_destination(const struct word *word)
{
	return word->act == go_to || word->act == go_back || word->act == stay || word->act == start_box ||
	       word->act == start_header || word->act == keep_footer || word->act == start_field_code ||
	       word->act == start_field_result || word->act == pass_list_mark;
}

void rtf_word(struct rtf *r, const struct rtf_token *token)
{
	const struct word *word;

	if (rtf_group(r)->destination == RTF_SKIPPED || r->depth == 0 || r->depth >= RTF_DEPTH_MAX)
		return;
	word = bsearch(&token->text, words, sizeof(words) / sizeof(words[0]), sizeof(words[0]), by_name);
	if (r->starred && (!word || !is_destination(word)))
		rtf_group(r)->destination = RTF_SKIPPED;
	else if (word)
		word->act(r, word, token);
}
