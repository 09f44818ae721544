/*
 * The configuration: one INI file, the environment (CVPULSE_<SECTION>_<KEY>) and --set flags over built-in defaults.
 * Every key is one line of config.def, which says type, limits and whether SIGHUP takes a new value over.
 */
#ifndef CVPULSE_CONFIG_H
#define CVPULSE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "str.h"

struct config {
#define TEXT(section, key, def, reload, doc) char *section##_##key;
#define CHOICE(section, key, def, choices, reload, doc) char *section##_##key;
#define INTEGER(section, key, def, min, max, reload, doc) int64_t section##_##key;
#define SECONDS(section, key, def, min, max, reload, doc) int64_t section##_##key##_ms;
#define BOOLEAN(section, key, def, reload, doc) bool section##_##key;
#include "config.def"
#undef TEXT
#undef CHOICE
#undef INTEGER
#undef SECONDS
#undef BOOLEAN
};

#define CONFIG_SETS_MAX 64

/* What the command line says; filled by config_args, kept for reloads. */
struct config_args {
	const char *file;               /* -c FILE, or NULL: the default file, if it exists */
	const char *sets[CONFIG_SETS_MAX]; /* --set section.key=value */
	int n_sets;
	bool check_only;                /* --check */
};

/* Reads the flags that all programs share (-c, --set, --check, --version, --help). usage is what --help prints after the
 * common flags. Returns -1 to go on, else the exit status (0 after --help and --version, 2 on a wrong flag).
 * *rest is the index of the first argument that is no flag. */
int config_args(struct config_args *args, int argc, char **argv, const char *usage, int *rest);

/* Loads defaults, file, environment and flags in that order. Every problem is one line in *problems (file, line, key and
 * what is allowed). Returns 0, or -EINVAL when there is a problem; *cfg must be freed in both cases. */
int config_load(struct config *cfg, const struct config_args *args, struct buf *problems);
void config_free(struct config *cfg);

/* After SIGHUP: loads again and takes over what is LIVE. on_change is called for each key that differs; applied tells
 * whether it took effect or needs a restart. -EINVAL (nothing changed) when the new configuration has a problem. */
int config_reload(struct config *cfg, const struct config_args *args, struct buf *problems,
		  void (*on_change)(const char *section, const char *key, bool applied));

/* Sets one key from text; the same checks as the file. Used by tests and by --set. 0 or -EINVAL with a line in *problems. */
int config_set(struct config *cfg, struct str section, struct str key, struct str value, const char *where, struct buf *problems);

/* Writes a commented file with every key and its default. */
void config_generate(FILE *out);
/* Files that the configuration names and that are not there: a line each in *problems. Those whose folder this user may not
 * look into, and systemd's credentials outside of a unit, are taken for good. */
void config_check_files(const struct config *cfg, struct buf *problems);
/* Writes one value, as the file would have it, and a line's end. -ENOENT: there is no such key. */
int config_print(const struct config *cfg, struct str section, struct str key, FILE *out);
/* Writes every key in the macros of man(7), for cvpulse.conf(5). */
void config_manual(FILE *out);

#endif
