/* cvpulse genconfig */
#include <stdio.h>
#include <string.h>

#include "cli.h"

extern const struct command command_genconfig;

static int genconfig_run(struct cli *cli, int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--manual") == 0)
		config_manual(stdout);
	else if (argc > 1)
		return usage_error(&command_genconfig, "it takes no argument");
	else
		config_generate(stdout);
	return EXIT_GOOD;
}

const struct command command_genconfig = {
	.name = "genconfig",
	.synopsis = "genconfig",
	.summary = "Print a configuration file that shows every key with its default",
	.details = "\n  cvpulse genconfig >/etc/cvpulse/cvpulse.conf\n",
	.without_config = true,
	.run = genconfig_run,
};
