/* src/config*.c: file, environment and flags; every problem is named. */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "src/config_table.h"

struct loaded {
	struct config cfg;
	struct buf problems;
	int rc;
};

static char file_name[] = "config_test.XXXXXX";

static void write_bytes(const char *text, size_t n)
{
	FILE *f = fopen(file_name, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
}

static void write_file(const char *text)
{
	write_bytes(text, strlen(text));
}

static void load_bytes(struct loaded *l, const char *text, size_t n)
{
	struct config_args args = { .file = file_name };

	write_bytes(text, n);
	buf_init(&l->problems, 65536);
	l->rc = config_load(&l->cfg, &args, &l->problems);
	buf_add(&l->problems, "", 1);
}

static void load(struct loaded *l, const char *text)
{
	load_bytes(l, text, strlen(text));
}

static void unload(struct loaded *l)
{
	config_free(&l->cfg);
	buf_free(&l->problems);
}

/* The problems of a file, file name cut off, must be exactly these. */
static void expect_problems(const char *text, const char *expected)
{
	char name[64];
	struct loaded l;

	load(&l, text);
	snprintf(name, sizeof(name), "%s:", file_name);
	if (strncmp(l.problems.p, name, strlen(name)) == 0)
		assert_string_equal(l.problems.p + strlen(name), expected);
	else
		assert_string_equal(l.problems.p, expected);
	assert_int_equal(l.rc, -EINVAL);
	unload(&l);
}

static void defaults_hold_without_a_key(void **state)
{
	struct loaded l;

	load(&l, "");
	assert_int_equal(l.rc, 0);
	assert_string_equal(l.cfg.redis_url, "redis://127.0.0.1:6379/0");
	assert_int_equal(l.cfg.notifier_heartbeat_interval_ms, 30000);
	unload(&l);
}

static void the_file_is_read(void **state)
{
	struct loaded l;

	load(&l, "\xEF\xBB\xBF; a comment\n# another\n\n[redis]\nurl = unix:///r.sock?db=3 ; inline\n\n[notifier]\nheartbeat_interval_s=1.5\r\nmax_connections : 0\n"
		 "[log]\n  level = debug");
	assert_string_equal(l.problems.p, "");
	assert_int_equal(l.rc, 0);
	assert_string_equal(l.cfg.redis_url, "unix:///r.sock?db=3");
	assert_int_equal(l.cfg.notifier_heartbeat_interval_ms, 1500);
	assert_int_equal(l.cfg.notifier_max_connections, 0);
	assert_string_equal(l.cfg.log_level, "debug");
	unload(&l);
}

static void a_long_value_goes_on_in_indented_lines(void **state)
{
	struct loaded l;

	load(&l, "[auth]\nallowed_origins = https://a.example,\n\thttps://b.example,\n\n  ; between\n  https://c.example\nmode = none\n");
	assert_string_equal(l.problems.p, "");
	assert_string_equal(l.cfg.auth_allowed_origins, "https://a.example,https://b.example,https://c.example");
	assert_string_equal(l.cfg.auth_mode, "none");
	unload(&l);
}

static void an_indented_key_is_not_swallowed(void **state)
{
	expect_problems("[notifier]\nlisten = 127.0.0.1:1\n  drain_s = 1\n",
			"3: an indented line goes on with the value of \"listen\"; begin a key at the left edge\n");
}

static void the_same_key_in_two_sections_is_two_keys(void **state)
{
	struct loaded l;

	load(&l, "[notifier]\nlisten = 127.0.0.1:1\n[worker]\n  listen = 127.0.0.1:2\n");
	assert_string_equal(l.problems.p, "");
	assert_string_equal(l.cfg.notifier_listen, "127.0.0.1:1");
	assert_string_equal(l.cfg.worker_listen, "127.0.0.1:2");
	unload(&l);
}

static void what_is_unknown_is_named(void **state)
{
	expect_problems("[redis]\nulr = x\n", "2: unknown key [redis] ulr\n");
	expect_problems("[rediss]\nurl = x\n", "2: unknown section [rediss] url\n");
	expect_problems("url = x\n", "1: unknown section [] url\n");
}

static void a_value_that_is_not_allowed_is_named_with_what_is(void **state)
{
	expect_problems("[log]\nlevel = loud\n", "2: [log] level = \"loud\" is not allowed; it takes one of debug|info|warning|error\n");
	expect_problems("[log]\nlevel =\n", "2: [log] level = \"\" is not allowed; it takes one of debug|info|warning|error\n");
	expect_problems("[worker]\nslots = 0\n", "2: [worker] slots = \"0\" is not allowed; it takes a whole number from 1 to 1024\n");
	expect_problems("[worker]\nslots = 2.5\n", "2: [worker] slots = \"2.5\" is not allowed; it takes a whole number from 1 to 1024\n");
	expect_problems("[notifier]\nheartbeat_interval_s = 46\n",
			"2: [notifier] heartbeat_interval_s = \"46\" is not allowed; it takes seconds from 1 to 45, decimals allowed\n");
	expect_problems("[notifier]\nheartbeat_interval_s = 0.999\n",
			"2: [notifier] heartbeat_interval_s = \"0.999\" is not allowed; it takes seconds from 1 to 45, decimals allowed\n");
}

static void a_key_stands_once(void **state)
{
	expect_problems("[log]\nlevel = info\nlevel = debug\n", "3: [log] level is already set in line 2\n");
	expect_problems("[log]\nlevel = info\n[redis]\n[log]\nlevel = debug\n", "5: [log] level is already set in line 2\n");
}

static void a_line_that_is_nothing_is_named(void **state)
{
	expect_problems("[log]\nlevel\n", "2: this is neither a [section] nor key = value\n");
	expect_problems("[log\nlevel = info\n", "2: unknown section [] level\nconfig_test.conf:1: this is neither a [section] nor key = value\n");
}

static void a_line_that_is_too_long_is_not_cut(void **state)
{
	char text[600] = "[redis]\nurl = redis://";
	char expected[200];
	struct loaded l;

	memset(text + strlen(text), 'a', 300);
	strcat(text, "\nhistory_length = 12\n");
	load(&l, text);
	snprintf(expected, sizeof(expected), "%s:2: the line is too long (199 bytes are read); go on in an indented line\n", file_name);
	assert_string_equal(l.problems.p, expected);
	assert_int_equal(l.cfg.redis_history_length, 12);
	unload(&l);
}

static void a_nul_byte_is_not_the_end(void **state)
{
	static const char text[] = "[log]\nlevel = info\0x\nformat = json\n";
	struct loaded l;

	load_bytes(&l, text, sizeof(text) - 1);
	assert_non_null(strstr(l.problems.p, ":2: there is a NUL byte in this line\n"));
	assert_string_equal(l.cfg.log_format, "json");
	unload(&l);
}

static void several_problems_are_all_named(void **state)
{
	expect_problems("[log]\nlevel = a\nformat = b\n",
			"2: [log] level = \"a\" is not allowed; it takes one of debug|info|warning|error\n"
			"config_test.conf:3: [log] format = \"b\" is not allowed; it takes one of auto|json|text\n");
}

static void what_belongs_together_is_checked_together(void **state)
{
	expect_problems("[notifier]\npeer_timeout_s = 59\n", "[notifier] peer_timeout_s must be at least two heartbeat_interval_s (or 0: off)\n");
	expect_problems("[redis]\nurl = http://x\n", "[redis] url: it must begin with redis://, unix:// or redis+sentinel://\n");
	expect_problems("[worker]\nroles = ingest, proces\n",
			"[worker] roles: \"proces\" is not allowed; it takes ingest, process or both, with a comma between\n");
	expect_problems("[notifier]\nlisten = 7000\n", "[notifier] listen: \"7000\": it must be host:port, [v6]:port, unix:/path or systemd\n");
}

static void a_missing_file_is_an_error_only_when_it_was_named(void **state)
{
	struct config_args args = { .file = "/nonexistent/cvpulse.conf" };
	struct config cfg;
	struct buf problems;

	buf_init(&problems, 4096);
	assert_int_equal(config_load(&cfg, &args, &problems), -EINVAL);
	assert_str_equal(buf_str(&problems), "/nonexistent/cvpulse.conf: No such file or directory\n");
	config_free(&cfg);
	buf_clear(&problems);
	args.file = NULL;
	assert_int_equal(config_load(&cfg, &args, &problems), 0);
	config_free(&cfg);
	args.file = "/";
	assert_int_equal(config_load(&cfg, &args, &problems), -EINVAL);
	assert_str_equal(buf_str(&problems), "/: Is a directory\n");
	config_free(&cfg);
	buf_free(&problems);
}

static void flags_go_over_the_environment_and_that_over_the_file(void **state)
{
	struct config_args args = { .file = file_name, .sets = { "notifier.heartbeat_interval_s=3", "log.level = error" }, .n_sets = 2 };
	struct config cfg;
	struct buf problems;

	write_file("[notifier]\nheartbeat_interval_s = 1\nmax_connections = 1\n[redis]\nhistory_length = 11\n");
	setenv("CVPULSE_NOTIFIER_HEARTBEAT_INTERVAL_S", "2", 1);
	setenv("CVPULSE_NOTIFIER_MAX_CONNECTIONS", "2", 1);
	setenv("CVPULSE_DATA", "not a key of ours", 1);
	setenv("CVPULSE_SOMETHING_ELSE", "not a section of ours", 1);
	buf_init(&problems, 4096);
	assert_int_equal(config_load(&cfg, &args, &problems), 0);
	assert_int_equal(cfg.notifier_heartbeat_interval_ms, 3000);
	assert_int_equal(cfg.notifier_max_connections, 2);
	assert_int_equal(cfg.redis_history_length, 11);
	assert_string_equal(cfg.log_level, "error");
	config_free(&cfg);
	buf_free(&problems);
	unsetenv("CVPULSE_NOTIFIER_HEARTBEAT_INTERVAL_S");
	unsetenv("CVPULSE_NOTIFIER_MAX_CONNECTIONS");
}

static void problems_of_environment_and_flags_are_named(void **state)
{
	struct config_args args = { .file = file_name, .sets = { "log.level", "loglevel=info", "log.leve=info" }, .n_sets = 3 };
	struct config cfg;
	struct buf problems;

	write_file("");
	setenv("CVPULSE_LOG_LEVEL", "loud", 1);
	buf_init(&problems, 4096);
	assert_int_equal(config_load(&cfg, &args, &problems), -EINVAL);
	assert_str_equal(buf_str(&problems),
			 "environment CVPULSE_LOG_LEVEL: [log] level = \"loud\" is not allowed; it takes one of debug|info|warning|error\n"
			 "--set log.level: it takes section.key=value\n"
			 "--set loglevel=info: it takes section.key=value\n"
			 "--set: unknown key [log] leve\n");
	config_free(&cfg);
	buf_free(&problems);
	unsetenv("CVPULSE_LOG_LEVEL");
}

static void credentials_are_found_in_systemds_directory(void **state)
{
	struct buf problems;
	struct config cfg = { 0 };

	buf_init(&problems, 4096);
	setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x", 1);
	assert_int_equal(config_set(&cfg, STR("redis"), STR("password_file"), STR("%d/redis"), "", &problems), 0);
	assert_string_equal(cfg.redis_password_file, "/run/credentials/x/redis");
	assert_int_equal(config_set(&cfg, STR("redis"), STR("password_file"), STR("/a/%d/b"), "", &problems), 0);
	assert_string_equal(cfg.redis_password_file, "/a/%d/b");
	unsetenv("CREDENTIALS_DIRECTORY");
	config_free(&cfg);
	buf_free(&problems);
}

static int applied, refused;

static void count_change(const char *section, const char *key, bool live)
{
	*(live ? &applied : &refused) += 1;
}

static void a_reload_takes_over_what_it_can(void **state)
{
	struct config_args args = { .file = file_name };
	struct loaded l;

	load(&l, "[log]\nlevel = info\n[notifier]\nlisten = 127.0.0.1:1\n");
	write_file("[log]\nlevel = debug\n[notifier]\nlisten = 127.0.0.1:2\n");
	buf_clear(&l.problems);
	applied = refused = 0;
	assert_int_equal(config_reload(&l.cfg, &args, &l.problems, count_change), 0);
	assert_string_equal(l.cfg.log_level, "debug");
	assert_string_equal(l.cfg.notifier_listen, "127.0.0.1:1");
	assert_int_equal(applied, 1);
	assert_int_equal(refused, 1);
	unload(&l);
}

static void a_reload_with_a_problem_changes_nothing(void **state)
{
	struct config_args args = { .file = file_name };
	struct loaded l;

	load(&l, "[log]\nlevel = info\n");
	write_file("[log]\nlevel = debug\nformat = x\n");
	buf_clear(&l.problems);
	assert_int_equal(config_reload(&l.cfg, &args, &l.problems, count_change), -EINVAL);
	assert_string_equal(l.cfg.log_level, "info");
	unload(&l);
}

static void the_generated_file_loads_with_every_line_switched_on(void **state)
{
	struct config_args args = { .file = file_name };
	struct config cfg, defaults;
	char line[1024], *text = NULL;
	struct buf problems;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n), *in, *file;
	int keys = 0;

	config_generate(out);
	fclose(out);
	in = fmemopen(text, n, "r");
	file = fopen(file_name, "w");
	while (fgets(line, sizeof(line), in)) {
		keys += line[0] == ';';
		fputs(line + (line[0] == ';'), file);
	}
	fclose(in);
	fclose(file);
	free(text);
	buf_init(&problems, 4096);
	assert_int_equal(config_load(&cfg, &args, &problems), 0);
	args.file = NULL;
	assert_int_equal(config_load(&defaults, &args, &problems), 0);
	assert_int_equal(keys, CONFIG_KEYS);
	assert_string_equal(cfg.auth_trusted_proxies, defaults.auth_trusted_proxies);
	assert_int_equal(cfg.worker_max_file_bytes, defaults.worker_max_file_bytes);
	assert_int_equal(cfg.redis_history_ttl_ms, defaults.redis_history_ttl_ms);
	config_free(&cfg);
	config_free(&defaults);
	buf_free(&problems);
}

static void every_default_is_allowed(void **state)
{
	for (int i = 0; i < CONFIG_KEYS; i++) {
		const struct config_key *k = &config_keys[i];

		assert_true(k->number_default == 0 || k->number_default >= k->min);
		assert_true(k->number_default <= k->max);
		assert_int_not_equal(strlen(k->doc), 0);
	}
}

static int make_directory(void **state)
{
	static char directory[] = "/tmp/cvpulse-config-XXXXXX";

	if (!mkdtemp(directory) || chdir(directory) < 0)
		return -1;
	*state = directory;
	strcpy(file_name, "config_test.conf");
	return 0;
}

static int remove_directory(void **state)
{
	unlink(file_name);
	return chdir("/") < 0 || rmdir(*state) < 0 ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_hold_without_a_key),
		cmocka_unit_test(the_file_is_read),
		cmocka_unit_test(a_long_value_goes_on_in_indented_lines),
		cmocka_unit_test(an_indented_key_is_not_swallowed),
		cmocka_unit_test(the_same_key_in_two_sections_is_two_keys),
		cmocka_unit_test(what_is_unknown_is_named),
		cmocka_unit_test(a_value_that_is_not_allowed_is_named_with_what_is),
		cmocka_unit_test(a_key_stands_once),
		cmocka_unit_test(a_line_that_is_nothing_is_named),
		cmocka_unit_test(a_line_that_is_too_long_is_not_cut),
		cmocka_unit_test(a_nul_byte_is_not_the_end),
		cmocka_unit_test(several_problems_are_all_named),
		cmocka_unit_test(what_belongs_together_is_checked_together),
		cmocka_unit_test(a_missing_file_is_an_error_only_when_it_was_named),
		cmocka_unit_test(flags_go_over_the_environment_and_that_over_the_file),
		cmocka_unit_test(problems_of_environment_and_flags_are_named),
		cmocka_unit_test(credentials_are_found_in_systemds_directory),
		cmocka_unit_test(a_reload_takes_over_what_it_can),
		cmocka_unit_test(a_reload_with_a_problem_changes_nothing),
		cmocka_unit_test(the_generated_file_loads_with_every_line_switched_on),
		cmocka_unit_test(every_default_is_allowed),
	};
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
