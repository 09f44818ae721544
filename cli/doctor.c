/* cvpulse doctor URL: looks at a deployment as a browser would, and says what is wrong and what to do about it. */
#include "doctor.h"

#include <cjson/cJSON.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "http.h"
#include "id.h"
#include "jwt.h"
#include "target.h"

#define IDLE_DEFAULT_MS 130000          /* Cloudflare cuts after about 100 s of silence */
#define IDLE_MAX_MS (24 * 3600 * 1000LL)

static const char *const verdict_names[] = { "ok", "note", "warning", "fault" };

void found(struct doctor *d, const char *check, enum verdict verdict, const char *remedy, const char *format, ...)
{
	struct finding *f;
	va_list args;

	if (d->n == FINDINGS_MAX)
		return;
	f = &d->findings[d->n++];
	f->check = check;
	f->verdict = verdict;
	snprintf(f->remedy, sizeof(f->remedy), "%s", remedy ? remedy : "");
	va_start(args, format);
	vsnprintf(f->what, sizeof(f->what), format, args);
	va_end(args);
	for (char *p = f->what; *p; p++) /* some of it came from outside */
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	if (d->json)
		return;
	printf("%-8s %-12s %s\n", verdict_names[verdict], check, f->what);
	if (f->remedy[0])
		printf("%-8s %-12s -> %s\n", "", "", f->remedy);
	fflush(stdout);
}

void doctor_url(const struct doctor *d, const char *what, const char *tail, char out[PROBE_URL_SIZE])
{
	struct buf b;

	buf_init(&b, PROBE_URL_SIZE - 1);
	buf_addf(&b, "%s" API_BASE "%s", d->target.base, what);
	http_add_encoded(&b, str_c(d->user));
	buf_addz(&b, tail);
	snprintf(out, PROBE_URL_SIZE, STR_FMT, STR_ARG(buf_str(&b)));
	buf_free(&b);
}

static int count(const struct doctor *d, enum verdict verdict)
{
	int n = 0;

	for (int i = 0; i < d->n; i++)
		n += d->findings[i].verdict == verdict;
	return n;
}

static void print_json(const struct doctor *d)
{
	cJSON *root = cJSON_CreateObject(), *checks = cJSON_AddArrayToObject(root, "checks");
	char *text;

	cJSON_AddStringToObject(root, "url", d->target.base);
	cJSON_AddBoolToObject(root, "healthy", count(d, VERDICT_FAULT) == 0);
	for (int i = 0; i < d->n; i++) {
		const struct finding *f = &d->findings[i];
		cJSON *one = cJSON_CreateObject();

		cJSON_AddStringToObject(one, "check", f->check);
		cJSON_AddStringToObject(one, "verdict", verdict_names[f->verdict]);
		cJSON_AddStringToObject(one, "what", f->what);
		if (f->remedy[0])
			cJSON_AddStringToObject(one, "remedy", f->remedy);
		cJSON_AddItemToArray(checks, one);
	}
	text = cJSON_Print(root);
	printf("%s\n", text ? text : "");
	cJSON_free(text);
	cJSON_Delete(root);
}

static int examine(struct doctor *d)
{
	if (doctor_reach(d)) {
		doctor_health(d);
		doctor_socket(d);
		doctor_streams(d);
		doctor_uploads(d);
	}
	if (d->json)
		print_json(d);
	else
		printf("\n%d faults, %d warnings\n", count(d, VERDICT_FAULT), count(d, VERDICT_WARNING));
	return count(d, VERDICT_FAULT) ? EXIT_FAILED : EXIT_GOOD;
}

static bool is_loopback(const char *base)
{
	struct str rest = str_c(base), host;

	str_cut(&rest, '/');
	str_cut(&rest, '/');
	host = rest;
	if (str_starts(host, STR("[::1]")))
		return true;
	host = str_cut(&rest, ':');
	return str_eq(host, STR("localhost")) || str_starts(host, STR("127."));
}

static int doctor_run(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "quick", no_argument, NULL, 'q' }, { "idle", required_argument, NULL, 'i' }, { "json", no_argument, NULL, 'j' },
		{ "publish", no_argument, NULL, 'p' }, { "user", required_argument, NULL, 'u' }, { "token-file", required_argument, NULL, 't' },
		{ "cacert", required_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	struct doctor d = { .cfg = &cli->cfg, .idle_ms = IDLE_DEFAULT_MS };
	const char *token_file = NULL;
	char subject[ID_MAX + 1];
	int option;

	optind = 0; /* glibc: begin anew, options may stand anywhere */
	while ((option = getopt_long(argc, argv, "qj", options, NULL)) != -1) {
		if (option == 'q')
			d.idle_ms = 0;
		else if (option == 'j')
			d.json = true;
		else if (option == 'p')
			d.publish = true;
		else if (option == 'u' && id_valid(str_c(optarg)))
			d.user = optarg;
		else if (option == 't')
			token_file = optarg;
		else if (option == 'c')
			d.ca_file = optarg;
		else if (option != 'i' || str_to_ms(str_c(optarg), IDLE_MAX_MS, &d.idle_ms) < 0)
			return usage_error(&command_doctor, "--user takes an id of A-Z a-z 0-9 . _ @ | + ~ = -, --idle takes seconds");
	}
	if (argc - optind != 1)
		return usage_error(&command_doctor, "it takes the address that browsers use, such as https://cv.example.org");
	if (target_make(&d.target, &command_doctor, argv[optind], token_file, "") < 0)
		return EXIT_USAGE;
	if (d.target.socket[0])
		return usage_error(&command_doctor, "a browser cannot use a unix socket; give the http(s):// address");
	if (!d.user)
		d.user = jwt_subject_unchecked(str_c(d.target.token), subject) ? subject : "doctor";
	d.loopback = is_loopback(d.target.base);
	return examine(&d);
}

const struct command command_doctor = {
	.name = "doctor",
	.synopsis = "doctor [--quick | --idle SECONDS] [--json] [--publish] [--user ID] [--token-file FILE] [--cacert FILE] URL",
	.summary = "Look at a deployment as a browser does and say what is wrong",
	.details = "\nChecks name, TLS, clock, Cloudflare, health, the WebSocket (upgrade, token, ping and pong, the code for a bad token,\n"
		   "heartbeats and a long silence), server-sent events, long poll and resumable uploads. A line for each: ok, note,\n"
		   "warning or fault; with what to do. The exit status is 1 when there is a fault.\n\n"
		   "  --quick            do not wait whether a silent connection lives on\n"
		   "  --idle SECONDS     how long it must (130: longer than Cloudflare's cut)\n"
		   "  --publish          send an event through Redis ([redis] of the configuration) and see it arrive\n"
		   "  --user ID          whose stream to open (the token's user; doctor, without one)\n"
		   "  --token-file FILE  file with the bearer token (default: the environment variable CVPULSE_TOKEN)\n"
		   "  --cacert FILE      trust the certificates in FILE (PEM) instead of the system's\n"
		   "  --json             one JSON object instead of lines\n\n"
		   "Example: cvpulse token 42 >t && cvpulse doctor --token-file t https://cv.example.org\n",
	.run = doctor_run,
};
