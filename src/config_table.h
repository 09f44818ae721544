/* The rows of config.def as a table; for the files config*.c only. */
#ifndef CVPULSE_CONFIG_TABLE_H
#define CVPULSE_CONFIG_TABLE_H

#include "config.h"

enum config_type { TYPE_TEXT, TYPE_CHOICE, TYPE_INTEGER, TYPE_SECONDS, TYPE_BOOLEAN };
enum config_reload_rule { RESTART, LIVE };

struct config_key {
	const char *section, *key;
	enum config_type type;
	size_t offset;                          /* of the member in struct config */
	const char *text_default, *choices;
	int64_t number_default, min, max;       /* seconds are kept in milliseconds */
	enum config_reload_rule reload;
	const char *doc;
};

enum {
#define TEXT(s, k, d, r, doc) CONFIG_##s##_##k,
#define CHOICE(s, k, d, c, r, doc) CONFIG_##s##_##k,
#define INTEGER(s, k, d, lo, hi, r, doc) CONFIG_##s##_##k,
#define SECONDS(s, k, d, lo, hi, r, doc) CONFIG_##s##_##k##_s,
#define BOOLEAN(s, k, d, r, doc) CONFIG_##s##_##k,
#include "config.def"
#undef TEXT
#undef CHOICE
#undef INTEGER
#undef SECONDS
#undef BOOLEAN
	CONFIG_KEYS
};

extern const struct config_key config_keys[CONFIG_KEYS];

const struct config_key *config_key_find(struct str section, struct str key); /* NULL: no such key */
bool config_section_exists(struct str section);
bool config_key_names_file(const struct config_key *k); /* it is called …_file */
/* "one of debug|info|warning|error", for messages and the generated file. */
void config_describe_allowed(const struct config_key *k, char *out, size_t cap);
void config_format_seconds(char *out, size_t cap, int64_t ms);  /* the shortest decimal form */

/* Reads an INI file into cfg; every problem is a line in *problems. A missing file is none when may_be_missing. */
void config_read_file(struct config *cfg, const char *name, bool may_be_missing, struct buf *problems);
/* What one row of the table cannot say: addresses, lists, keys that depend on each other. */
void config_check(const struct config *cfg, struct buf *problems);

#endif
