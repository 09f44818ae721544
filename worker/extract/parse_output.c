/*
 * See parse_output.h. JSON is written straight into the buffer, members in the schema's order; empty ones are left
 * out, so each list of an entry's members is a table of names and offsets.
 */
#include "parse_output.h"

#include "parse.h"
#include "parse_url.h"

static const char *const language_codes[TEXT_LANGUAGES] = {
	[TEXT_EN] = "en", [TEXT_FR] = "fr", [TEXT_DE] = "de", [TEXT_ES] = "es", [TEXT_IT] = "it",
	[TEXT_PT] = "pt", [TEXT_NL] = "nl", [TEXT_PL] = "pl", [TEXT_ZH] = "zh", [TEXT_AR] = "ar",
};

static const struct {
	unsigned bit;
	const char *name;
} warnings[] = {
#define DOC_WARNING(bit, name, sentence) { DOC_##bit, name },
#include "warnings.def"
#undef DOC_WARNING
};

/* Opens an object or list, or a member of one: the comma is written when something stands before. */
static void comma(struct buf *b)
{
	if (b->n && b->p[b->n - 1] != '{' && b->p[b->n - 1] != '[')
		buf_addz(b, ",");
}

static void key(struct buf *b, const char *name)
{
	comma(b);
	buf_add_json(b, str_c(name));
	buf_addz(b, ":");
}

static void text_member(struct buf *b, const char *name, struct str value)
{
	if (value.n == 0)
		return;
	key(b, name);
	buf_add_json(b, value);
}

static void date_member(struct buf *b, const char *name, struct date d)
{
	char text[16];

	text_member(b, name, str_of(text, date_format(d, text)));
}

static void list_member(struct buf *b, const char *name, const struct str_list *list)
{
	if (list->n == 0)
		return;
	key(b, name);
	buf_addz(b, "[");
	for (size_t i = 0; i < list->n; i++) {
		comma(b);
		buf_add_json(b, list->v[i]);
	}
	buf_addz(b, "]");
}

static void url_member(struct buf *b, struct str url)
{
	if (url_is_clean(url))
		text_member(b, "url", url);
}

static void location_member(struct buf *b, const struct place *p)
{
	if (!p->city.n && !p->country[0] && !p->region.n && !p->address.n)
		return;
	key(b, "location");
	buf_addz(b, "{");
	text_member(b, "address", p->address);
	text_member(b, "postalCode", p->postal_code);
	text_member(b, "city", p->city);
	text_member(b, "countryCode", str_c(p->country));
	text_member(b, "region", p->region);
	buf_addz(b, "}");
}

static void profiles_member(struct buf *b, const struct pair_list *list)
{
	if (list->n == 0)
		return;
	key(b, "profiles");
	buf_addz(b, "[");
	for (size_t i = 0; i < list->n; i++) {
		comma(b);
		buf_addz(b, "{");
		text_member(b, "network", list->v[i].name);
		text_member(b, "username", list->v[i].value);
		url_member(b, list->v[i].url);
		buf_addz(b, "}");
	}
	buf_addz(b, "]");
}

static void basics_member(struct buf *b, const struct resume *r)
{
	key(b, "basics");
	buf_addz(b, "{");
	text_member(b, "name", r->name);
	text_member(b, "label", r->label);
	text_member(b, "email", r->email);
	text_member(b, "phone", r->phone);
	url_member(b, r->url);
	text_member(b, "summary", r->summary);
	location_member(b, &r->place);
	profiles_member(b, &r->profiles);
	buf_addz(b, "}");
}

/* What the fields of an entry are called in a section; NULL: not in this one. */
struct entry_names {
	const char *list, *name, *position, *area, *location, *url, *start, *end, *score, *summary, *highlights, *keywords;
};

static const struct entry_names entry_names[] = {
	{ "work", "name", "position", NULL, "location", "url", "startDate", "endDate", NULL, "summary", "highlights", "keywords" },
	{ "volunteer", "organization", "position", NULL, NULL, "url", "startDate", "endDate", NULL, "summary", "highlights", NULL },
	{ "education", "institution", "studyType", "area", NULL, "url", "startDate", "endDate", "score", NULL, NULL, "courses" },
	{ "awards", "title", NULL, "awarder", NULL, NULL, "date", NULL, NULL, "summary", NULL, NULL },
	{ "certificates", "name", NULL, "issuer", NULL, "url", "date", NULL, NULL, NULL, NULL, NULL },
	{ "publications", "name", NULL, "publisher", NULL, "url", "releaseDate", NULL, NULL, "summary", NULL, NULL },
	{ "projects", "name", NULL, NULL, NULL, "url", "startDate", "endDate", NULL, "description", "highlights", "keywords" },
	{ "references", "name", NULL, NULL, NULL, NULL, NULL, NULL, NULL, "reference", NULL, NULL },
};

static void entry_object(struct buf *b, const struct entry_names *n, const struct entry *e)
{
	comma(b);
	buf_addz(b, "{");
	text_member(b, n->name, e->name);
	if (n->position)
		text_member(b, n->position, e->position);
	if (n->area)
		text_member(b, n->area, e->area);
	if (n->location)
		text_member(b, n->location, e->location);
	if (n->url)
		url_member(b, e->url);
	if (n->start && e->has_when)
		date_member(b, n->start, e->when.start);
	if (n->end && e->has_when && !e->when.current)
		date_member(b, n->end, e->when.end);
	if (n->score)
		text_member(b, n->score, e->score);
	if (n->summary)
		text_member(b, n->summary, e->summary);
	if (n->highlights)
		list_member(b, n->highlights, &e->highlights);
	if (n->keywords)
		list_member(b, n->keywords, &e->keywords);
	buf_addz(b, "}");
}

static void entries_member(struct buf *b, const struct entry_names *n, const struct entry_list *list)
{
	if (list->n == 0)
		return;
	key(b, n->list);
	buf_addz(b, "[");
	for (size_t i = 0; i < list->n; i++)
		entry_object(b, n, &list->v[i]);
	buf_addz(b, "]");
}

static void skill_object(struct buf *b, const struct skill *skill)
{
	comma(b);
	buf_addz(b, "{");
	text_member(b, "name", skill->name);
	text_member(b, "level", skill->level);
	list_member(b, "keywords", &skill->keywords);
	buf_addz(b, "}");
}

/* each_named: words without a group are things of their own (interests), not keywords of a group without a name. */
static void skills_member(struct buf *b, const char *name, const struct skill_list *list, bool each_named)
{
	if (list->n == 0)
		return;
	key(b, name);
	buf_addz(b, "[");
	for (size_t i = 0; i < list->n; i++) {
		const struct skill *skill = &list->v[i];

		if (skill->name.n || !each_named)
			skill_object(b, skill);
		for (size_t k = 0; k < skill->keywords.n && !skill->name.n && each_named; k++)
			skill_object(b, &(struct skill){ .name = skill->keywords.v[k] });
	}
	buf_addz(b, "]");
}

static void languages_member(struct buf *b, const struct pair_list *list)
{
	if (list->n == 0)
		return;
	key(b, "languages");
	buf_addz(b, "[");
	for (size_t i = 0; i < list->n; i++) {
		comma(b);
		buf_addz(b, "{");
		text_member(b, "language", list->v[i].name);
		text_member(b, "fluency", list->v[i].value);
		buf_addz(b, "}");
	}
	buf_addz(b, "]");
}

/* A CV names a person who can be reached, or has what CVs are made of. */
static bool is_cv(const struct resume *r)
{
	return r->work.n || r->education.n || r->skills.n || r->languages.n || r->volunteer.n || r->projects.n ||
		(r->name.n && (r->email.n || r->phone.n));
}

static void warnings_member(struct buf *b, const struct document *doc, const struct resume *r)
{
	unsigned bits = doc->warnings | (is_cv(r) ? 0 : DOC_NOT_A_CV);

	key(b, "warnings");
	buf_addz(b, "[");
	for (size_t i = 0; i < sizeof(warnings) / sizeof(warnings[0]); i++)
		if (bits & warnings[i].bit) {
			comma(b);
			buf_add_json(b, str_c(warnings[i].name));
		}
	buf_addz(b, "]");
}

/* How much of what such an entry should have was found, on average. */
static float entries_confidence(const struct entry_list *list)
{
	size_t points = 0;

	for (size_t i = 0; i < list->n; i++)
		points += 2u * (list->v[i].name.n > 0) + (list->v[i].position.n > 0 || list->v[i].area.n > 0) + (size_t)list->v[i].has_when;
	return list->n ? (float)points / (4.0f * (float)list->n) : 0;
}

static void confidence_of(struct buf *b, const char *name, float value)
{
	if (value <= 0)
		return;
	key(b, name);
	buf_addf(b, "%.2f", (double)value);
}

static void confidence_member(struct buf *b, const struct resume *r)
{
	key(b, "confidence");
	buf_addz(b, "{");
	confidence_of(b, "basics", r->name_confidence * 0.5f + (r->email.n ? 0.3f : 0) + (r->phone.n ? 0.2f : 0));
	confidence_of(b, "work", entries_confidence(&r->work));
	confidence_of(b, "education", entries_confidence(&r->education));
	confidence_of(b, "skills", r->skills.n ? 0.8f : 0);
	confidence_of(b, "languages", r->languages.n ? 0.9f : 0);
	buf_addz(b, "}");
}

static void meta_member(struct buf *b, const struct document *doc, const struct resume *r)
{
	key(b, "meta");
	buf_addz(b, "{");
	text_member(b, "canonical", STR("https://raw.githubusercontent.com/jsonresume/resume-schema/v1.0.0/schema.json"));
	text_member(b, "version", STR("v1.0.0"));
	key(b, "cvpulse");
	buf_addz(b, "{");
	text_member(b, "parser", STR(PARSE_VERSION));
	text_member(b, "format", str_c(doc->format));
	if (r->language >= 0)
		text_member(b, "language", str_c(language_codes[r->language]));
	if (doc->pages > 0) {
		key(b, "pages");
		buf_addf(b, "%d", doc->pages);
	}
	text_member(b, "phone_e164", str_c(r->phone_e164));
	confidence_member(b, r);
	warnings_member(b, doc, r);
	buf_addz(b, "}}");
}

void output_resume(const struct document *doc, const struct resume *r, struct buf *b)
{
	const struct entry_list *const lists[] = { &r->work, &r->volunteer, &r->education, &r->awards, &r->certificates, &r->publications,
		&r->projects, &r->references };

	buf_addz(b, "{");
	basics_member(b, r);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		entries_member(b, &entry_names[i], lists[i]);
	skills_member(b, "skills", &r->skills, false);
	languages_member(b, &r->languages);
	skills_member(b, "interests", &r->interests, true);
	meta_member(b, doc, r);
	buf_addz(b, "}");
}

static size_t count_keywords(const struct skill_list *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		n += list->v[i].keywords.n;
	return n;
}

void output_summary(const struct document *doc, const struct resume *r, struct buf *b)
{
	buf_addz(b, "{");
	text_member(b, "name", r->name);
	comma(b);
	buf_addf(b, "\"has_email\":%s,\"has_phone\":%s,\"work\":%zu,\"education\":%zu,\"skills\":%zu,\"languages\":%zu",
		r->email.n ? "true" : "false", r->phone.n ? "true" : "false", r->work.n, r->education.n, count_keywords(&r->skills), r->languages.n);
	warnings_member(b, doc, r);
	buf_addz(b, "}");
}
