/* `cvpulse genconfig`: the configuration file that shows every key. See config.h. */
#include <errno.h>
#include <inttypes.h>

#include "config_table.h"

/* A value as the file has it; text or number, whichever the key's type takes. */
static void write_value(FILE *out, const struct config_key *k, const char *text, int64_t number)
{
	char seconds[32];

	switch (k->type) {
	case TYPE_TEXT:
	case TYPE_CHOICE:
		fprintf(out, "%s\n", text ? text : "");
		break;
	case TYPE_INTEGER:
		fprintf(out, "%" PRId64 "\n", number);
		break;
	case TYPE_SECONDS:
		config_format_seconds(seconds, sizeof(seconds), number);
		fprintf(out, "%s\n", seconds);
		break;
	case TYPE_BOOLEAN:
		fprintf(out, "%s\n", number ? "yes" : "no");
		break;
	}
}

static const char *reload_sentence(const struct config_key *k)
{
	return k->reload == LIVE ? "A reload (SIGHUP) takes a change over." : "A change needs a restart.";
}

static void generate_key(FILE *out, const struct config_key *k)
{
	char allowed[256];

	config_describe_allowed(k, allowed, sizeof(allowed));
	fprintf(out, "\n# %s\n", k->doc);
	if (k->type != TYPE_TEXT)
		fprintf(out, "# It takes %s.\n", allowed);
	fprintf(out, "# %s\n;%s = ", reload_sentence(k), k->key);
	write_value(out, k, k->text_default, k->number_default);
}

int config_print(const struct config *cfg, struct str section, struct str key, FILE *out)
{
	const struct config_key *k = config_key_find(section, key);
	const char *member, *text = NULL;
	int64_t number = 0;

	if (!k)
		return -ENOENT;
	member = (const char *)cfg + k->offset;
	if (k->type == TYPE_TEXT || k->type == TYPE_CHOICE)
		memcpy(&text, member, sizeof(text));
	else if (k->type == TYPE_BOOLEAN)
		number = *(const bool *)member;
	else
		memcpy(&number, member, sizeof(number));
	write_value(out, k, text, number);
	return 0;
}

/* roff takes a line that begins with a dot or an apostrophe for a request; no line of ours does. */
static void manual_text(FILE *out, const char *text)
{
	for (; *text; text++)
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else
			putc(*text, out);
}

static void manual_key(FILE *out, const struct config_key *k)
{
	char allowed[256];

	config_describe_allowed(k, allowed, sizeof(allowed));
	fputs(".TP\n.B ", out);
	manual_text(out, k->key);
	fputs("\n", out);
	manual_text(out, k->doc);
	if (k->type != TYPE_TEXT) {
		fputs("\nIt takes ", out);
		manual_text(out, allowed);
		fputs(".", out);
	}
	fputs("\nDefault: ", out);
	write_value(out, k, k->text_default && k->text_default[0] ? k->text_default : "none", k->number_default);
	fprintf(out, ".br\n%s\n", reload_sentence(k));
}

void config_manual(FILE *out)
{
	const char *section = "";

	for (int i = 0; i < CONFIG_KEYS; i++) {
		if (strcmp(section, config_keys[i].section) != 0)
			fprintf(out, ".SS [%s]\n", config_keys[i].section);
		section = config_keys[i].section;
		manual_key(out, &config_keys[i]);
	}
}

void config_generate(FILE *out)
{
	const char *section = "";

	fputs("# cvpulse configuration. Every key is shown with its default; remove the ; to change it.\n"
	      "# A ; after a space begins a comment. A long value goes on in the next line when that line is indented.\n"
	      "# The environment (CVPULSE_<SECTION>_<KEY>) and --set section.key=value go over this file.\n", out);
	for (int i = 0; i < CONFIG_KEYS; i++) {
		if (strcmp(section, config_keys[i].section) != 0)
			fprintf(out, "\n[%s]\n", config_keys[i].section);
		section = config_keys[i].section;
		generate_key(out, &config_keys[i]);
	}
}
