/* See errors.h. */
#include "errors.h"

static const struct {
	const char *name, *sentence;
	bool retryable;
} table[ERR_COUNT] = {
	[ERR_NONE] = { "", "", false },
#define ERROR_CODE(n, r, s) [ERR_##n] = { #n, s, r },
#include "error_codes.def"
#undef ERROR_CODE
};

const char *error_name(enum error_code code)
{
	return table[code].name;
}

const char *error_sentence(enum error_code code)
{
	return table[code].sentence;
}

bool error_retryable(enum error_code code)
{
	return table[code].retryable;
}

enum error_code error_by_name(struct str name)
{
	for (int i = 1; i < ERR_COUNT; i++)
		if (str_eq(name, str_c(table[i].name)))
			return (enum error_code)i;
	return ERR_NONE;
}
