/*
 * The `cvpulse` command. A subcommand is one file that defines one struct command, and one line in main.c's table.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>

#include "src/config.h"

enum exit_status { EXIT_GOOD = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct cli {
	struct config cfg;
	struct config_args args;
};

struct command {
	const char *name, *synopsis, *summary;
	const char *details;            /* for `help`: options and an example, lines of text */
	bool without_config;            /* runs even when the configuration has a problem */
	int (*run)(struct cli *cli, int argc, char **argv); /* argv[0] is the command's name; enum exit_status */
};

extern const struct command *const commands[];          /* NULL at the end */

/* A line on stderr: "cvpulse NAME: …". Says what is wrong and what to do next. */
void complain(const struct command *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for a wrong call: shows the synopsis too. Returns EXIT_USAGE. */
int usage_error(const struct command *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
