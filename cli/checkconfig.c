/* cvpulse checkconfig [FILE] */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

extern const struct command command_checkconfig;

static const char default_file[] = SYSCONFDIR "/cvpulse/cvpulse.conf";

/* For scripts: what the daemons would take. */
static int get(const struct cli *cli, const char *name)
{
	struct config cfg;
	struct buf problems;
	struct str key = str_c(name), section = str_cut(&key, '.');
	int rc;

	buf_init(&problems, 1 << 20);
	rc = config_load(&cfg, &cli->args, &problems);
	if (rc < 0)
		fprintf(stderr, STR_FMT, STR_ARG(buf_str(&problems)));
	else if ((rc = config_print(&cfg, section, key, stdout)) < 0)
		complain(&command_checkconfig, "there is no key \"%s\"; they are written section.key", name);
	buf_free(&problems);
	config_free(&cfg);
	return rc < 0 ? EXIT_USAGE : EXIT_GOOD;
}

static int checkconfig_run(struct cli *cli, int argc, char **argv)
{
	struct config_args args = cli->args;
	struct config cfg;
	struct buf problems;
	int rc;

	if (argc == 3 && strcmp(argv[1], "--get") == 0)
		return get(cli, argv[2]);
	if (argc > 2)
		return usage_error(&command_checkconfig, "it takes one file");
	if (argc == 2)
		args.file = argv[1];
	buf_init(&problems, 1 << 20);
	rc = config_load(&cfg, &args, &problems);
	if (rc == 0)
		config_check_files(&cfg, &problems);
	if (problems.n)
		fprintf(stderr, STR_FMT, STR_ARG(buf_str(&problems)));
	else if (args.file || access(default_file, F_OK) == 0)
		printf("%s: good\n", args.file ? args.file : default_file);
	else
		printf("%s does not exist; the defaults, the environment and --set are good\n", default_file);
	rc = problems.n ? EXIT_USAGE : EXIT_GOOD;
	buf_free(&problems);
	config_free(&cfg);
	return rc;
}

const struct command command_checkconfig = {
	.name = "checkconfig",
	.synopsis = "checkconfig [FILE | --get SECTION.KEY]",
	.summary = "Check a configuration file and name every problem with its line",
	.details = "\n--get prints one value, as the daemons would take it.\n"
		   "The environment (CVPULSE_<SECTION>_<KEY>) and --set count too, as they do for the daemons.\n"
		   "Exit status 0: good, 2: not.\n",
	.without_config = true,
	.run = checkconfig_run,
};
