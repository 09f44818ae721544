/* `cvpulse genconfig`: the configuration file that shows every key. See config.h. */
#include <inttypes.h>

#include "config_table.h"

static void generate_key(FILE *out, const struct config_key *k)
{
	char allowed[256], seconds[32];

	config_describe_allowed(k, allowed, sizeof(allowed));
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
		config_format_seconds(seconds, sizeof(seconds), k->number_default);
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
	      "# A ; after a space begins a comment. A long value goes on in the next line when that line is indented.\n"
	      "# The environment (CVPULSE_<SECTION>_<KEY>) and --set section.key=value go over this file.\n", out);
	for (int i = 0; i < CONFIG_KEYS; i++) {
		if (strcmp(section, config_keys[i].section) != 0)
			fprintf(out, "\n[%s]\n", config_keys[i].section);
		section = config_keys[i].section;
		generate_key(out, &config_keys[i]);
	}
}
