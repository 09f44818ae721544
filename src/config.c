/* See config.h. The table config.def drives everything here. */
#include "config.h"

#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>

extern char **environ;

enum config_type { TYPE_TEXT, TYPE_CHOICE, TYPE_INTEGER, TYPE_SECONDS, TYPE_BOOLEAN };
enum config_reload_rule { RESTART, LIVE };

struct config_key {
	const char *section, *key;
	enum config_type type;
	size_t offset;
	const char *text_default, *choices;
	int64_t number_default, min, max;
	enum config_reload_rule reload;
	const char *doc;
};

static const struct config_key keys[] = {
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
#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

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

static const struct config_key *key_find(struct str section, struct str key)
{
	for (size_t i = 0; i < N_KEYS; i++)
		if (str_eq(section, str_c(keys[i].section)) && str_eq(key, str_c(keys[i].key)))
			return &keys[i];
	return NULL;
}

static bool section_exists(struct str section)
{
	for (size_t i = 0; i < N_KEYS; i++)
		if (str_eq(section, str_c(keys[i].section)))
			return true;
	return false;
}

/* Milliseconds as the shortest decimal seconds. */
static void format_seconds(char *out, size_t cap, int64_t ms)
{
	if (ms % 1000 == 0)
		snprintf(out, cap, "%" PRId64, ms / 1000);
	else
		snprintf(out, cap, "%" PRId64 ".%03d", ms / 1000, (int)(ms % 1000));
}

static void describe_allowed(const struct config_key *k, char *out, size_t cap)
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
		format_seconds(min, sizeof(min), k->min);
		format_seconds(max, sizeof(max), k->max);
		snprintf(out, cap, "seconds from %s to %s, decimals allowed", min, max);
		break;
	case TYPE_BOOLEAN:
		snprintf(out, cap, "yes or no");
		break;
	}
}

static bool is_choice(const char *choices, struct str value)
{
	struct str rest = str_c(choices);

	while (rest.n)
		if (str_eq(str_cut(&rest, '|'), value))
			return true;
	return false;
}

/* %d at the beginning of a …_file value is systemd's credentials directory (systemd.exec(5), "Credentials"). */
static char *expand_text(const struct config_key *k, struct str value)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	size_t n = strlen(k->key);
	bool is_file = n > 5 && strcmp(k->key + n - 5, "_file") == 0;
	char *out = NULL;

	if (!is_file || !directory || !str_starts(value, STR("%d/")))
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
	const struct config_key *k = key_find(section, key);
	char allowed[256];
	int rc = -EINVAL;

	if (!k) {
		buf_addf(problems, "%s: unknown %s [" STR_FMT "] " STR_FMT "\n", where,
			 section_exists(section) ? "key" : "section", STR_ARG(section), STR_ARG(key));
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
	describe_allowed(k, allowed, sizeof(allowed));
	buf_addf(problems, "%s: [%s] %s = \"" STR_FMT "\" is not allowed; it takes %s\n", where, k->section, k->key, STR_ARG(value), allowed);
	return -EINVAL;
}

static int set_defaults(struct config *cfg)
{
	for (size_t i = 0; i < N_KEYS; i++) {
		const struct config_key *k = &keys[i];

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

struct file_reader {
	struct config *cfg;
	struct buf *problems;
	const char *name;
	FILE *file;
	int line;
};

/* inih's own line reader cuts long lines silently; this one counts lines and reports what does not fit. */
static char *read_line(char *out, int cap, void *stream)
{
	struct file_reader *r = stream;
	size_t n;

	if (!fgets(out, cap, r->file))
		return NULL;
	r->line++;
	n = strlen(out);
	if (n && out[n - 1] != '\n' && !feof(r->file)) {
		int c;

		buf_addf(r->problems, "%s:%d: the line is longer than %d bytes\n", r->name, r->line, cap - 2);
		while ((c = fgetc(r->file)) != EOF && c != '\n')
			;
	}
	return out;
}

static int on_pair(void *user, const char *section, const char *name, const char *value)
{
	struct file_reader *r = user;
	char where[PATH_MAX + 16];

	snprintf(where, sizeof(where), "%s:%d", r->name, r->line);
	config_set(r->cfg, str_c(section), str_c(name), str_c(value), where, r->problems);
	return 1;
}

static void load_file(struct config *cfg, const struct config_args *args, struct buf *problems)
{
	struct file_reader r = { cfg, problems, args->file ? args->file : SYSCONFDIR "/cvpulse/cvpulse.conf", NULL, 0 };
	int bad_line;

	r.file = fopen(r.name, "re");
	if (!r.file) {
		if (args->file || errno != ENOENT)
			buf_addf(problems, "%s: %s\n", r.name, strerror(errno));
		return;
	}
	/* inih hands its stream to the reader and the user pointer to the handler; both are r here. */
	bad_line = ini_parse_stream(read_line, &r, on_pair, &r);
	if (bad_line > 0)
		buf_addf(problems, "%s:%d: this is neither a [section] nor key = value\n", r.name, bad_line);
	fclose(r.file);
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
	if (!key.n || !section_exists(section))
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

static void check_together(const struct config *cfg, struct buf *problems)
{
	if (cfg->notifier_peer_timeout_ms && cfg->notifier_peer_timeout_ms < 2 * cfg->notifier_heartbeat_interval_ms)
		buf_addz(problems, "[notifier] peer_timeout_s must be at least two heartbeat_interval_s (or 0: off)\n");
}

int config_load(struct config *cfg, const struct config_args *args, struct buf *problems)
{
	*cfg = (struct config){ 0 };
	if (set_defaults(cfg) < 0)
		return -ENOMEM;
	load_file(cfg, args, problems);
	for (char **e = environ; *e; e++)
		load_variable(cfg, *e, problems);
	for (int i = 0; i < args->n_sets; i++)
		load_flag(cfg, args->sets[i], problems);
	check_together(cfg, problems);
	return problems->n || problems->failed ? -EINVAL : 0;
}

void config_free(struct config *cfg)
{
	for (size_t i = 0; i < N_KEYS; i++)
		if (keys[i].type == TYPE_TEXT || keys[i].type == TYPE_CHOICE) {
			free(*text_at(cfg, &keys[i]));
			*text_at(cfg, &keys[i]) = NULL;
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

	for (size_t i = 0; rc == 0 && i < N_KEYS; i++) {
		const struct config_key *k = &keys[i];

		if (!key_differs(cfg, &fresh, k))
			continue;
		if (k->reload == LIVE)
			key_take(cfg, &fresh, k);
		on_change(k->section, k->key, k->reload == LIVE);
	}
	config_free(&fresh);
	return rc;
}

static void generate_key(FILE *out, const struct config_key *k)
{
	char allowed[256], seconds[32];

	describe_allowed(k, allowed, sizeof(allowed));
	fprintf(out, "\n# %s\n", k->doc);
	if (k->type != TYPE_TEXT)
		fprintf(out, "# It takes %s.\n", allowed);
	fprintf(out, "# %s\n", k->reload == LIVE ? "A reload (SIGHUP) takes a change over." : "A change needs a restart.");
	switch (k->type) {
	case TYPE_TEXT:
	case TYPE_CHOICE:
		fprintf(out, ";%s = %s\n", k->key, k->text_default);
		break;
	case TYPE_INTEGER:
		fprintf(out, ";%s = %" PRId64 "\n", k->key, k->number_default);
		break;
	case TYPE_SECONDS:
		format_seconds(seconds, sizeof(seconds), k->number_default);
		fprintf(out, ";%s = %s\n", k->key, seconds);
		break;
	case TYPE_BOOLEAN:
		fprintf(out, ";%s = %s\n", k->key, k->number_default ? "yes" : "no");
		break;
	}
}

void config_generate(FILE *out)
{
	const char *section = "";

	fputs("# cvpulse configuration. Every key is shown with its default; remove the ; to change it.\n"
	      "# The environment (CVPULSE_<SECTION>_<KEY>) and --set section.key=value go over this file.\n", out);
	for (size_t i = 0; i < N_KEYS; i++) {
		if (strcmp(section, keys[i].section) != 0)
			fprintf(out, "\n[%s]\n", keys[i].section);
		section = keys[i].section;
		generate_key(out, &keys[i]);
	}
}
