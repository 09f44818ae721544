/* cvpulse submit FILES…: uploads, one file a request, into one batch. */
#include "submit.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http.h"
#include "target.h"

#define BAR_WIDTH 30

extern const struct command command_submit;

struct upload_bar {
	const char *name;
	int index, total;
	int shown;                      /* percent; -1: nothing */
};

static void on_progress(void *ctx, int64_t sent, int64_t total)
{
	struct upload_bar *bar = ctx;
	int percent = (int)(sent * 100 / total), full = percent * BAR_WIDTH / 100;

	if (percent == bar->shown || percent > 100)
		return;
	bar->shown = percent;
	fprintf(stderr, "\r%d/%d [%.*s%.*s] %3d%%  %.40s", bar->index, bar->total, full, "##############################", BAR_WIDTH - full,
		"..............................", percent, bar->name);
}

void submission_path(const struct submission *s, const char *what, struct str id, const char *tail, const char *more, struct buf *out)
{
	buf_clear(out);
	buf_addf(out, API_BASE "%s", what);
	http_add_encoded(out, id);
	buf_addz(out, tail);
	if (s->user || *more)
		buf_addz(out, "?");
	if (s->user) {
		buf_addz(out, "user_id=");
		http_add_encoded(out, str_c(s->user));
	}
	buf_addz(out, s->user || !*more ? more : more + 1);
	buf_add(out, "", 1);
}

static bool take_id(const cJSON *object, const char *name, char out[ID_MAX + 1])
{
	struct str id = str_c(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name)));

	if (!id_valid(id))
		return false;
	memcpy(out, id.p, id.n);
	out[id.n] = '\0';
	return true;
}

/* {"batch_id":"…","cvs":[{"cv_id":"…"}]} */
static bool take_answer(struct submission *s, const struct buf *body)
{
	cJSON *json = cJSON_ParseWithLength(body->p, body->n);
	struct submitted *cv = &s->cvs[s->n];
	bool good;

	*cv = (struct submitted){ .progress = -1 };
	good = take_id(json, "batch_id", s->batch_id) && take_id(cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(json, "cvs"), 0), "cv_id", cv->cv_id);
	cJSON_Delete(json);
	return good;
}

/* Uploads one file. 0, or -EIO after having said why. */
static int upload(struct submission *s, const char *file, bool force, int index, int total)
{
	const char *slash = strrchr(file, '/');
	struct upload_bar bar = { slash ? slash + 1 : file, index, total, -1 };
	struct http_upload up = { .file = file, .batch_id = s->batch_id, .progress = isatty(STDERR_FILENO) ? on_progress : NULL, .ctx = &bar };
	struct http_answer answer;
	struct buf path;
	int rc;

	buf_init(&path, 4096);
	submission_path(s, "/cvs", STR(""), "", force ? "&force=1" : "", &path);
	rc = http_call_upload(s->http, path.p, &up, &answer);
	buf_free(&path);
	if (bar.shown >= 0)
		fputs("\r\033[K", stderr);
	if (rc == 0 && !answer.problem[0] && !take_answer(s, &answer.body)) {
		snprintf(answer.problem, sizeof(answer.problem), "the answer is not cvpulse's; is --url right?");
		rc = -EIO;
	}
	buf_free(&answer.body);
	if (answer.problem[0]) {
		complain(s->command, "%s: %s", file, answer.problem);
		return -EIO;
	}
	printf("%s %s %s\n", s->batch_id, s->cvs[s->n].cv_id, file);
	fflush(stdout);
	s->n++;
	return 0;
}

/* Several files make a batch that knows how many will come. */
static int open_batch(struct submission *s, int total)
{
	struct http_answer answer;
	struct buf path;
	char json[64];
	cJSON *frame;
	bool good;

	buf_init(&path, 4096);
	submission_path(s, "/batches", STR(""), "", "", &path);
	snprintf(json, sizeof(json), "{\"total\":%d}", total);
	http_call(s->http, "POST", path.p, json, &answer);
	frame = cJSON_ParseWithLength(answer.body.p ? answer.body.p : "", answer.body.n);
	good = !answer.problem[0] && take_id(frame, "batch_id", s->batch_id);
	if (!good)
		complain(s->command, "no batch could be opened: %s", answer.problem[0] ? answer.problem : "the answer is not cvpulse's; is --url right?");
	cJSON_Delete(frame);
	buf_free(&answer.body);
	buf_free(&path);
	return good ? 0 : -EIO;
}

/* After a refused file the announced total is never reached: the batch must not wait for it. */
static void close_batch(struct submission *s)
{
	struct http_answer answer;
	struct buf path;

	buf_init(&path, 4096);
	submission_path(s, "/batches/", str_c(s->batch_id), "/close", "", &path);
	http_call(s->http, "POST", path.p, NULL, &answer);
	buf_free(&answer.body);
	buf_free(&path);
}

/* A name that cannot be read should not cost an upload of the others first. */
static bool files_readable(char **files, int n)
{
	bool good = true;

	for (int i = 0; i < n; i++) {
		struct stat st;

		if (stat(files[i], &st) < 0 || access(files[i], R_OK) < 0) {
			complain(&command_submit, "%s: %s", files[i], strerror(errno));
			good = false;
		} else if (!S_ISREG(st.st_mode)) {
			complain(&command_submit, "%s: this is no regular file", files[i]);
			good = false;
		}
	}
	return good;
}

struct wishes {
	const char *url, *user, *batch, *token_file;
	bool force, wait;
};

static int submit_files(struct submission *s, const struct wishes *w, char **files, int n)
{
	bool own_batch = !w->batch && n > 1;
	int failed = 0;

	if (w->batch)
		snprintf(s->batch_id, sizeof(s->batch_id), "%s", w->batch);
	else if (own_batch && open_batch(s, n) < 0)
		return EXIT_FAILED;
	for (int i = 0; i < n; i++)
		failed += upload(s, files[i], w->force, i + 1, n) < 0;
	if (failed && own_batch)
		close_batch(s);
	if (failed)
		complain(s->command, "%d of %d files were not taken", failed, n);
	if (w->wait && s->n && submission_wait(s) != EXIT_GOOD)
		return EXIT_FAILED;
	return failed ? EXIT_FAILED : EXIT_GOOD;
}

static int read_wishes(struct wishes *w, int argc, char **argv)
{
	static const struct option options[] = {
		{ "url", required_argument, NULL, 'u' }, { "user", required_argument, NULL, 'U' }, { "batch", required_argument, NULL, 'b' },
		{ "token-file", required_argument, NULL, 't' }, { "force", no_argument, NULL, 'f' }, { "wait", no_argument, NULL, 'w' }, { NULL, 0, NULL, 0 },
	};
	int option;

	optind = 0; /* glibc: begin anew, options may stand anywhere */
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'u': w->url = optarg; break;
		case 'U': w->user = optarg; break;
		case 'b': w->batch = optarg; break;
		case 't': w->token_file = optarg; break;
		case 'f': w->force = true; break;
		case 'w': w->wait = true; break;
		default: return usage_error(&command_submit, "this option is not known or lacks its value");
		}
	}
	if (optind == argc)
		return usage_error(&command_submit, "name the files to upload");
	if ((w->user && !id_valid(str_c(w->user))) || (w->batch && !id_valid(str_c(w->batch))))
		return usage_error(&command_submit, "--user and --batch take 1 to 128 characters of A-Za-z0-9._@|+~=-");
	return -1;
}

static int submit_run(struct cli *cli, int argc, char **argv)
{
	struct submission s = { .command = &command_submit };
	struct http_target target;
	struct wishes w = { 0 };
	int status = read_wishes(&w, argc, argv);

	if (status >= 0)
		return status;
	if (!files_readable(argv + optind, argc - optind))
		return EXIT_FAILED;
	if (target_make(&target, &command_submit, w.url, w.token_file, cli->cfg.worker_listen) < 0)
		return EXIT_USAGE;
	s.user = w.user;
	s.cvs = calloc((size_t)(argc - optind), sizeof(*s.cvs));
	status = EXIT_FAILED;
	if (s.cvs && http_new(&target, &s.http) == 0) {
		status = submit_files(&s, &w, argv + optind, argc - optind);
		http_free(s.http);
	}
	explicit_bzero(target.token, sizeof(target.token));
	free(s.cvs);
	return status;
}

const struct command command_submit = {
	.name = "submit",
	.synopsis = "submit [--url URL] [--user USER] [--batch BATCH] [--force] [--wait] [--token-file FILE] FILES…",
	.summary = "Upload CVs, and follow them to their end with --wait",
	.details = "\nFor each file that was taken a line \"BATCH CV FILE\" is printed. Several files make one batch.\n\n" TARGET_HELP
		   "  --user USER        whose CVs they are, where the server takes no tokens (auth.mode = none)\n"
		   "  --batch BATCH      add to this batch\n"
		   "  --force            process a file again that this user has uploaded before\n"
		   "  --wait             show the progress; exit status 0 only if every CV was completed\n",
	.run = submit_run,
};
