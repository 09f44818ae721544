/*
 * cvpulse-extract: turns ONE untrusted file into a JSON Resume, in a process that can do nothing else.
 *   cvpulse-extract [options] FILE       prints the result of one file, for people, scores and tests
 *   cvpulse-extract [options] --server   serves cvpulse-worker, which starts it with a socket as descriptor 3
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "byhand.h"
#include "parse.h"
#include "read.h"
#include "server.h"
#include "wire.h"

#define OCR_NICE 10 /* a page takes a second of a core, for which texts and everybody else shall not wait */
#define MEBIBYTE (1024ull * 1024)

static const char usage[] =
	"Usage: cvpulse-extract [OPTION]... FILE\n"
	"Reads one CV in a sandbox and prints what it says as JSON: a \"result\" with a JSON Resume, or an \"error\".\n"
	"\n"
	"      --name=NAME        take NAME for the file's name; its ending must fit the content\n"
	"      --progress         also print the progress, one JSON object a line\n"
	"      --memory-mb=N      memory that reading may take (512)\n"
	"      --cpu-s=N          processor time that reading may take (20)\n"
	"      --wall-s=N         time that reading may take (180)\n"
	"      --ocr=LANGUAGES    read pictures of text too, in these languages (eng,deu,fra,spa); \"\" for none\n"
	"      --ocr-memory-mb=N  memory that reading pictures may take (1536)\n"
	"      --ocr-cpu-s=N      processor time that reading pictures may take (120)\n"
	"      --user=NAME        whom to become when started as root (nobody)\n"
	"      --server           serve cvpulse-worker at descriptor 3\n"
	"      --warm=N           with --server: children that wait for work (2)\n"
	"      --help, --version\n"
	"\n"
	"Exit status: 0 a result, 1 the file could not be read, 2 the command or the system is wrong.\n";

struct options {
	struct server_config server;
	struct byhand by_hand;
	const char *user;
	bool serve;
};

enum { OPT_NAME = 256, OPT_PROGRESS, OPT_MEMORY, OPT_CPU, OPT_WALL, OPT_OCR, OPT_OCR_MEMORY, OPT_OCR_CPU, OPT_USER, OPT_SERVER, OPT_WARM, OPT_HELP, OPT_VERSION };

static const struct option long_options[] = {
	{ "name", required_argument, NULL, OPT_NAME },
	{ "progress", no_argument, NULL, OPT_PROGRESS },
	{ "memory-mb", required_argument, NULL, OPT_MEMORY },
	{ "cpu-s", required_argument, NULL, OPT_CPU },
	{ "wall-s", required_argument, NULL, OPT_WALL },
	{ "ocr", required_argument, NULL, OPT_OCR },
	{ "ocr-memory-mb", required_argument, NULL, OPT_OCR_MEMORY },
	{ "ocr-cpu-s", required_argument, NULL, OPT_OCR_CPU },
	{ "user", required_argument, NULL, OPT_USER },
	{ "server", no_argument, NULL, OPT_SERVER },
	{ "warm", required_argument, NULL, OPT_WARM },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

/* Ends the program when the number is none, or out of range. */
static uint64_t number(const char *name, uint64_t min, uint64_t max)
{
	uint64_t value;

	if (str_to_u64(str_c(optarg), min, max, &value) == 0)
		return value;
	fprintf(stderr, "cvpulse-extract: --%s must be a number from %llu to %llu\n", name, (unsigned long long)min,
		(unsigned long long)max);
	exit(2);
}

static void parse_options(int argc, char **argv, struct options *options)
{
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case OPT_NAME: options->by_hand.name = optarg; break;
		case OPT_PROGRESS: options->by_hand.show_progress = true; break;
		case OPT_MEMORY: options->server.sandbox.memory_bytes = number("memory-mb", 64, 1u << 20) * MEBIBYTE; break;
		case OPT_CPU: options->server.sandbox.cpu_s = (unsigned)number("cpu-s", 1, 86400); break;
		case OPT_WALL: options->by_hand.wall_ms = (int)number("wall-s", 1, 86400) * 1000; break;
		case OPT_OCR: options->by_hand.ocr_languages = optarg; break;
		case OPT_OCR_MEMORY: options->server.ocr.memory_bytes = number("ocr-memory-mb", 64, 1u << 20) * MEBIBYTE; break;
		case OPT_OCR_CPU: options->server.ocr.cpu_s = (unsigned)number("ocr-cpu-s", 1, 86400); break;
		case OPT_USER: options->user = optarg; break;
		case OPT_SERVER: options->serve = true; break;
		case OPT_WARM: options->server.warm = (unsigned)number("warm", 1, SERVER_CHILDREN_MAX / 2); break;
		case OPT_HELP: fputs(usage, stdout); exit(0);
		case OPT_VERSION: puts("cvpulse-extract " PACKAGE_VERSION); exit(0);
		default: exit(2);
		}
	}
	if (optind + (options->serve ? 0 : 1) == argc)
		return;
	fputs(usage, stderr);
	exit(2);
}

/* Tesseract's threads would be killed by the sandbox; OpenMP reads this before main() only. */
static void forbid_threads(char **argv)
{
	if (getenv("OMP_THREAD_LIMIT"))
		return;
	setenv("OMP_THREAD_LIMIT", "1", 1);
	execv("/proc/self/exe", argv); /* if it fails: as before */
}

static int fail(const char *what, int rc)
{
	fprintf(stderr, "cvpulse-extract: %s: %s\n", what, strerror(-rc));
	return 2;
}

int main(int argc, char **argv)
{
	struct options options = {
		.server = {
			.sandbox = { .memory_bytes = 512 * MEBIBYTE, .cpu_s = 20 },
			.ocr = { .memory_bytes = 1536 * MEBIBYTE, .cpu_s = 120, .nice = OCR_NICE }, .warm = 2,
		},
		.by_hand = { .wall_ms = 180000, .ocr_languages = "eng,deu,fra,spa" },
		.user = "nobody",
	};
	struct buf missing;
	int rc;

	buf_init(&missing, WIRE_TEXT_MAX);
	parse_options(argc, argv, &options);
	forbid_threads(argv);
	rc = sandbox_set_user(&options.server.sandbox, options.user);
	if (rc == 0)
		rc = sandbox_set_user(&options.server.ocr, options.user);
	if (rc < 0)
		return fail("--user", rc);
	rc = readers_warm();
	if (rc == 0)
		rc = parse_prepare();
	if (rc < 0)
		return fail("readers", rc);
	if (options.serve) {
		readers_warm_ocr(options.by_hand.ocr_languages, &missing); /* done without if it cannot be, and the worker is told so */
		options.server.ocr_missing = buf_str(&missing);
		rc = server_run(&options.server);
		buf_free(&missing);
		return rc < 0 ? fail("server", rc) : 0;
	}
	return byhand_run(&options.by_hand, &options.server.sandbox, &options.server.ocr, argv[optind]);
}
