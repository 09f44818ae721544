/* See parse_place.h. A place is read from its end: country, then state, then town with its postal code, then street. */
#include "parse_place.h"

#include "parse_text.h"

#define PARTS_MAX 8
#define PLACE_BYTES_MAX 160

/* The parts between commas (Latin, Chinese, Arabic), trimmed. Too many: none. */
static size_t split_parts(struct str text, struct str parts[PARTS_MAX])
{
	size_t n = 0, from = 0, at = 0;

	while (at <= text.n) {
		size_t next = at;
		uint32_t c = at < text.n ? text_next(text, &next) : ',';

		if (c == ',' || c == 0xFF0C || c == 0x060C || c == 0x3001) {
			struct str part = text_strip(str_of(text.p + from, at - from), ".()");

			if (n == PARTS_MAX)
				return 0;
			if (part.n)
				parts[n++] = part;
			from = next;
		}
		if (at >= text.n)
			break;
		at = next;
	}
	return n;
}

static void set_country(struct place *p, int value)
{
	p->country[0] = (char)(value / 256);
	p->country[1] = (char)(value % 256);
	p->country[2] = '\0';
}

static bool is_capitals(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 'A' || s.p[i] > 'Z')
			return false;
	return s.n > 0;
}

/* The country of a state or province; short forms only in capitals. -1: none. */
static int region_country(struct str part)
{
	if (part.n <= 3 && !is_capitals(part))
		return -1;
	return words_find(WORD_REGION, part);
}

static bool is_digit_or_dash(char c)
{
	return (c >= '0' && c <= '9') || c == '-';
}

static size_t count_digits(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] >= '0' && s.p[i] <= '9';
	return n;
}

/* One word of digits as postal codes have them: 4 to 6, or with a dash 12-345, 1000-001, 97201-1234. */
static bool is_postal_number(struct str word)
{
	size_t digits = count_digits(word);

	for (size_t i = 0; i < word.n; i++)
		if (!is_digit_or_dash(word.p[i]))
			return false;
	return (digits >= 4 && digits <= 9 && word.n - digits <= 1) && word.p[0] != '-';
}

/* Half of a British or Canadian code: "E8", "3RH", "K1A". */
static bool is_postal_half(struct str word)
{
	bool letter = false, digit = false;

	for (size_t i = 0; i < word.n; i++) {
		letter |= word.p[i] >= 'A' && word.p[i] <= 'Z';
		digit |= word.p[i] >= '0' && word.p[i] <= '9';
		if (!(word.p[i] >= 'A' && word.p[i] <= 'Z') && !(word.p[i] >= '0' && word.p[i] <= '9'))
			return false;
	}
	return letter && digit && word.n >= 2 && word.n <= 4;
}

/* Takes a postal code off either end of the part. "D-70565" counts as 70565. */
static struct str take_postal_code(struct str *part)
{
	struct str first = text_first_word(*part), last = text_last_word(*part), code = { NULL, 0 }, rest;

	if (first.n > 2 && first.p[1] == '-' && first.p[0] >= 'A' && first.p[0] <= 'Z')
		first = str_skip(first, 2);
	if (is_postal_number(first)) {
		rest = text_strip(str_of(first.p + first.n, (size_t)(part->p + part->n - first.p - first.n)), "");
		code = first;
		/* Dutch codes have two capitals more: 1012 AB */
		if (first.n == 4 && is_capitals(text_first_word(rest)) && text_first_word(rest).n == 2) {
			code.n = (size_t)(text_first_word(rest).p + 2 - code.p);
			rest = text_strip(str_skip(rest, 2), "");
		}
		*part = rest;
	} else if (is_postal_number(last)) {
		code = last;
		*part = text_strip(str_of(part->p, (size_t)(last.p - part->p)), "");
	} else if (is_postal_half(last)) {
		rest = text_strip(str_of(part->p, (size_t)(last.p - part->p)), "");
		code = last;
		if (is_postal_half(text_last_word(rest))) {
			code = text_last_word(rest);
			code.n = (size_t)(last.p + last.n - code.p);
			rest = text_strip(str_of(rest.p, (size_t)(code.p - rest.p)), "");
		}
		if (code.n > last.n || last.n > 3)
			*part = rest;
		else
			code = str_of(NULL, 0);
	}
	return code;
}

/* The last part is a country, or ends with one: "France", "London GB", "Galway IE". */
static bool take_country(struct str *part, struct place *p)
{
	int value = words_find(WORD_COUNTRY, *part);
	struct str last = text_last_word(*part);

	if (value >= 0) {
		*part = str_of(NULL, 0);
		set_country(p, value);
		return true;
	}
	if (last.n == part->n || words_find(WORD_CITY, *part) >= 0)     /* "Ciudad de México" */
		return false;
	value = words_find(WORD_COUNTRY, last);
	if (value < 0 && words_is_country_code(last))
		value = last.p[0] * 256 + last.p[1];
	if (value < 0 && last.n > 2 && last.p[0] == '(')
		value = words_find(WORD_COUNTRY, text_strip(last, "()"));
	if (value < 0)
		return false;
	set_country(p, value);
	*part = text_strip(str_of(part->p, (size_t)(last.p - part->p)), "");
	return true;
}

static bool is_town(struct str s)
{
	return s.n > 1 && s.n <= 60 && !text_has_digit(s) && text_count_words(s) <= 5 && text_count_letters(s) * 2 > s.n / 2 &&
		!memchr(s.p, '@', s.n) && !memchr(s.p, ':', s.n) && !memchr(s.p, '/', s.n);
}

static void take_region(struct str *part, struct place *p, bool three_or_more)
{
	struct str region = *part, code = take_postal_code(&region);
	int value = region_country(region);

	if (value < 0 && !(three_or_more && p->country[0] && !code.n && is_town(region)))
		return;
	p->region = region;
	if (code.n)
		p->postal_code = code;
	if (value >= 0 && !p->country[0])
		set_country(p, value);
	*part = str_of(NULL, 0);
}

/* "Apt 6 Seattle Washington": the state behind the town, and the house before it, where no comma parts them. */
static void take_region_behind(struct str *town, struct place *p)
{
	struct str last = text_last_word(*town), rest = *town;

	if (last.n < town->n && last.n > 1 && !p->region.n && region_country(last) == p->country[0] * 256 + p->country[1]) {
		p->region = last;
		*town = text_strip(str_of(town->p, (size_t)(last.p - town->p)), ",");
	}
	while (rest.n) {
		struct str word = str_cut(&rest, ' ');

		if (text_has_digit(word) && rest.n)
			*town = str_of(rest.p, (size_t)(town->p + town->n - rest.p));
		if (!rest.n || rest.p >= town->p + town->n)
			break;
	}
}

/* "Milano (MI)": the short name of the province. */
static struct str without_province(struct str town, struct place *p)
{
	if (town.n < 6 || town.p[town.n - 1] != ')' || town.p[town.n - 4] != '(' || !is_capitals(str_of(town.p + town.n - 3, 2)))
		return town;
	if (!p->region.n)
		p->region = str_of(town.p + town.n - 3, 2);
	return text_strip(str_of(town.p, town.n - 4), "");
}

int place_parse(struct str text, struct place *out)
{
	struct str parts[PARTS_MAX];
	size_t n = text.n && text.n <= PLACE_BYTES_MAX ? split_parts(text, parts) : 0;
	struct str town;
	bool sure;

	*out = (struct place){ 0 };
	if (n == 0)
		return 0;
	sure = take_country(&parts[n - 1], out);
	n -= parts[n - 1].n == 0;
	if (n == 1 && parts[0].n <= 3 && region_country(parts[0]) >= 0) {
		take_region(&parts[0], out, false);
		return 2;
	}
	if (n > 1) {
		take_region(&parts[n - 1], out, n > 1 && parts[n - 1].n && parts[n - 2].n && !text_has_digit(parts[n - 1]) &&
			!text_has_digit(parts[n - 2]));
		n -= parts[n - 1].n == 0;
		sure |= out->region.n > 0;
	}
	if (n == 0)
		return sure ? 2 : 0;
	town = without_province(parts[n - 1], out);
	if (!out->postal_code.n)
		out->postal_code = take_postal_code(&town);
	if (sure)
		take_region_behind(&town, out);
	if (n == 1 && !sure && words_find(WORD_CITY, town) >= 0)
		sure = true;
	if (!is_town(town))
		return sure ? 2 : 0;
	out->city = town;
	if (n > 1)
		out->address = str_of(text.p, (size_t)(parts[n - 2].p + parts[n - 2].n - text.p));
	/* A plain number behind a word is no postal code: "Invoice 2031". */
	return sure ? 2 : out->postal_code.n > 0 && (out->postal_code.p < town.p || !is_postal_number(out->postal_code));
}

size_t place_tail(struct str text)
{
	size_t found = text.n, commas = 0;
	struct place p;

	/* A place is a town and at most two more parts. */
	for (size_t i = text.n; i > 0 && commas < 3; i--) {
		struct str tail;

		if (text.p[i - 1] != ',')
			continue;
		commas++;
		tail = text_strip(str_skip(text, i), "");
		if (place_parse(tail, &p) != 2 || p.address.n || p.postal_code.n)
			continue;
		if (p.city.n && (words_any(WORD_ORG, p.city) || words_any(WORD_SCHOOL, p.city) || words_any(WORD_TITLE, p.city) ||
		    words_find(WORD_LEGAL, text_last_word(p.city)) >= 0))
			break;
		found = i - 1;
		if (p.city.n && region_country(p.city) < 0)
			break;
	}
	return found;
}
