/* See config.h. The table config.def drives everything here. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "config_table.h"

extern char **environ;

static char **text_at(struct config *cfg, const struct config_key *k)
{
	return (char **)(void *)((char *)cfg + k->offset);
}

static int64_t *number_at(struct config *cfg, const struct config_key *k)
{
	return (int64_t *)(void *)((char *)cfg + k->offset);
}

static bool *flag_at(struct config *cfg, const struct config_key *k)
{
	return (bool *)((char *)cfg + k->offset);
}

static bool is_choice(const char *choices, struct str value)
{
	struct str rest = str_c(choices);

	while (rest.n)
		if (str_eq(str_cut(&rest, '|'), value))
			return true;
	return false;
}

bool config_key_names_file(const struct config_key *k)
{
	size_t n = strlen(k->key);

	return n > 5 && strcmp(k->key + n - 5, "_file") == 0;
}

/* %d at the beginning of a …_file value is systemd's credentials directory (systemd.exec(5), "Credentials"). */
static char *expand_text(const struct config_key *k, struct str value)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	char *out = NULL;

	if (!config_key_names_file(k) || !directory || !str_starts(value, STR("%d/")))
		return strndup(value.n ? value.p : "", value.n);
	if (asprintf(&out, "%s" STR_FMT, directory, STR_ARG(str_skip(value, 2))) < 0)
		return NULL;
	return out;
}

static int set_text(struct config *cfg, const struct config_key *k, struct str value)
{
	char *copy = expand_text(k, value);

	if (!copy)
		return -ENOMEM;
	free(*text_at(cfg, k));
	*text_at(cfg, k) = copy;
	return 0;
}

static int set_boolean(struct config *cfg, const struct config_key *k, struct str value)
{
	bool yes = is_choice("yes|true|on|1", value);

	if (!yes && !is_choice("no|false|off|0", value))
		return -EINVAL;
	*flag_at(cfg, k) = yes;
	return 0;
}

static int set_number(struct config *cfg, const struct config_key *k, struct str value)
{
	uint64_t number;
	int64_t ms;
	int rc;

	if (k->type == TYPE_INTEGER) {
		rc = str_to_u64(value, (uint64_t)k->min, (uint64_t)k->max, &number);
		if (rc == 0)
			*number_at(cfg, k) = (int64_t)number;
		return rc;
	}
	rc = str_to_ms(value, k->max, &ms);
	if (rc == 0 && ms < k->min)
		rc = -ERANGE;
	if (rc == 0)
		*number_at(cfg, k) = ms;
	return rc;
}

int config_set(struct config *cfg, struct str section, struct str key, struct str value, const char *where, struct buf *problems)
{
	const struct config_key *k = config_key_find(section, key);
	char allowed[256];
	int rc = -EINVAL;

	if (!k) {
		buf_addf(problems, "%s: unknown %s [" STR_FMT "] " STR_FMT "\n", where,
			 config_section_exists(section) ? "key" : "section", STR_ARG(section), STR_ARG(key));
		return -EINVAL;
	}
	switch (k->type) {
	case TYPE_TEXT:
		rc = set_text(cfg, k, value);
		break;
	case TYPE_CHOICE:
		rc = is_choice(k->choices, value) ? set_text(cfg, k, value) : -EINVAL;
		break;
	case TYPE_BOOLEAN:
		rc = set_boolean(cfg, k, value);
		break;
	case TYPE_INTEGER:
	case TYPE_SECONDS:
		rc = set_number(cfg, k, value);
		break;
	}
	if (rc == 0)
		return 0;
	config_describe_allowed(k, allowed, sizeof(allowed));
	buf_addf(problems, "%s: [%s] %s = \"" STR_FMT "\" is not allowed; it takes %s\n", where, k->section, k->key, STR_ARG(value), allowed);
	return -EINVAL;
}

static int set_defaults(struct config *cfg)
{
	for (int i = 0; i < CONFIG_KEYS; i++) {
		const struct config_key *k = &config_keys[i];

		if (k->type == TYPE_TEXT || k->type == TYPE_CHOICE) {
			*text_at(cfg, k) = strdup(k->text_default);
			if (!*text_at(cfg, k))
				return -ENOMEM;
		} else if (k->type == TYPE_BOOLEAN) {
			*flag_at(cfg, k) = k->number_default != 0;
		} else {
			*number_at(cfg, k) = k->number_default;
		}
	}
	return 0;
}

/* CVPULSE_REDIS_URL -> [redis] url. A variable of one of our sections with an unknown key is an error, like in the file. */
static void load_variable(struct config *cfg, const char *variable, struct buf *problems)
{
	struct str value = str_c(variable), name = str_cut(&value, '='), section, key;
	char lowered[128], where[160];

	if (!str_starts(name, STR("CVPULSE_")) || name.n - 8 >= sizeof(lowered))
		return;
	for (size_t i = 8; i <= name.n; i++) {
		char c = i < name.n ? name.p[i] : '\0';

		lowered[i - 8] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
	}
	key = str_c(lowered);
	section = str_cut(&key, '_');
	if (!key.n || !config_section_exists(section))
		return;
	snprintf(where, sizeof(where), "environment " STR_FMT, STR_ARG(name));
	config_set(cfg, section, key, value, where, problems);
}

static void load_flag(struct config *cfg, const char *flag, struct buf *problems)
{
	struct str value = str_c(flag), name = str_cut(&value, '='), key = name, section = str_cut(&key, '.');

	if (!value.p || !key.p) {
		buf_addf(problems, "--set %s: it takes section.key=value\n", flag);
		return;
	}
	config_set(cfg, str_trim(section), str_trim(key), str_trim(value), "--set", problems);
}

int config_load(struct config *cfg, const struct config_args *args, struct buf *problems)
{
	*cfg = (struct config){ 0 };
	if (set_defaults(cfg) < 0)
		return -ENOMEM;
	config_read_file(cfg, args->file ? args->file : SYSCONFDIR "/cvpulse/cvpulse.conf", !args->file, problems);
	for (char **e = environ; *e; e++)
		load_variable(cfg, *e, problems);
	for (int i = 0; i < args->n_sets; i++)
		load_flag(cfg, args->sets[i], problems);
	config_check(cfg, problems);
	return problems->n || problems->failed ? -EINVAL : 0;
}

void config_free(struct config *cfg)
{
	for (int i = 0; i < CONFIG_KEYS; i++)
		if (config_keys[i].type == TYPE_TEXT || config_keys[i].type == TYPE_CHOICE) {
			free(*text_at(cfg, &config_keys[i]));
			*text_at(cfg, &config_keys[i]) = NULL;
		}
}

static bool key_differs(struct config *a, struct config *b, const struct config_key *k)
{
	if (k->type == TYPE_TEXT || k->type == TYPE_CHOICE)
		return strcmp(*text_at(a, k), *text_at(b, k)) != 0;
	if (k->type == TYPE_BOOLEAN)
		return *flag_at(a, k) != *flag_at(b, k);
	return *number_at(a, k) != *number_at(b, k);
}

static void key_take(struct config *into, struct config *from, const struct config_key *k)
{
	if (k->type == TYPE_TEXT || k->type == TYPE_CHOICE) {
		char *old = *text_at(into, k);

		*text_at(into, k) = *text_at(from, k);
		*text_at(from, k) = old;
	} else if (k->type == TYPE_BOOLEAN) {
		*flag_at(into, k) = *flag_at(from, k);
	} else {
		*number_at(into, k) = *number_at(from, k);
	}
}

int config_reload(struct config *cfg, const struct config_args *args, struct buf *problems,
		  void (*on_change)(const char *section, const char *key, bool applied))
{
	struct config fresh;
	int rc = config_load(&fresh, args, problems);

	for (size_t i = 0; rc == 0 && i < CONFIG_KEYS; i++) {
		const struct config_key *k = &config_keys[i];

		if (!key_differs(cfg, &fresh, k))
			continue;
		if (k->reload == LIVE)
			key_take(cfg, &fresh, k);
		on_change(k->section, k->key, k->reload == LIVE);
	}
	config_free(&fresh);
	return rc;
}
