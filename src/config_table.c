/* See config_table.h. */
#include "config_table.h"

#include <inttypes.h>

const struct config_key config_keys[CONFIG_KEYS] = {
#define TEXT(s, k, d, r, doc) { #s, #k, TYPE_TEXT, offsetof(struct config, s##_##k), d, NULL, 0, 0, 0, r, doc },
#define CHOICE(s, k, d, c, r, doc) { #s, #k, TYPE_CHOICE, offsetof(struct config, s##_##k), d, c, 0, 0, 0, r, doc },
#define INTEGER(s, k, d, lo, hi, r, doc) { #s, #k, TYPE_INTEGER, offsetof(struct config, s##_##k), NULL, NULL, d, lo, hi, r, doc },
#define SECONDS(s, k, d, lo, hi, r, doc) { #s, #k "_s", TYPE_SECONDS, offsetof(struct config, s##_##k##_ms), NULL, NULL, d, lo, hi, r, doc },
#define BOOLEAN(s, k, d, r, doc) { #s, #k, TYPE_BOOLEAN, offsetof(struct config, s##_##k), NULL, NULL, d, 0, 1, r, doc },
#include "config.def"
#undef TEXT
#undef CHOICE
#undef INTEGER
#undef SECONDS
#undef BOOLEAN
};

const struct config_key *config_key_find(struct str section, struct str key)
{
	for (int i = 0; i < CONFIG_KEYS; i++)
		if (str_eq(section, str_c(config_keys[i].section)) && str_eq(key, str_c(config_keys[i].key)))
			return &config_keys[i];
	return NULL;
}

bool config_section_exists(struct str section)
{
	for (int i = 0; i < CONFIG_KEYS; i++)
		if (str_eq(section, str_c(config_keys[i].section)))
			return true;
	return false;
}

void config_format_seconds(char *out, size_t cap, int64_t ms)
{
	if (ms % 1000 == 0)
		snprintf(out, cap, "%" PRId64, ms / 1000);
	else
		snprintf(out, cap, "%" PRId64 ".%03d", ms / 1000, (int)(ms % 1000));
	for (size_t n = strlen(out); strchr(out, '.') && out[n - 1] == '0'; n--)
		out[n - 1] = '\0';
}

void config_describe_allowed(const struct config_key *k, char *out, size_t cap)
{
	char min[32], max[32];

	switch (k->type) {
	case TYPE_TEXT:
		snprintf(out, cap, "any text");
		break;
	case TYPE_CHOICE:
		snprintf(out, cap, "one of %s", k->choices);
		break;
	case TYPE_INTEGER:
		snprintf(out, cap, "a whole number from %" PRId64 " to %" PRId64, k->min, k->max);
		break;
	case TYPE_SECONDS:
		config_format_seconds(min, sizeof(min), k->min);
		config_format_seconds(max, sizeof(max), k->max);
		snprintf(out, cap, "seconds from %s to %s, decimals allowed", min, max);
		break;
	case TYPE_BOOLEAN:
		snprintf(out, cap, "yes or no");
		break;
	}
}
