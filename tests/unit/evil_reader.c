/*
 * In the place of the format readers and the parser: does what the "document" says, as an attacker would who has taken
 * over a child. Linked with the real process side of cvpulse-extract into the program evil-extract, which only the tests
 * start. The result tells how the attempt went: {"errno":N}.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "parse.h"
#include "read.h"

#define MEBIBYTE (1u << 20)

static int outcome;             /* errno of what was tried, 0: it worked */
static int out_fd;              /* the pipe to the worker */

static int tried(long rc)
{
	return rc < 0 ? errno : 0;
}

static int act_nothing(void)
{
	return 0;
}

static int act_socket(void)
{
	return tried(socket(AF_INET, SOCK_STREAM, 0));
}

static int act_write_file(void)
{
	return tried(open("/tmp/cvpulse-evil", O_WRONLY | O_CREAT, 0600));
}

static int act_read_passwd(void)
{
	return tried(open("/etc/passwd", O_RDONLY));
}

static int act_read_proc(void)
{
	return tried(open("/proc/self/environ", O_RDONLY));
}

static int act_list_root(void)
{
	return tried(open("/", O_RDONLY | O_DIRECTORY));
}

static int act_fork(void)
{
	return tried(fork());
}

static int act_exec(void)
{
	return tried(execl("/bin/true", "true", NULL));
}

static int act_ptrace(void)
{
	return tried(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

static int act_kill_server(void)
{
	return tried(kill(getppid(), SIGKILL));
}

static int act_stop_group(void)
{
	return tried(kill(0, SIGSTOP));
}

/* Touched, so that it is memory and not a promise. */
static _Noreturn int act_eat_memory(void)
{
	for (;;) {
		char *p = malloc(MEBIBYTE);

		if (!p)
			abort(); /* as glib does */
		for (size_t i = 0; i < MEBIBYTE; i += 4096)
			p[i] = 1;
	}
}

static _Noreturn int act_follow_null(void)
{
	for (;;) {
		volatile char *p = malloc(MEBIBYTE);

		*p = 1;
	}
}

static int act_ask_for_too_much(void)
{
	void *p = malloc((size_t)1 << 40);

	outcome = p ? 0 : ENOMEM;
	free(p);
	return outcome;
}

static _Noreturn int act_spin(void)
{
	for (volatile unsigned i = 0;; i++)
		;
}

static _Noreturn int act_hang(void)
{
	for (;;)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){ .tv_sec = 1000 }, NULL);
}

static int act_crash(void)
{
	raise(SIGSEGV); /* in a build with sanitizers a real one would be their report */
	return 0;
}

static _Noreturn int act_abort(void)
{
	abort();
}

static int act_exit(void)
{
	_exit(0);
}

static void say(const char *bytes, size_t n)
{
	while (n) {
		ssize_t written = write(out_fd, bytes, n);

		if (written <= 0)
			return;
		bytes += written;
		n -= (size_t)written;
	}
}

static int act_flood(void)
{
	static const char frame[] = "\0\0\0\x30{\"type\":\"progress\",\"percent\":1,\"message\":\"aaaaa\"}";

	for (unsigned i = 0; i < 100 * MEBIBYTE / (sizeof(frame) - 1); i++)
		say(frame, sizeof(frame) - 1);
	return 0;
}

static int act_long_frame(void)
{
	say("\xff\xff\xff\xff", 4);
	act_hang();
}

static int act_half_frame(void)
{
	say("\0\0\1\0{\"type\":", 12);
	_exit(0);
}

static int act_say_nonsense(void)
{
	say("\0\0\0\x04true", 8);
	act_hang();
}

static int act_inject_newline(void)
{
	static const char frame[] = "\0\0\0\x25{\"type\":\"result\",\"resume\":{},\n\"result\":{}}";

	say(frame, sizeof(frame) - 1);
	act_hang();
}

static int act_say_cancelled(void)
{
	static const char frame[] = "\0\0\0\x23{\"type\":\"error\",\"code\":\"cancelled\"}";

	say(frame, sizeof(frame) - 1);
	act_hang();
}

static const struct { const char *name; int (*act)(void); } acts[] = {
	{ "nothing", act_nothing }, { "socket", act_socket }, { "write-file", act_write_file },
	{ "read-passwd", act_read_passwd }, { "read-proc", act_read_proc }, { "list-root", act_list_root },
	{ "fork", act_fork }, { "exec", act_exec }, { "ptrace", act_ptrace }, { "kill-server", act_kill_server },
	{ "stop-group", act_stop_group }, { "eat-memory", act_eat_memory }, { "follow-null", act_follow_null },
	{ "ask-for-too-much", act_ask_for_too_much }, { "spin", act_spin }, { "hang", act_hang }, { "crash", act_crash },
	{ "abort", act_abort }, { "exit", act_exit }, { "flood", act_flood }, { "long-frame", act_long_frame },
	{ "half-frame", act_half_frame }, { "say-nonsense", act_say_nonsense }, { "inject-newline", act_inject_newline },
	{ "say-cancelled", act_say_cancelled },
};

int readers_warm(void)
{
	return 0;
}

int readers_warm_ocr(const char *languages, struct buf *missing)
{
	return 0;
}

void readers_promise_ocr(void)
{
}

bool readers_have_ocr(void)
{
	return true;
}

int parse_prepare(void)
{
	return 0;
}

void document_init(struct document *doc)
{
	*doc = (struct document){ .format = "txt" };
}

void document_free(struct document *doc)
{
}

enum error_code document_read(const struct read_input *in, struct document *doc)
{
	char name[64] = "";
	ssize_t n = read(in->fd, name, sizeof(name) - 1);

	if (n <= 0)
		return ERR_empty_file;
	outcome = strncmp(name, "convert", 7) != 0;
	if (in->converted)
		return ERR_NONE;
	doc->has_scans = strcmp(name, "picture") == 0;
	if (doc->has_scans && in->ocr == READ_OCR_NOW) {
		outcome = 0;
		return ERR_NONE;
	}
	if (doc->has_scans)
		return ERR_ocr_unavailable;
	doc->needs_converter = outcome == 0;
	if (doc->needs_converter)
		return ERR_unsupported_type;
	out_fd = in->fd + 1;
	in->progress(in->ctx, 50, "Half of the evil is done");
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (strcmp(name, acts[i].name) == 0) {
			outcome = acts[i].act();
			return ERR_NONE;
		}
	return ERR_unsupported_type;
}

int parse_resume(const struct document *doc, struct buf *resume_json, struct buf *summary_json)
{
	buf_addz(resume_json, "{}");
	buf_addf(summary_json, "{\"errno\":%d}", outcome);
	return 0;
}
