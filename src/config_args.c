/* The flags that every program of cvpulse takes. See config.h. */
#include "config.h"

#include <getopt.h>
#include <string.h>

static const char common_flags[] =
	"  -c FILE               read this configuration file (default " SYSCONFDIR "/cvpulse/cvpulse.conf)\n"
	"  --set SECTION.KEY=V   set one key; goes over the file and the environment; may be repeated\n"
	"  --check               check the configuration, say every problem, and exit (0 good, 2 not)\n"
	"  --version             print the version and exit\n"
	"  --help                print this and exit\n";

static int print_help(const char *usage)
{
	printf("%s\nFlags:\n%s", usage, common_flags);
	return 0;
}

int config_args(struct config_args *args, int argc, char **argv, const char *usage, int *rest)
{
	static const struct option flags[] = {
		{ "config", required_argument, NULL, 'c' }, { "set", required_argument, NULL, 's' }, { "check", no_argument, NULL, 'k' },
		{ "version", no_argument, NULL, 'v' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	int flag;

	*args = (struct config_args){ 0 };
	optind = 1;
	while ((flag = getopt_long(argc, argv, "+c:hV", flags, NULL)) != -1) {
		switch (flag) {
		case 'c':
			args->file = optarg;
			break;
		case 's':
			if (args->n_sets == CONFIG_SETS_MAX) {
				fprintf(stderr, "%s: at most %d --set flags\n", argv[0], CONFIG_SETS_MAX);
				return 2;
			}
			args->sets[args->n_sets++] = optarg;
			break;
		case 'k':
			args->check_only = true;
			break;
		case 'v':
		case 'V':
			printf("%s %s\n", strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0], PACKAGE_VERSION);
			return 0;
		case 'h':
			return print_help(usage);
		default:
			fprintf(stderr, "%s: see --help\n", argv[0]);
			return 2;
		}
	}
	*rest = optind;
	return -1;
}
