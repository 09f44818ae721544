/*
 * The INI file, read with inih. inih alone cuts a line at 199 bytes without a word, lets a key appear twice, and takes an
 * indented line for one more value of the key above. Here a long line is an error, a key stands once, and an indented
 * line goes on with the value above (long lists need that).
 */
#include <errno.h>
#include <ini.h>
#include <limits.h>

#include "config_table.h"

#define VALUE_MAX_BYTES 16384

struct file_reader {
	struct config *cfg;
	struct buf *problems;
	const char *name;
	FILE *file;
	int line;
	bool indented;                          /* the current line */
	const struct config_key *open;          /* its value may go on in the next line; NULL: none */
	int open_line;
	struct buf value;
	int set_in_line[CONFIG_KEYS];           /* 0: not yet */
};

/* How inih gets its lines. What cannot be used is reported and handed over as an empty line. */
static char *read_line(char *out, int cap, void *stream)
{
	struct file_reader *r = stream;
	const char *problem = NULL;
	int c, n = 0;

	while ((c = getc(r->file)) != EOF && c != '\n') {
		if (c == '\0')
			problem = "there is a NUL byte in this line";
		if (n < cap - 1)
			out[n] = (char)c;
		n++;
	}
	if (c == EOF && n == 0)
		return NULL;
	r->line++;
	if (n > cap - 1)
		problem = "the line is too long (199 bytes are read); go on in an indented line";
	if (problem)
		buf_addf(r->problems, "%s:%d: %s\n", r->name, r->line, problem);
	out[problem ? 0 : n] = '\0';
	r->indented = out[0] == ' ' || out[0] == '\t';
	return out;
}

static void finish_value(struct file_reader *r)
{
	char where[PATH_MAX + 16];

	if (!r->open)
		return;
	snprintf(where, sizeof(where), "%s:%d", r->name, r->open_line);
	if (r->value.failed)
		buf_addf(r->problems, "%s: the value is longer than %d bytes\n", where, VALUE_MAX_BYTES);
	else
		config_set(r->cfg, str_c(r->open->section), str_c(r->open->key), buf_str(&r->value), where, r->problems);
	r->open = NULL;
}

static void on_continuation(struct file_reader *r, struct str text)
{
	struct str rest = text;

	if (config_key_find(str_c(r->open->section), str_trim(str_cut(&rest, '='))))
		buf_addf(r->problems, "%s:%d: an indented line goes on with the value of \"%s\"; begin a key at the left edge\n",
			 r->name, r->line, r->open->key);
	else
		buf_adds(&r->value, text);
}

static void on_key(struct file_reader *r, struct str section, struct str key, struct str value)
{
	const struct config_key *k = config_key_find(section, key);
	char where[PATH_MAX + 16];
	int *seen;

	snprintf(where, sizeof(where), "%s:%d", r->name, r->line);
	if (!k) {
		config_set(r->cfg, section, key, value, where, r->problems); /* says what is unknown */
		return;
	}
	seen = &r->set_in_line[k - config_keys];
	if (*seen)
		buf_addf(r->problems, "%s: [%s] %s is already set in line %d\n", where, k->section, k->key, *seen);
	*seen = r->open_line = r->line;
	r->open = k;
	buf_clear(&r->value);
	buf_adds(&r->value, value);
}

static int on_pair(void *user, const char *section, const char *name, const char *value)
{
	struct file_reader *r = user;

	/* inih gives an indented line as another value of the last name; the first line of a section has no last name. */
	if (r->indented && r->open && strcmp(r->open->key, name) == 0 && strcmp(r->open->section, section) == 0) {
		on_continuation(r, str_c(value));
	} else {
		finish_value(r);
		on_key(r, str_c(section), str_c(name), str_c(value));
	}
	return 1;
}

void config_read_file(struct config *cfg, const char *name, bool may_be_missing, struct buf *problems)
{
	struct file_reader r = { .cfg = cfg, .problems = problems, .name = name };
	int bad_line;

	r.file = fopen(name, "re");
	if (!r.file) {
		if (!may_be_missing || errno != ENOENT)
			buf_addf(problems, "%s: %s\n", name, strerror(errno));
		return;
	}
	buf_init(&r.value, VALUE_MAX_BYTES);
	/* inih hands its stream to the reader and the user pointer to the handler; both are r here. */
	bad_line = ini_parse_stream(read_line, &r, on_pair, &r);
	finish_value(&r);
	if (ferror(r.file))
		buf_addf(problems, "%s: %s\n", name, strerror(errno));
	else if (bad_line)
		buf_addf(problems, "%s:%d: this is neither a [section] nor key = value\n", name, bad_line);
	buf_free(&r.value);
	fclose(r.file);
}
