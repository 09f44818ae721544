/* cvpulse: the operator's command. Finds the subcommand, loads the configuration, runs it. See cli.h. */
#include "cli.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

#define PROBLEMS_MAX 65536
#define ARGS_MAX 4096

extern const struct command command_watch, command_publish, command_submit, command_queue, command_token, command_top, command_disconnect, command_cloudflare,
	command_doctor, command_webhook, command_genconfig, command_checkconfig, command_help;

const struct command *const commands[] = {
	&command_watch,
	&command_publish,
	&command_submit,
	&command_queue,
	&command_webhook,
	&command_top,
	&command_token,
	&command_disconnect,
	&command_doctor,
	&command_cloudflare,
	&command_genconfig,
	&command_checkconfig,
	&command_help,
	NULL,
};

static void complain_list(const struct command *c, const char *format, va_list args)
{
	fflush(stdout);
	fprintf(stderr, "cvpulse %s: ", c->name);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void complain(const struct command *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain_list(c, format, args);
	va_end(args);
}

int usage_error(const struct command *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain_list(c, format, args);
	va_end(args);
	fprintf(stderr, "usage: cvpulse %s\nSee: cvpulse help %s\n", c->synopsis, c->name);
	return EXIT_USAGE;
}

static const struct command *find(const char *name)
{
	for (int i = 0; commands[i]; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static int run(struct cli *cli, const struct command *c, int argc, char **argv)
{
	struct buf problems;
	int status;

	buf_init(&problems, PROBLEMS_MAX);
	if (config_load(&cli->cfg, &cli->args, &problems) < 0 && !c->without_config) {
		fprintf(stderr, STR_FMT "cvpulse %s: correct the configuration first\n", STR_ARG(buf_str(&problems)), c->name);
		status = EXIT_USAGE;
	} else {
		status = c->run(cli, argc, argv);
	}
	buf_free(&problems);
	config_free(&cli->cfg);
	if (fflush(stdout) != 0 || ferror(stdout))
		return status ? status : EXIT_FAILED;
	return status;
}

/* -c and --set may stand behind the subcommand too: its arguments without them go to out, they themselves to common. */
static int pick_common_flags(int argc, char **argv, char **out, char **common, int *n_common)
{
	int n = 0;

	for (int i = 0; i < argc; i++) {
		const char *a = argv[i];
		bool takes_next = strcmp(a, "-c") == 0 || strcmp(a, "--config") == 0 || strcmp(a, "--set") == 0;

		if (strcmp(a, "--") == 0) {
			while (i < argc)
				out[n++] = argv[i++];
		} else if (takes_next || strncmp(a, "--set=", 6) == 0 || strncmp(a, "--config=", 9) == 0) {
			common[(*n_common)++] = argv[i];
			if (takes_next && i + 1 < argc)
				common[(*n_common)++] = argv[++i];
		} else {
			out[n++] = argv[i];
		}
	}
	out[n] = NULL;
	return n;
}

static int dispatch(struct cli *cli, int argc, char **argv, char **rest, char **common)
{
	static const char usage[] = "usage: cvpulse [FLAGS] COMMAND …     (cvpulse help: the commands)\n";
	int first, n_common = 1, status = config_args(&cli->args, argc, argv, usage, &first);
	const struct command *c;

	if (status >= 0)
		return status;
	if (cli->args.check_only)
		return run(cli, &command_checkconfig, 1, (char *[]){ (char *)(uintptr_t)"checkconfig", NULL });
	if (first == argc) {
		command_help.run(cli, 1, argv);
		return EXIT_USAGE;
	}
	c = find(argv[first]);
	if (!c) {
		fprintf(stderr, "cvpulse: there is no command \"%s\". See: cvpulse help\n", argv[first]);
		return EXIT_USAGE;
	}
	/* All common flags once more, in their order: those before the command, then those behind it. */
	for (int i = 1; i < first; i++)
		common[n_common++] = argv[i];
	common[0] = argv[0];
	argc = pick_common_flags(argc - first, argv + first, rest, common, &n_common);
	common[n_common] = NULL;
	status = config_args(&cli->args, n_common, common, usage, &first);
	if (status >= 0)
		return status;
	for (int i = 1; i < argc && strcmp(rest[i], "--") != 0; i++)
		if (strcmp(rest[i], "--help") == 0)
			return command_help.run(cli, 2, (char *[]){ rest[0], rest[0], NULL });
	return run(cli, c, argc, rest);
}

int main(int argc, char **argv)
{
	char **rest = calloc((size_t)argc + 2, sizeof(*rest)), **common = calloc((size_t)argc + 2, sizeof(*common));
	struct cli cli = { 0 };
	int status = EXIT_FAILED;

	signal(SIGPIPE, SIG_IGN);
	log_threshold = LOG_LEVEL_ERROR + 1; /* what a person must know is said by the commands */
	if (rest && common)
		status = dispatch(&cli, argc, argv, rest, common);
	free(rest);
	free(common);
	return status;
}
