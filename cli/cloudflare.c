/* cvpulse cloudflare: a zone against the wanted state (check), and the ranges that its edge comes from (ips). */
#include <cjson/cJSON.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cidr.h"
#include "clock.h"
#include "cli.h"
#include "id.h"
#include "request.h"
#include "target.h"

#define API_DEFAULT "https://api.cloudflare.com/client/v4"
#define SETTINGS_DEFAULT PKGDATADIR "/cloudflare/settings.json"
#define SETTINGS_MAX 65536
#define RANGES_MIN 5                    /* Cloudflare publishes 15 and 7; fewer is no list to trust */

extern const struct command command_cloudflare;

struct zone {
	struct http *http;
	const char *id;
	int differences, unknown;
};

/* The member "result" of an answer, NULL when there is none; *answer is to be deleted. */
static cJSON *ask(struct http *h, const char *path, int *status, cJSON **answer)
{
	struct http_answer a;

	*answer = NULL;
	if (http_call(h, "GET", path, NULL, &a) < 0 || a.status != 200) {
		if (a.status != 404)
			complain(&command_cloudflare, "%s: %s", path, a.problem);
	} else {
		*answer = cJSON_ParseWithLength(a.body.p, a.body.n);
	}
	*status = a.status;
	buf_free(&a.body);
	return cJSON_GetObjectItemCaseSensitive(*answer, "result");
}

static void say(struct zone *z, bool same, const char *what, const cJSON *wanted, const cJSON *got)
{
	char *want = cJSON_PrintUnformatted(wanted), *is = got ? cJSON_PrintUnformatted(got) : NULL;

	if (same)
		printf("ok         %s: %s\n", what, want ? want : "");
	else
		printf("different  %s: wanted %s, is %s\n", what, want ? want : "", is ? is : "not set");
	z->differences += !same;
	cJSON_free(want);
	cJSON_free(is);
}

static void check_setting(struct zone *z, const cJSON *wanted)
{
	char path[256];
	cJSON *answer;
	int status;
	const cJSON *value;

	snprintf(path, sizeof(path), "/zones/%s/settings/%s", z->id, wanted->string);
	value = cJSON_GetObjectItemCaseSensitive(ask(z->http, path, &status, &answer), "value");
	if (status == 200)
		say(z, cJSON_Compare(value, wanted, true), wanted->string, wanted, value);
	else
		z->unknown++;
	cJSON_Delete(answer);
}

static bool has_parameters(const cJSON *got, const cJSON *wanted)
{
	const cJSON *one;

	cJSON_ArrayForEach(one, wanted)
		if (!cJSON_Compare(one, cJSON_GetObjectItemCaseSensitive(got, one->string), true))
			return false;
	return true;
}

/* Zones have rules of their own: ours must be among them, switched on, for the same paths. */
static const cJSON *find_rule(const cJSON *rules, const cJSON *wanted)
{
	const cJSON *rule;

	cJSON_ArrayForEach(rule, rules)
		if (!cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(rule, "enabled"))
		    && cJSON_Compare(cJSON_GetObjectItemCaseSensitive(rule, "expression"), cJSON_GetObjectItemCaseSensitive(wanted, "expression"), true)
		    && cJSON_Compare(cJSON_GetObjectItemCaseSensitive(rule, "action"), cJSON_GetObjectItemCaseSensitive(wanted, "action"), true))
			return cJSON_GetObjectItemCaseSensitive(rule, "action_parameters");
	return NULL;
}

static void check_rule(struct zone *z, const cJSON *wanted)
{
	const char *phase = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(wanted, "phase"));
	const char *description = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(wanted, "description"));
	const cJSON *parameters = cJSON_GetObjectItemCaseSensitive(wanted, "action_parameters"), *got;
	char path[256], what[256];
	cJSON *answer;
	int status;

	snprintf(path, sizeof(path), "/zones/%s/rulesets/phases/%s/entrypoint", z->id, phase ? phase : "");
	snprintf(what, sizeof(what), "rule \"%s\"", description ? description : "");
	got = find_rule(cJSON_GetObjectItemCaseSensitive(ask(z->http, path, &status, &answer), "rules"), wanted);
	if (status == 200 || status == 404) /* 404: no rule of this phase at all */
		say(z, got && has_parameters(got, parameters), what, parameters, got);
	else
		z->unknown++;
	cJSON_Delete(answer);
}

static cJSON *read_settings(const char *file)
{
	char *text = malloc(SETTINGS_MAX);
	FILE *f = fopen(file, "re");
	cJSON *settings = NULL;

	if (f && text)
		settings = cJSON_ParseWithLength(text, fread(text, 1, SETTINGS_MAX, f));
	if (f)
		fclose(f);
	free(text);
	if (!cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(settings, "zone_settings"))) {
		complain(&command_cloudflare, "%s holds no \"zone_settings\"; name the file with --settings", file);
		cJSON_Delete(settings);
		return NULL;
	}
	return settings;
}

static int check(struct http *h, const char *zone, const char *file)
{
	cJSON *settings = read_settings(file);
	struct zone z = { .http = h, .id = zone };
	const cJSON *one;

	if (!settings)
		return EXIT_USAGE;
	cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(settings, "zone_settings"))
		check_setting(&z, one);
	cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(settings, "rules"))
		check_rule(&z, one);
	cJSON_Delete(settings);
	printf("\n%d different, %d not readable\n", z.differences, z.unknown);
	if (z.unknown)
		complain(&command_cloudflare, "the API token needs the permissions Zone Settings Read, Config Rules Read and Cache Rules Read");
	return z.differences || z.unknown ? EXIT_FAILED : EXIT_GOOD;
}

static int add_ranges(struct buf *out, const cJSON *list)
{
	struct cidr_list parsed;
	const cJSON *range;
	int n = 0;

	cJSON_ArrayForEach(range, list) {
		const char *text = cJSON_GetStringValue(range);

		if (!text || strpbrk(text, ",; \t\r\n") || cidr_list_parse(text, &parsed, NULL) < 0 || parsed.n != 1)
			return -1;
		buf_addf(out, "set_real_ip_from %s;\n", text);
		n++;
	}
	return n;
}

/* The whole file or nothing: half a list would let half the edge's visitors share one address. */
static int ips(struct http *h)
{
	char now[ISO8601_SIZE];
	int status, exit_status = EXIT_FAILED;
	cJSON *answer, *result = ask(h, "/ips", &status, &answer);
	struct buf out;

	clock_iso8601(clock_wall_ms(), now);
	buf_init(&out, 65536);
	buf_addf(&out, "# Cloudflare's published address ranges, fetched %.10s by `cvpulse cloudflare ips`. From them, and only from\n"
		 "# them, CF-Connecting-IP is believed.\nreal_ip_header CF-Connecting-IP;\n", now);
	if (add_ranges(&out, cJSON_GetObjectItemCaseSensitive(result, "ipv4_cidrs")) < RANGES_MIN
	    || add_ranges(&out, cJSON_GetObjectItemCaseSensitive(result, "ipv6_cidrs")) < RANGES_MIN) {
		complain(&command_cloudflare, "no list of ranges came; keep the file that you have");
	} else {
		fwrite(out.p, 1, out.n, stdout);
		exit_status = EXIT_GOOD;
	}
	buf_free(&out);
	cJSON_Delete(answer);
	return exit_status;
}

static bool is_zone(const char *id)
{
	return id && strlen(id) == 32 && strspn(id, "0123456789abcdef") == 32;
}

static int cloudflare_run(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "zone", required_argument, NULL, 'z' }, { "token-file", required_argument, NULL, 't' }, { "settings", required_argument, NULL, 's' },
		{ "api", required_argument, NULL, 'a' }, { NULL, 0, NULL, 0 },
	};
	const char *zone = NULL, *token_file = NULL, *settings = SETTINGS_DEFAULT, *api = API_DEFAULT, *what;
	struct http_target target;
	struct http *h;
	int option, status;

	optind = 0; /* glibc: begin anew, options may stand anywhere */
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == '?')
			return usage_error(&command_cloudflare, "see below for the options");
		*(option == 'z' ? &zone : option == 't' ? &token_file : option == 's' ? &settings : &api) = optarg;
	}
	what = argc - optind == 1 ? argv[optind] : "";
	if (strcmp(what, "check") != 0 && strcmp(what, "ips") != 0)
		return usage_error(&command_cloudflare, "it takes \"check\" or \"ips\"");
	if (strcmp(what, "check") == 0 && (!is_zone(zone) || !token_file))
		return usage_error(&command_cloudflare, "check needs --zone (32 hexadecimal digits, on the zone's overview page) and --token-file");
	if (target_make(&target, &command_cloudflare, api, token_file, "") < 0)
		return EXIT_USAGE;
	if (!token_file)
		target.token[0] = '\0'; /* $CVPULSE_TOKEN is no token of Cloudflare's */
	if (http_new(&target, &h) < 0)
		return EXIT_FAILED;
	status = strcmp(what, "check") == 0 ? check(h, zone, settings) : ips(h);
	http_free(h);
	return status;
}

const struct command command_cloudflare = {
	.name = "cloudflare",
	.synopsis = "cloudflare check --zone ID --token-file FILE [--settings FILE] | cloudflare ips",
	.summary = "Compare a Cloudflare zone with what cvpulse wants; list Cloudflare's addresses for nginx",
	.details = "\ncheck reads the zone's settings and rules through Cloudflare's API and prints what differs from settings.json; it changes\n"
		   "nothing. cloudflare/main.tf (Terraform) sets the same file.\n"
		   "ips prints a new nginx/cloudflare-ips.conf: cvpulse cloudflare ips >new && mv new /etc/nginx/cvpulse/cloudflare-ips.conf\n\n"
		   "  --zone ID          the zone, 32 hexadecimal digits\n"
		   "  --token-file FILE  file with an API token that may read Zone Settings, Config Rules and Cache Rules\n"
		   "  --settings FILE    the wanted state (" SETTINGS_DEFAULT ")\n"
		   "  --api URL          Cloudflare's API (" API_DEFAULT ")\n\n"
		   "The exit status is 1 when something differs or could not be read.\n",
	.without_config = true,
	.run = cloudflare_run,
};
