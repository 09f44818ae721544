/* See parse_phone.h. The rules of the countries: parse_phone.def. */
#include "parse_phone.h"

#include "parse_text.h"

#define DIGITS_MIN 7
#define DIGITS_MAX 15           /* E.164 */
#define SPAN_MAX 32             /* a number with its spaces and brackets */

static const struct {
	char country[3];
	const char *code, *trunk;
	int min, max;           /* digits after the trunk prefix */
} rules[] = {
#define PHONE(country, code, trunk, min, max) { country, code, trunk, min, max },
#include "parse_phone.def"
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The bytes of a separator inside a number at p: space, dot, dash, slash, bracket, also typographic ones. */
static size_t separator_bytes(struct str s, size_t at)
{
	size_t next = at;
	uint32_t c = text_next(s, &next);

	if (c == ' ' || c == '-' || c == '.' || c == '/' || c == '(' || c == ')' || c == 0xA0 || (c >= 0x2010 && c <= 0x2013) ||
	    c == 0x202F || c == 0x2009 || c == 0x2212)
		return next - at;
	return 0;
}

/* The run of digits and separators from `at` on; ends at its last digit. Two spaces' worth of separators end it. */
static struct str take_run(struct str s, size_t at, int *digits, int *groups)
{
	size_t end = at, i = at + (s.p[at] == '+'), gap = 0;
	int separators = 0;

	*digits = 0;
	*groups = 1;
	while (i < s.n && i - at < SPAN_MAX) {
		if (is_digit(s.p[i])) {
			*groups += separators > 0 && *digits > 0;
			separators = 0;
			(*digits)++;
			end = ++i;
			continue;
		}
		gap = separator_bytes(s, i);
		if (gap == 0 || ++separators > 3)
			break;
		i += gap;
	}
	return str_of(s.p + at, end - at);
}

static int year_at(struct str s)
{
	if (s.n < 4 || !is_digit(s.p[0]) || !is_digit(s.p[1]) || !is_digit(s.p[2]) || !is_digit(s.p[3]) || (s.n > 4 && is_digit(s.p[4])))
		return 0;
	return (s.p[0] - '0') * 1000 + (s.p[1] - '0') * 100 + (s.p[2] - '0') * 10 + (s.p[3] - '0');
}

/* "2012 - 2016", "10.2006 - 02.2011", "2019-03-01": numbers of time, not of a telephone. */
static bool looks_like_time(struct str s, int digits)
{
	struct str tail = s.n >= 4 ? str_skip(s, s.n - 4) : s;
	int first = year_at(s.p[0] == '(' ? str_skip(s, 1) : s), last = year_at(tail);

	if (s.p[0] == '+')
		return false;
	if (first >= 1900 && first <= 2099 && digits <= 12)
		return true;
	return last >= 1900 && last <= 2099 && digits <= 12 && s.n > 4 && !is_digit(s.p[s.n - 5]) && memchr(s.p, '.', s.n) && digits != 10;
}

static bool bad_neighbour(struct str s, size_t from, size_t to)
{
	size_t at = to;

	if (from > 0 && (text_is_letter((unsigned char)s.p[from - 1]) || s.p[from - 1] == '_' || s.p[from - 1] == '@' || s.p[from - 1] == '/'))
		return true;
	if (from > 1 && (s.p[from - 1] == '-' || s.p[from - 1] == '.') && s.p[from - 2] != ' ' && s.p[from - 2] != ':')
		return true;
	return at < s.n && (text_is_letter(text_next(s, &at)) || s.p[to] == '@' || s.p[to] == '%');
}

struct str phone_find(struct str s, bool labelled)
{
	for (size_t i = 0; i < s.n; i++) {
		int digits, groups;
		struct str run;
		bool plus = s.p[i] == '+', open = s.p[i] == '(';

		if (!is_digit(s.p[i]) && !(plus && i + 1 < s.n && (is_digit(s.p[i + 1]) || s.p[i + 1] == '(')) &&
		    !(open && i + 1 < s.n && (is_digit(s.p[i + 1]) || s.p[i + 1] == '+')))
			continue;
		run = take_run(s, i, &digits, &groups);
		if (open && run.n > 1 && run.p[1] == '+') {
			run = take_run(s, i + 1, &digits, &groups);
			open = false;
		}
		if (digits >= DIGITS_MIN && digits <= DIGITS_MAX && !bad_neighbour(s, i, (size_t)(run.p + run.n - s.p)) &&
		    !looks_like_time(run, digits) && (plus || open || labelled || (groups > 1 && digits >= 8) || (digits >= 9 && run.p[0] == '0') || digits == 10))
			return run;
		i += run.n > 0 ? run.n - 1 : 0;
	}
	return str_of(NULL, 0);
}

size_t phone_e164(struct str number, const char *country, char out[20])
{
	char digits[DIGITS_MAX + 4];
	size_t n = 0, skip = 0;
	bool plus = number.n > 0 && number.p[0] == '+';

	for (size_t i = 0; i < number.n && n < sizeof(digits); i++) {
		/* "+44 (0)20 …": the zero in brackets is only dialled at home. */
		if (plus && number.p[i] == '(' && i + 2 < number.n && number.p[i + 1] == '0' && number.p[i + 2] == ')')
			i += 2;
		else if (is_digit(number.p[i]))
			digits[n++] = number.p[i];
	}
	if (!plus && n > 2 && digits[0] == '0' && digits[1] == '0')
		plus = true, skip = 2;
	out[0] = '\0';
	if (plus) {
		if (n - skip < DIGITS_MIN || n - skip > DIGITS_MAX || digits[skip] == '0')
			return 0;
		out[0] = '+';
		memcpy(out + 1, digits + skip, n - skip);
		out[n - skip + 1] = '\0';
		return n - skip + 1;
	}
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		size_t code = strlen(rules[i].code), trunk = strlen(rules[i].trunk);

		if (strcmp(rules[i].country, country) != 0)
			continue;
		if (trunk && n > trunk && memcmp(digits, rules[i].trunk, trunk) == 0)
			skip = trunk;
		if ((int)(n - skip) < rules[i].min || (int)(n - skip) > rules[i].max)
			return 0;
		out[0] = '+';
		memcpy(out + 1, rules[i].code, code);
		memcpy(out + 1 + code, digits + skip, n - skip);
		out[1 + code + n - skip] = '\0';
		return 1 + code + n - skip;
	}
	return 0;
}
