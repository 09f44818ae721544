/*
 * worker/extractor.c against evil-extract: the real fork server and sandbox around a reader that does what an attacker
 * would (evil_reader.c). The same tests run as this user, as an ordinary user when this one is root, and both once more
 * where user namespaces are forbidden.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"
#include "extractor.h"

#define PIDS_MAX 32

struct ending {
	struct extract_job *job;
	bool done, progressed, needs_ocr;
	enum error_code code;
	int errno_seen;         /* what the evil reader got for its pains; -1: no result */
};

static const struct extractor_config config = {
	.program = EVIL_PROGRAM, .user = "nobody", .slots = 2, .waiting_max = 2, .warm = 2, .memory_mb = 128, .cpu_s = 1,
	.wall_ms = 3000, .output_max_bytes = 1u << 20,
	.ocr_slots = 1, .ocr_languages = "", .ocr_memory_mb = 256, .ocr_cpu_s = 1, .ocr_wall_ms = 3000,
};
static uv_loop_t loop;
static struct extractor *extractor;

static void on_progress(void *ctx, int percent, struct str message)
{
	struct ending *ending = ctx;

	assert_in_range(percent, 1, 100);
	assert_true(message.n > 0);
	ending->progressed = true;
}

static void on_done(void *ctx, enum error_code code, struct str json)
{
	struct ending *ending = ctx;
	static const char key[] = "\"errno\":";
	const char *at = json.n ? memmem(json.p, json.n, key, sizeof(key) - 1) : NULL;

	assert_false(ending->done);
	ending->done = true;
	ending->code = code;
	ending->errno_seen = at ? atoi(at + sizeof(key) - 1) : -1;
}

static void on_needs_ocr(void *ctx)
{
	struct ending *ending = ctx;

	assert_false(ending->done);
	ending->done = ending->needs_ocr = true;
}

static const struct extract_callbacks callbacks = { on_progress, on_done, on_needs_ocr, NULL };

/* A document with these words, open for reading only. */
static int document(const char *words)
{
	char path[64];
	int writable = memfd_create("document", MFD_CLOEXEC), readable;

	assert_true(writable >= 0);
	assert_int_equal(write(writable, words, strlen(words)), strlen(words));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", writable);
	readable = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(readable >= 0);
	close(writable);
	return readable;
}

static void begin_as(const char *act, bool pictures, struct ending *ending)
{
	int fd = document(act);

	*ending = (struct ending){ .errno_seen = -1 };
	assert_int_equal(extractor_run(extractor, fd, STR("cv.txt"), pictures, &callbacks, ending, &ending->job), 0);
	close(fd);
}

static void begin(const char *act, struct ending *ending)
{
	begin_as(act, false, ending);
}

static void wait_until(const bool *condition)
{
	while (!*condition)
		uv_run(&loop, UV_RUN_ONCE);
}

static struct ending run(const char *act)
{
	struct ending ending;

	begin(act, &ending);
	wait_until(&ending.done);
	return ending;
}

/* The act is stopped by death, and the next document is read as if nothing had been. */
static void assert_ends_with(const char *act, enum error_code code)
{
	assert_int_equal(run(act).code, code);
	assert_int_equal(run("nothing").code, ERR_NONE);
}

static void assert_denied(const char *act, int error)
{
	struct ending ending = run(act);

	assert_int_equal(ending.code, ERR_NONE);
	assert_int_equal(ending.errno_seen, error);
}

static void a_document_is_read(void **state)
{
	struct ending ending = run("nothing");

	assert_int_equal(ending.code, ERR_NONE);
	assert_true(ending.progressed);
	assert_int_equal(ending.errno_seen, 0);
	assert_true(extractor_healthy(extractor));
}

static void the_readers_codes_arrive(void **state)
{
	assert_int_equal(run("no such act").code, ERR_unsupported_type);
	assert_int_equal(run("").code, ERR_empty_file);
}

/* The evil reader answers with a zero when it gets from the converter what it was given before. */
static void the_converter_reads_what_a_child_cannot(void **state)
{
	struct ending ending = run("convert");

	if (ending.code == ERR_unsupported_type)
		skip(); /* no catdoc here, or no Landlock */
	assert_int_equal(ending.code, ERR_NONE);
	assert_int_equal(ending.errno_seen, 0);
	assert_int_equal(run("nothing").code, ERR_NONE);
}

static void pictures_are_read_when_they_are_given_as_such(void **state)
{
	struct ending ending = run("picture");

	assert_true(ending.needs_ocr);
	begin_as("picture", true, &ending);
	wait_until(&ending.done);
	assert_false(ending.needs_ocr);
	assert_int_equal(ending.code, ERR_NONE);
	assert_int_equal(ending.errno_seen, 0);
}

static void pictures_have_slots_of_their_own(void **state)
{
	struct ending scans[2], text;

	begin_as("hang", true, &scans[0]);
	begin_as("hang", true, &scans[1]);
	begin("nothing", &text);
	wait_until(&text.done);
	assert_false(scans[0].done || scans[1].done);
	for (int i = 0; i < 2; i++) {
		extractor_cancel(scans[i].job);
		wait_until(&scans[i].done);
		assert_int_equal(scans[i].code, ERR_cancelled);
	}
}

static void a_forbidden_system_call_kills(void **state)
{
	static const char *const acts[] = { "socket", "fork", "exec", "ptrace", "kill-server", "stop-group" };

	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		assert_ends_with(acts[i], ERR_parser_crashed);
}

static void files_stay_out_of_reach(void **state)
{
	assert_denied("write-file", EACCES);
	assert_int_equal(access("/tmp/cvpulse-evil", F_OK), -1);
	assert_denied("read-passwd", EACCES);
	assert_denied("read-proc", EACCES);
	assert_denied("list-root", EACCES);
}

static void too_much_memory_is_called_so(void **state)
{
	assert_ends_with("eat-memory", ERR_memory_limit);
	assert_ends_with("follow-null", ERR_memory_limit);
}

static void a_lie_about_sizes_is_no_lack_of_memory(void **state)
{
#ifdef WITH_SANITIZERS
	skip(); /* AddressSanitizer ends the process itself */
#endif
	assert_denied("ask-for-too-much", ENOMEM);
}

static void endless_work_is_a_timeout(void **state)
{
	assert_ends_with("spin", ERR_timeout);
}

static void an_endless_wait_is_a_timeout(void **state)
{
	assert_ends_with("hang", ERR_timeout);
}

static void a_crash_is_called_so(void **state)
{
	assert_ends_with("crash", ERR_parser_crashed);
	assert_ends_with("abort", ERR_parser_crashed);
}

static void a_silent_exit_is_a_crash(void **state)
{
	assert_ends_with("exit", ERR_parser_crashed);
	assert_ends_with("half-frame", ERR_parser_crashed);
}

static void what_a_child_says_is_not_believed(void **state)
{
	static const char *const acts[] = { "flood", "long-frame", "say-nonsense", "inject-newline", "say-cancelled" };

	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		assert_ends_with(acts[i], ERR_parser_crashed);
}

static void a_running_job_can_be_cancelled(void **state)
{
	struct ending ending;
	uint64_t begun_ms;

	begin("hang", &ending);
	wait_until(&ending.progressed);
	begun_ms = uv_now(&loop);
	extractor_cancel(ending.job);
	assert_false(ending.done); /* not inside the call */
	wait_until(&ending.done);
	assert_int_equal(ending.code, ERR_cancelled);
	assert_true(uv_now(&loop) - begun_ms < 2000);
}

static void a_waiting_job_can_be_cancelled(void **state)
{
	struct ending running[2], waiting;

	begin("hang", &running[0]);
	begin("hang", &running[1]);
	begin("nothing", &waiting);
	extractor_cancel(waiting.job);
	assert_false(waiting.done);
	wait_until(&waiting.done);
	assert_int_equal(waiting.code, ERR_cancelled);
	for (int i = 0; i < 2; i++) {
		extractor_cancel(running[i].job);
		wait_until(&running[i].done);
	}
}

static void more_jobs_than_may_wait_are_refused(void **state)
{
	struct ending endings[4];
	struct extract_job *job;
	int fd = document("nothing");

	for (int i = 0; i < 4; i++)
		begin("nothing", &endings[i]);
	assert_int_equal(extractor_run(extractor, fd, STR("cv.txt"), false, &callbacks, NULL, &job), -EBUSY);
	close(fd);
	for (int i = 0; i < 4; i++) {
		wait_until(&endings[i].done);
		assert_int_equal(endings[i].code, ERR_NONE);
	}
}

static void a_descriptor_that_can_write_is_refused(void **state)
{
	struct extract_job *job;
	int fd = memfd_create("document", MFD_CLOEXEC);

	assert_int_equal(extractor_run(extractor, fd, STR("cv.txt"), false, &callbacks, NULL, &job), -EINVAL);
	close(fd);
}

/* The children of a process, as the kernel lists them. */
static size_t children_of(pid_t pid, pid_t *children)
{
	char path[64];
	size_t n = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (n < PIDS_MAX && fscanf(file, "%d", &children[n]) == 1)
		n++;
	fclose(file);
	return n;
}

/* Gone, or a zombie of whoever adopts orphans here. */
static bool is_dead(pid_t pid)
{
	char path[64], state = 'Z';
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return true;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 'Z';
	fclose(file);
	return state == 'Z' || state == 'X';
}

static void wait_for_deaths(const pid_t *pids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		while (!is_dead(pids[i]))
			uv_run(&loop, UV_RUN_NOWAIT);
}

static void a_killed_server_takes_its_children_along_and_comes_back(void **state)
{
	pid_t servers[PIDS_MAX], children[PIDS_MAX];
	struct ending ending;
	size_t n;

	begin("hang", &ending);
	wait_until(&ending.progressed);
	if (children_of(getpid(), servers) != 1)
		skip(); /* a kernel that does not list children */
	n = children_of(servers[0], children);
	assert_true(n > 0);
	kill(servers[0], SIGKILL);
	wait_for_deaths(children, n);
	extractor_cancel(ending.job);
	wait_until(&ending.done);
	assert_int_equal(ending.code, ERR_cancelled);
	assert_int_equal(run("nothing").code, ERR_NONE);
}

static void a_stopped_server_is_replaced(void **state)
{
	pid_t servers[PIDS_MAX];
	struct ending ending;

	begin("hang", &ending);
	wait_until(&ending.progressed);
	if (children_of(getpid(), servers) != 1)
		skip();
	kill(servers[0], SIGSTOP);
	extractor_cancel(ending.job);
	wait_until(&ending.done);
	assert_int_equal(ending.code, ERR_cancelled);
	assert_int_equal(run("nothing").code, ERR_NONE);
}

/* This program as another worker ("extractor_test worker"): says when its job runs, then goes on for ever. */
static int be_a_worker(void)
{
	struct ending ending;

	uv_loop_init(&loop);
	if (extractor_start(&loop, &config, &extractor) < 0)
		return 1;
	begin("hang", &ending);
	wait_until(&ending.progressed);
	if (write(STDOUT_FILENO, "r", 1) != 1)
		return 1;
	for (;;)
		pause();
}

static void a_killed_worker_leaves_no_process(void **state)
{
	pid_t worker, servers[PIDS_MAX], children[PIDS_MAX];
	size_t n_servers, n;
	int fds[2];
	char byte;

	assert_int_equal(pipe(fds), 0);
	worker = fork();
	if (worker == 0) {
		dup2(fds[1], STDOUT_FILENO);
		execl("/proc/self/exe", "extractor_test", "worker", NULL);
		_exit(1);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	n_servers = children_of(worker, servers);
	n = n_servers ? children_of(servers[0], children) : 0;
	kill(worker, SIGKILL);
	waitpid(worker, NULL, 0);
	wait_for_deaths(servers, n_servers);
	wait_for_deaths(children, n);
	close(fds[0]);
}

static void stopping_leaves_no_process_and_no_callback(void **state)
{
	pid_t pids[PIDS_MAX];
	struct ending ending;

	begin("hang", &ending);
	wait_until(&ending.progressed);
	extractor_stop(extractor);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_false(ending.done);
	assert_int_equal(children_of(getpid(), pids), 0);
	assert_int_equal(extractor_start(&loop, &config, &extractor), 0);
}

static void a_program_that_does_not_exist_is_told(void **state)
{
	struct extractor_config changed = config;
	struct extractor *other;

	changed.program = "./no-such-program";
	assert_int_equal(extractor_start(&loop, &changed, &other), -ENOENT);
	uv_run(&loop, UV_RUN_NOWAIT);
}

static void jobs_end_when_the_server_never_gets_up(void **state)
{
	struct extractor_config changed = config;
	struct extractor *other;
	struct ending ending = { .done = false };
	int fd = document("nothing");

	changed.program = "/bin/false";
	assert_int_equal(extractor_start(&loop, &changed, &other), 0);
	assert_int_equal(extractor_run(other, fd, STR("cv.txt"), false, &callbacks, &ending, &ending.job), 0);
	close(fd);
	wait_until(&ending.done);
	assert_int_equal(ending.code, ERR_internal);
	assert_false(extractor_healthy(other));
	extractor_stop(other);
}

static int run_here(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_document_is_read),
		cmocka_unit_test(the_readers_codes_arrive),
		cmocka_unit_test(the_converter_reads_what_a_child_cannot),
		cmocka_unit_test(pictures_are_read_when_they_are_given_as_such),
		cmocka_unit_test(pictures_have_slots_of_their_own),
		cmocka_unit_test(a_forbidden_system_call_kills),
		cmocka_unit_test(files_stay_out_of_reach),
		cmocka_unit_test(too_much_memory_is_called_so),
		cmocka_unit_test(a_lie_about_sizes_is_no_lack_of_memory),
		cmocka_unit_test(endless_work_is_a_timeout),
		cmocka_unit_test(an_endless_wait_is_a_timeout),
		cmocka_unit_test(a_crash_is_called_so),
		cmocka_unit_test(a_silent_exit_is_a_crash),
		cmocka_unit_test(what_a_child_says_is_not_believed),
		cmocka_unit_test(a_running_job_can_be_cancelled),
		cmocka_unit_test(a_waiting_job_can_be_cancelled),
		cmocka_unit_test(more_jobs_than_may_wait_are_refused),
		cmocka_unit_test(a_descriptor_that_can_write_is_refused),
		cmocka_unit_test(a_killed_server_takes_its_children_along_and_comes_back),
		cmocka_unit_test(a_stopped_server_is_replaced),
		cmocka_unit_test(a_killed_worker_leaves_no_process),
		cmocka_unit_test(stopping_leaves_no_process_and_no_callback),
		cmocka_unit_test(a_program_that_does_not_exist_is_told),
		cmocka_unit_test(jobs_end_when_the_server_never_gets_up),
	};
	int failed;

	uv_loop_init(&loop);
	assert_int_equal(extractor_start(&loop, &config, &extractor), 0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	extractor_stop(extractor);
	uv_run(&loop, UV_RUN_DEFAULT);
	return failed + (uv_loop_close(&loop) < 0);
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return ok;
}

static bool become_ordinary(void)
{
	return geteuid() == 0 && setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0 &&
	       access(EVIL_PROGRAM, X_OK) == 0;
}

/* Inside a namespace of our own its limit on further ones is ours to set. */
static bool forbid_namespaces(void)
{
	char map[64];

	snprintf(map, sizeof(map), "1000 %d 1", (int)geteuid());
	return unshare(CLONE_NEWUSER) == 0 && write_file("/proc/self/uid_map", map) &&
	       write_file("/proc/sys/user/max_user_namespaces", "0");
}

/* As container engines do it: the call is refused, whoever makes it. */
static bool forbid_namespaces_for_root(void)
{
	struct sock_filter refuse[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(refuse) / sizeof(refuse[0]), .filter = refuse };

	return geteuid() == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* Runs everything in a process that has been changed, where the system lets us change it. */
static int run_elsewhere(const char *where, bool (*change)(void))
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		fprintf(stderr, "%s:\n", where);
		if (change())
			_exit(run_here());
		fprintf(stderr, "cannot be arranged here\n");
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status != 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "worker") == 0)
		return be_a_worker();
	return run_here() + run_elsewhere("as an ordinary user", become_ordinary) +
	       run_elsewhere("as an ordinary user without user namespaces", forbid_namespaces) +
	       run_elsewhere("as root without user namespaces", forbid_namespaces_for_root) ? 1 : 0;
}
