/* See json_member.h. */
#include "json_member.h"

static size_t skip_space(struct str s, size_t i)
{
	while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\t' || s.p[i] == '\n' || s.p[i] == '\r'))
		i++;
	return i;
}

/* i stands on the opening quote; returns the position after the closing one. */
static size_t skip_string(struct str s, size_t i)
{
	for (i++; i < s.n && s.p[i] != '"'; i++)
		if (s.p[i] == '\\')
			i++;
	return i < s.n ? i + 1 : s.n;
}

/* Brackets need only be counted, since the text is valid: no recursion. */
static size_t skip_value(struct str s, size_t i)
{
	size_t depth = 0;

	while (i < s.n) {
		char c = s.p[i];

		if (c == '"') {
			i = skip_string(s, i);
			continue;
		}
		if (depth == 0 && (c == ',' || c == '}' || c == ']'))
			break;
		if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
			depth--;
		i++;
	}
	return i;
}

struct str json_member(struct str s, const char *name)
{
	struct str wanted = str_c(name);
	size_t i = skip_space(s, 0);

	if (i >= s.n || s.p[i] != '{')
		return str_of(NULL, 0);
	i = skip_space(s, i + 1);
	while (i < s.n && s.p[i] == '"') {
		size_t start = i, value;
		struct str key;

		i = skip_string(s, i);
		key = i - start >= 2 ? str_of(s.p + start + 1, i - start - 2) : str_of(NULL, 0);
		i = skip_space(s, i);
		if (i >= s.n || s.p[i] != ':')
			break;
		value = skip_space(s, i + 1);
		i = skip_value(s, value);
		if (str_eq(key, wanted))
			return str_trim(str_of(s.p + value, i - value));
		if (i >= s.n || s.p[i] != ',')
			break;
		i = skip_space(s, i + 1);
	}
	return str_of(NULL, 0);
}
