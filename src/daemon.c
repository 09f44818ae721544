/* See daemon.h. */
#include "daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "metrics.h"

#define PROBLEMS_MAX 65536

static struct {
	const struct daemon_hooks *hooks;
	uv_signal_t term, interrupt, hangup;
	uv_timer_t watchdog;
	int stop_signals, exit_status;
	bool over;
} state;

static void print_problems(const struct buf *problems)
{
	fprintf(stderr, STR_FMT, STR_ARG(buf_str(problems)));
}

static void on_change(const char *section, const char *key, bool applied)
{
	LOG(INFO, applied ? "config_applied" : "config_needs_restart", LOG_TEXT("section", section), LOG_TEXT("key", key));
}

static void reload(struct daemon *d)
{
	struct buf problems;

	buf_init(&problems, PROBLEMS_MAX);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_monotonic_us());
	if (config_reload(&d->config, &d->args, &problems, on_change) < 0) {
		LOG(ERROR, "config_invalid", LOG_STR("problems", buf_str(&problems)));
	} else {
		log_configure(&d->config);
		if (state.hooks->reloaded)
			state.hooks->reloaded(d);
		LOG(INFO, "config_reloaded");
	}
	sd_notify(0, "READY=1");
	buf_free(&problems);
}

static void on_signal(uv_signal_t *handle, int signum)
{
	struct daemon *d = handle->data;

	if (state.over)
		return;
	if (signum == SIGHUP) {
		reload(d);
		return;
	}
	if (++state.stop_signals > 1) {
		LOG(WARNING, "stop_forced");
		_exit(1);
	}
	LOG(INFO, "stopping");
	sd_notify(0, "STOPPING=1");
	state.hooks->stop(d);
}

static void on_watchdog(uv_timer_t *timer)
{
	struct daemon *d = timer->data;

	if (!state.hooks->healthy || state.hooks->healthy(d))
		sd_notify(0, "WATCHDOG=1");
}

static void watch(struct daemon *d, uv_signal_t *handle, int signum)
{
	uv_signal_init(d->loop, handle);
	handle->data = d;
	uv_signal_start(handle, on_signal, signum);
	uv_unref((uv_handle_t *)handle);
}

static void start_watchdog(struct daemon *d)
{
	uint64_t us = 0;

	uv_timer_init(d->loop, &state.watchdog);
	state.watchdog.data = d;
	uv_unref((uv_handle_t *)&state.watchdog);
	if (sd_watchdog_enabled(0, &us) > 0)
		uv_timer_start(&state.watchdog, on_watchdog, us / 3000, us / 3000);
}

void daemon_ready(struct daemon *d)
{
	LOG(INFO, "ready", LOG_TEXT("version", PACKAGE_VERSION), LOG_INT("pid", getpid()));
	sd_notify(0, "READY=1");
}

void daemon_stopped(struct daemon *d)
{
	LOG(INFO, "stopped");
	state.over = true;
	uv_stop(d->loop);
}

void daemon_failed(struct daemon *d)
{
	state.exit_status = 1;
	uv_stop(d->loop);
}

static void close_handle(uv_handle_t *handle, void *unused)
{
	(void)unused;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

/* Once libuv has let go of a signal, its default would end a daemon that is just about to exit well. */
static void hold_signals(void)
{
	sigset_t held;

	sigemptyset(&held);
	sigaddset(&held, SIGTERM);
	sigaddset(&held, SIGINT);
	sigaddset(&held, SIGHUP);
	sigprocmask(SIG_BLOCK, &held, NULL);
}

static int configure(struct daemon *d)
{
	struct buf problems;
	int rc;

	buf_init(&problems, PROBLEMS_MAX);
	rc = config_load(&d->config, &d->args, &problems);
	if (rc == 0 && state.hooks->check)
		state.hooks->check(&d->config, &problems);
	if (rc == 0 && problems.n)
		rc = -EINVAL;
	print_problems(&problems);
	buf_free(&problems);
	return rc;
}

static int run(struct daemon *d)
{
	int rc;

	log_configure(&d->config);
	metrics_set(METRIC_start_time, clock_wall_ms() / 1000);
	signal(SIGPIPE, SIG_IGN);
	d->loop = uv_default_loop();
	watch(d, &state.term, SIGTERM);
	watch(d, &state.interrupt, SIGINT);
	watch(d, &state.hangup, SIGHUP);
	start_watchdog(d);
	rc = state.hooks->start(d);
	if (rc == 0)
		uv_run(d->loop, UV_RUN_DEFAULT);
	if (state.hooks->finish)
		state.hooks->finish(d);
	hold_signals();
	uv_walk(d->loop, close_handle, NULL);
	uv_run(d->loop, UV_RUN_DEFAULT);
	uv_loop_close(d->loop);
	if (rc < 0)
		return rc == -EINVAL ? 2 : 1;
	return state.exit_status;
}

int daemon_main(int argc, char **argv, const struct daemon_hooks *hooks)
{
	struct daemon d = { 0 };
	int rest, status = config_args(&d.args, argc, argv, hooks->usage, &rest);

	if (status >= 0)
		return status;
	if (rest != argc) {
		fprintf(stderr, "%s: unexpected argument \"%s\"; see --help\n", argv[0], argv[rest]);
		return 2;
	}
	state.hooks = hooks;
	status = configure(&d) < 0 ? 2 : d.args.check_only ? 0 : run(&d);
	config_free(&d.config);
	return status;
}
