/*
 * See parse_contact.h. Visible text goes before links: a person checks what is printed. What stands in the header or a
 * contact section goes before the rest; what belongs to referees is never taken.
 */
#include "parse_contact.h"

#include "parse_phone.h"
#include "parse_place.h"
#include "parse_text.h"
#include "parse_url.h"

#define EMAIL_LOCAL_MAX 64      /* RFC 5321, 4.5.3.1 */
#define EMAIL_DOMAIN_MAX 255
#define LABEL_BYTES_MAX 40
#define SCAN_BYTES_MAX 4096     /* contact data stand at the beginning of a line, if it is a long one */

static bool is_email_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '%' ||
		c == '+' || c == '-';
}

static bool is_domain_char(char c)
{
	return is_email_char(c) && c != '_' && c != '%' && c != '+';
}

struct str email_find(struct str s)
{
	for (size_t at = 1; at + 3 < s.n; at++) {
		size_t from = at, to = at + 1, dot = 0;

		if (s.p[at] != '@')
			continue;
		while (from > 0 && at - from < EMAIL_LOCAL_MAX && is_email_char(s.p[from - 1]))
			from--;
		while (to < s.n && to - at < EMAIL_DOMAIN_MAX && is_domain_char(s.p[to])) {
			if (s.p[to] == '.')
				dot = to;
			to++;
		}
		while (to > at && (s.p[to - 1] == '.' || s.p[to - 1] == '-')) {
			to--;
			dot = dot == to ? 0 : dot;
		}
		if (dot == 0)
			for (size_t i = at + 1; i < to; i++)
				dot = s.p[i] == '.' ? i : dot;
		while (from < at && (s.p[from] == '.' || s.p[from] == '-' || s.p[from] == '+'))
			from++;
		if (from < at && dot > at + 1 && to - dot >= 3)
			return str_of(s.p + from, to - from);
		at = to - 1;
	}
	return str_of(NULL, 0);
}

static size_t colon_at(struct str s)
{
	for (size_t i = 0; i < s.n && i < LABEL_BYTES_MAX; i++) {
		if (s.p[i] == ':')
			return i;
		if (i + 3 <= s.n && memcmp(s.p + i, "\xEF\xBC\x9A", 3) == 0) /* the wide colon of Chinese */
			return i;
	}
	return SIZE_MAX;
}

int label_take(struct str text, struct str *value)
{
	size_t colon = colon_at(text), used = 0;
	int kind;

	if (colon != SIZE_MAX) {
		kind = words_find(WORD_LABEL, text_strip(str_of(text.p, colon), "()"));
		if (kind >= 0) {
			*value = text_strip(str_skip(text, colon + (text.p[colon] == ':' ? 1 : 3)), ":");
			return kind;
		}
	}
	kind = words_find_prefix(WORD_LABEL, str_of(text.p, text.n < LABEL_BYTES_MAX ? text.n : LABEL_BYTES_MAX), &used);
	if (kind != LABEL_EMAIL && kind != LABEL_PHONE && kind != LABEL_URL)
		return -1;
	*value = text_strip(str_skip(text, used), ":");
	/* Without a colon only the value itself shows that this was a label: "M +49 …". */
	if (value->n == 0 || (kind == LABEL_PHONE && !text_is_digit((unsigned char)value->p[0]) && value->p[0] != '+' && value->p[0] != '('))
		return -1;
	return kind;
}

bool contact_has(struct str text)
{
	struct str value, url;

	if (email_find(text).n || phone_find(text, false).n || text_find(text, STR("://")) != SIZE_MAX)
		return true;
	url = text;
	while (url.n) {
		struct str word = str_cut(&url, ' ');

		if (url_is_bare(text_strip(word, ",;()|")))
			return true;
	}
	return label_take(text, &value) >= 0 && label_take(text, &value) != LABEL_TITLE && label_take(text, &value) != LABEL_ENDS_BODY;
}

static bool is_contact_section(enum section_kind kind)
{
	return kind == SECTION_HEADER || kind == SECTION_CONTACT;
}

/* What one pass has gathered, best first. */
struct found {
	struct str email, email_elsewhere;
	struct str phone, phone_elsewhere;
	struct place place;
	int place_sure;
};

static void take_phone(struct str text, int label, bool here, struct found *f)
{
	struct str value = text, number;

	label_take(text, &value);
	number = phone_find(value, label == LABEL_PHONE);
	if (number.n && here && !f->phone.n)
		f->phone = number;
	else if (number.n && !here && !f->phone_elsewhere.n && text_count_words(text) <= 8)
		f->phone_elsewhere = number;
}

static void take_email(struct str text, bool here, struct found *f)
{
	struct str address = email_find(text);

	if (address.n && here && !f->email.n)
		f->email = address;
	else if (address.n && !f->email_elsewhere.n)
		f->email_elsewhere = address;
}

static void take_place(struct str text, int label, bool with_contact, struct found *f)
{
	struct place p;
	int sure = place_parse(text, &p);

	if (label == LABEL_ADDRESS) {
		if (sure == 0 && !p.city.n && text.n < 60 && !text_has_digit(text) && text_count_words(text) <= 3)
			p.city = text;
		sure = 3;
	} else if (sure == 0 || text_count_words(text) > 12 || words_any(WORD_TITLE, text) || (sure == 2 && !p.city.n && !with_contact)) {
		return;
	}
	if (sure > f->place_sure) {
		f->place = p;
		f->place_sure = sure;
	} else if (f->place_sure == 1 && sure == 2 && !f->place.country[0] && p.country[0]) {
		memcpy(f->place.country, p.country, sizeof(p.country));
	}
}

/* A line that says only where: after "69003 Lyon" comes "France". */
static void take_country_line(struct str text, struct found *f)
{
	int value = f->place.city.n && !f->place.country[0] ? words_find(WORD_COUNTRY, text) : -1;

	if (value >= 0) {
		f->place.country[0] = (char)(value / 256);
		f->place.country[1] = (char)(value % 256);
	}
}

static void scan_line(const struct line *l, int label, struct found *f, struct resume *r)
{
	bool here = is_contact_section(l->section);
	bool brief = here || (l->section == SECTION_SUMMARY && text_count_words(l->text) <= (text_has_digit(l->text) ? 10 : 6));
	struct str text = str_of(l->text.p, l->text.n < SCAN_BYTES_MAX ? l->text.n : SCAN_BYTES_MAX), rest, value;
	bool with_contact = text_find(text, STR("@")) != SIZE_MAX;

	if (l->section == SECTION_REFERENCES)
		return;
	take_email(text, here, f);
	if (label < 0)
		label = label_take(text, &value);
	take_phone(text, label, here, f);
	if (!brief)
		return;
	urls_from_text(text, here || text_count_words(text) <= 2, r);
	take_country_line(text, f);
	rest = text;
	while (rest.p) {
		struct str part = text_segment(&rest, true), inner = part;
		int own = label_take(part, &inner);

		if (part.n && !email_find(part).n && !phone_find(part, label == LABEL_PHONE).n)
			take_place(own == LABEL_ADDRESS ? inner : part, own >= 0 ? own : label, with_contact, f);
	}
}

static void scan_lines(const struct line_list *lines, struct found *f, struct resume *r)
{
	int label = -1;

	for (size_t i = 0; i < lines->n; i++) {
		const struct line *l = &lines->v[i];
		int own = l->text.n <= LABEL_BYTES_MAX ? words_find(WORD_LABEL, text_strip(l->text, ":.")) : -1;

		if (own >= 0 && !l->is_heading && (is_contact_section(l->section) || l->section == SECTION_SUMMARY)) {
			label = own; /* the value stands in the next cell or line */
			continue;
		}
		if (!l->is_heading)
			scan_line(l, label, f, r);
		label = -1;
	}
}

static enum section_kind section_of_link(const struct line_list *lines, const struct doc_link *link)
{
	size_t low = 0, high = lines->n;

	if (link->line < 0)
		return SECTION_HEADER;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (lines->v[middle].last_doc < (size_t)link->line)
			low = middle + 1;
		else
			high = middle;
	}
	return low < lines->n ? lines->v[low].section : SECTION_HEADER;
}

static struct str link_target(struct str url, const char *scheme)
{
	struct str query = str_skip(url, strlen(scheme));

	return str_cut(&query, '?');
}

static void scan_links(const struct document *doc, const struct line_list *lines, struct found *f, struct resume *r)
{
	for (size_t i = 0; i < doc->n_links; i++) {
		struct str url = str_c(doc->links[i].url);
		enum section_kind section = section_of_link(lines, &doc->links[i]);

		if (section == SECTION_REFERENCES)
			continue;
		if (str_starts(url, STR("mailto:")) && !f->email.n && !f->email_elsewhere.n)
			f->email = email_find(link_target(url, "mailto:"));
		else if (str_starts(url, STR("tel:")) && !f->phone.n && !f->phone_elsewhere.n)
			f->phone = phone_find(link_target(url, "tel:"), true);
		else if (is_contact_section(section) || section == SECTION_SUMMARY)
			url_take(url, section != SECTION_SUMMARY, r);
	}
}

/* The number as the result has it: E.164 when the number itself names its country. A number as dialled at home stays
 * as written, so that it can be found in the file again; its international form stands beside it. */
static void set_phone(struct resume *r, struct str number)
{
	char e164[20];
	size_t n = phone_e164(number, "", e164);
	char *p;

	r->phone = number;
	if (n && (p = arena_take(r->arena, n))) {
		memcpy(p, e164, n);
		r->phone = str_of(p, n);
	} else if (r->place.country[0]) {
		phone_e164(number, r->place.country, r->phone_e164);
	}
}

void contact_parse(const struct document *doc, const struct line_list *lines, struct resume *r)
{
	struct found f = { .place_sure = 0 };

	scan_lines(lines, &f, r);
	scan_links(doc, lines, &f, r);
	r->email = f.email.n ? f.email : f.email_elsewhere;
	r->place = f.place;
	set_phone(r, f.phone.n ? f.phone : f.phone_elsewhere);
}
