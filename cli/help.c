/* cvpulse help [COMMAND] */
#include <stdio.h>
#include <string.h>

#include "cli.h"

extern const struct command command_help;

static int list_commands(void)
{
	printf("cvpulse: CVs in, live progress out.\n\nusage: cvpulse [-c FILE] [--set SECTION.KEY=VALUE] COMMAND …\n\n");
	for (int i = 0; commands[i]; i++)
		printf("  %-12s %s\n", commands[i]->name, commands[i]->summary);
	printf("\ncvpulse help COMMAND tells more. Exit status: 0 done, 1 failed, 2 a wrong call or configuration.\n");
	return EXIT_GOOD;
}

static int help_run(struct cli *cli, int argc, char **argv)
{
	if (argc < 2)
		return list_commands();
	for (int i = 0; commands[i]; i++)
		if (strcmp(commands[i]->name, argv[1]) == 0) {
			printf("usage: cvpulse %s\n\n%s.\n%s", commands[i]->synopsis, commands[i]->summary, commands[i]->details);
			return EXIT_GOOD;
		}
	return usage_error(&command_help, "there is no command \"%s\"", argv[1]);
}

const struct command command_help = {
	.name = "help",
	.synopsis = "help [COMMAND]",
	.summary = "Tell what the commands do",
	.details = "",
	.without_config = true,
	.run = help_run,
};
