/* See docx_style.h. */
#include "docx_style.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#define STYLES_MAX 4000
#define BASED_ON_MAX 10         /* longer chains are cut, circles too */
#define HIDDEN_HALF_POINTS 4    /* letters of two points and less cannot be read */

struct style {
	char id[DOCX_NAME_BYTES], based_on[DOCX_NAME_BYTES];
	struct docx_properties said;
};

struct docx_styles {
	struct style *styles;
	size_t n, cap;
};

const struct docx_properties docx_nothing_said = {
	.heading = -1, .list = -1, .bold = -1, .italic = -1, .hidden = -1, .white = -1, .shaded = -1,
};

static int later(int base, int over)
{
	return over >= 0 ? over : base;
}

struct docx_properties docx_properties_merge(struct docx_properties base, struct docx_properties over)
{
	return (struct docx_properties){
		.heading = later(base.heading, over.heading), .list = later(base.list, over.list),
		.bold = later(base.bold, over.bold), .italic = later(base.italic, over.italic),
		.hidden = later(base.hidden, over.hidden), .white = later(base.white, over.white),
		.shaded = later(base.shaded, over.shaded),
		.font_size = over.font_size > 0 ? over.font_size : base.font_size,
	};
}

int docx_heading_of_name(const char *name)
{
	static const char *const words[] = {
		"heading", "\u00FCberschrift", "berschrift", "titre", "ttulo", "t\u00EDtulo", "titolo", "kop", "rubrik", "overskrift",
		"otsikko", "nag\u0142wek", "nagwek", "nadpis", "c\u00EDmsor", "cmsor", "\u0437\u0430\u0433\u043E\u043B\u043E\u0432\u043E\u043A",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t n = strlen(words[i]);

		if (strncasecmp(name, words[i], n) != 0)
			continue;
		name += n;
		name += *name == ' ' || *name == '_';
		return *name >= '1' && *name <= '6' && !name[1] ? *name - '0' : -1;
	}
	return -1;
}

/* <w:b/> says yes; w:val="0", "false", "off" or "none" say no. */
static int on_off(struct xml *x)
{
	char value[8];

	if (!xml_attribute(x, "val", value, sizeof(value)))
		return 1;
	return strcmp(value, "0") != 0 && strcmp(value, "false") != 0 && strcmp(value, "off") != 0 && strcmp(value, "none") != 0;
}

static uint64_t number(struct xml *x)
{
	char value[16];
	uint64_t n;

	xml_attribute(x, "val", value, sizeof(value));
	return str_to_u64(str_c(value), 0, 10000, &n) == 0 ? n : 0;
}

static bool value_is(struct xml *x, const char *name, const char *value)
{
	char is[DOCX_NAME_BYTES];

	return xml_attribute(x, name, is, sizeof(is)) && strcasecmp(is, value) == 0;
}

static void read_outline_level(struct xml *x, struct docx_properties *props)
{
	char value[8];
	uint64_t level;

	xml_attribute(x, "val", value, sizeof(value));
	if (str_to_u64(str_c(value), 0, 5, &level) == 0)
		props->heading = (int)level + 1;
}

static void read_property(struct xml *x, const struct docx_styles *styles, struct docx_properties *props)
{
	char id[DOCX_NAME_BYTES];

	if (xml_is(x, "pStyle") || xml_is(x, "rStyle")) {
		if (styles && xml_attribute(x, "val", id, sizeof(id)))
			*props = docx_properties_merge(*props, docx_style_find(styles, id));
	} else if (xml_is(x, "numId")) {
		props->list = number(x) > 0;
	} else if (xml_is(x, "outlineLvl")) {
		read_outline_level(x, props);
	} else if (xml_is(x, "b")) {
		props->bold = on_off(x);
	} else if (xml_is(x, "i")) {
		props->italic = on_off(x);
	} else if (xml_is(x, "vanish") || xml_is(x, "webHidden")) {
		props->hidden = on_off(x);
	} else if (xml_is(x, "sz")) {
		props->font_size = (float)number(x) / 2;
		if (number(x) > 0 && number(x) <= HIDDEN_HALF_POINTS)
			props->hidden = 1;
	} else if (xml_is(x, "color")) {
		props->white = value_is(x, "val", "FFFFFF");
	} else if (xml_is(x, "shd")) {
		props->shaded = !value_is(x, "fill", "auto") && !value_is(x, "fill", "FFFFFF");
	} else if (xml_is(x, "highlight")) {
		props->shaded = 1;
	}
}

struct docx_properties docx_properties_read(struct xml *x, const struct docx_styles *styles)
{
	struct docx_properties props = docx_nothing_said;
	int depth = xml_depth(x);
	enum xml_event event;

	while ((event = xml_next(x)) != XML_END) {
		if (event == XML_END_ELEMENT && xml_depth(x) == depth)
			break;
		if (event != XML_START_ELEMENT)
			continue;
		/* In w:pPr: the look of the paragraph mark, the section, and what was before a tracked change. */
		if (xml_is(x, "rPr") || xml_is(x, "sectPr") || xml_is(x, "pPrChange") || xml_is(x, "rPrChange"))
			xml_skip(x);
		else
			read_property(x, styles, &props);
	}
	return props;
}

static struct style *add_style(struct docx_styles *s)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 64;
		struct style *more = s->n < STYLES_MAX ? reallocarray(s->styles, cap, sizeof(*more)) : NULL;

		if (!more)
			return NULL;
		s->styles = more;
		s->cap = cap;
	}
	s->styles[s->n] = (struct style){ .said = docx_nothing_said };
	return &s->styles[s->n++];
}

static void read_style(struct xml *x, struct style *style)
{
	char name[DOCX_NAME_BYTES];
	int depth = xml_depth(x), heading = -1;
	enum xml_event event;

	xml_attribute(x, "styleId", style->id, sizeof(style->id));
	while ((event = xml_next(x)) != XML_END) {
		if (event == XML_END_ELEMENT && xml_depth(x) == depth)
			break;
		if (event != XML_START_ELEMENT)
			continue;
		if (xml_is(x, "name") && xml_attribute(x, "val", name, sizeof(name)))
			heading = docx_heading_of_name(name);
		else if (xml_is(x, "basedOn"))
			xml_attribute(x, "val", style->based_on, sizeof(style->based_on));
		else if (xml_is(x, "pPr") || xml_is(x, "rPr"))
			style->said = docx_properties_merge(style->said, docx_properties_read(x, NULL));
		else if (xml_is(x, "tblStylePr"))
			xml_skip(x);
	}
	if (heading > 0)
		style->said.heading = heading;
}

struct docx_styles *docx_styles_load(struct package *p, const char *part)
{
	struct docx_styles *s = calloc(1, sizeof(*s));
	struct xml *x = xml_open(p, part);
	enum xml_event event;

	while (s && x && (event = xml_next(x)) != XML_END) {
		struct style *style;

		if (event != XML_START_ELEMENT || !xml_is(x, "style"))
			continue;
		style = add_style(s);
		if (!style)
			break;
		read_style(x, style);
	}
	xml_close(x);
	return s;
}

void docx_styles_free(struct docx_styles *s)
{
	if (s)
		free(s->styles);
	free(s);
}

static const struct style *find(const struct docx_styles *s, const char *id)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->styles[i].id, id) == 0)
			return &s->styles[i];
	return NULL;
}

struct docx_properties docx_style_find(const struct docx_styles *s, const char *id)
{
	struct docx_properties props = docx_nothing_said;
	const struct style *style = find(s, id);

	if (!style)
		props.heading = docx_heading_of_name(id);
	for (int i = 0; style && i < BASED_ON_MAX; i++) {
		props = docx_properties_merge(style->said, props);
		style = style->based_on[0] ? find(s, style->based_on) : NULL;
	}
	return props;
}
