/* The operator's page on the admin listener: how the queue is, what waits, runs and was given up; pause, try again, drop. No file
 * names and no content, only ids. */
#include <errno.h>
#include <stdlib.h>

#include "calls.h"
#include "clock.h"

#define ROWS_MAX 100
#define PAGE_MAX_BYTES (1024 * 1024)

struct page {
	struct buf html, rows;
	enum queue_list_kind kind;
	bool failed;
};

static const char *const titles[] = {
	[QUEUE_LIST_WAITING] = "Waiting", [QUEUE_LIST_RUNNING] = "Running", [QUEUE_LIST_RETRYING] = "Waiting for another try",
	[QUEUE_LIST_DEAD] = "Given up",
};
static const char *const time_titles[] = {
	[QUEUE_LIST_WAITING] = "since", [QUEUE_LIST_RUNNING] = "leased until", [QUEUE_LIST_RETRYING] = "again at", [QUEUE_LIST_DEAD] = "at",
};

static const char head[] =
	"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>cvpulse queue</title><style>"
	"body{font:15px system-ui,sans-serif;margin:2rem;color:#222}table{border-collapse:collapse}"
	"td,th{text-align:left;padding:.2rem .8rem .2rem 0;border-bottom:1px solid #ddd}form{display:inline}button{font:inherit}</style>"
	"<h1>Queue</h1>";
static const char foot[] = "</html>";
/* The page has no script, and none is to get into it. */
static const char policy[] =
	"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

static void add_html(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'')
			buf_addf(out, "&#%d;", c);
		else
			buf_add(out, &c, 1);
	}
}

static void add_cell(struct buf *out, struct str text)
{
	buf_addz(out, "<td>");
	add_html(out, text);
	buf_addz(out, "</td>");
}

static void add_button(struct buf *out, struct str cv, const char *action, const char *label)
{
	buf_addz(out, " <form method=\"post\" action=\"/queue/cvs/");
	add_html(out, cv); /* an id needs no escape in a path */
	buf_addf(out, "/%s\"><button>%s</button></form>", action, label);
}

static void add_row(struct page *page, const struct queue_row *row)
{
	char at[ISO8601_SIZE];

	clock_iso8601(row->at_ms, at);
	buf_addz(&page->rows, "<tr>");
	add_cell(&page->rows, row->cv);
	add_cell(&page->rows, row->user);
	add_cell(&page->rows, row->batch);
	buf_addf(&page->rows, "<td>%s</td><td>%d</td><td>%d</td>", at, row->priority, row->tries);
	add_cell(&page->rows, row->error);
	buf_addz(&page->rows, "<td>");
	if (page->kind == QUEUE_LIST_DEAD)
		add_button(&page->rows, row->cv, "retry", "try again");
	add_button(&page->rows, row->cv, "drop", "drop");
	buf_addz(&page->rows, "</td></tr>");
}

static void next_list(struct call *call);

static void on_row(void *ctx, const struct queue_row *row, int64_t total)
{
	struct call *call = ctx;
	struct page *page = call->state;

	if (row) {
		add_row(page, row);
		return;
	}
	page->failed = page->failed || total < 0;
	buf_addf(&page->html, "<h2>%s: %lld</h2>", titles[page->kind], (long long)total);
	if (page->rows.n)
		buf_addf(&page->html, "<table><tr><th>CV<th>user<th>batch<th>%s<th>priority<th>tries<th>error<th></tr>" STR_FMT "</table>",
			 time_titles[page->kind], STR_ARG(buf_str(&page->rows)));
	buf_clear(&page->rows);
	page->kind++;
	next_list(call);
	call_release(call);
}

static void show(struct call *call)
{
	struct page *page = call->state;

	call_header(call, "Content-Security-Policy", str_c(policy));
	call_header(call, "Referrer-Policy", STR("same-origin"));
	call_text(call, "text/html; charset=utf-8", &page->html);
}

static void next_list(struct call *call)
{
	struct page *page = call->state;

	if (page->kind > QUEUE_LIST_DEAD || page->failed) {
		buf_addz(&page->html, foot);
		if (page->failed)
			call_failed(call, -ENOTCONN);
		else
			show(call);
		return;
	}
	call_hold(call);
	if (queue_list(call->worker->queue, page->kind, 0, ROWS_MAX, on_row, call) < 0) {
		call_failed(call, -ENOTCONN);
		call_release(call);
	}
}

static void on_stats(void *ctx, const struct queue_stats *stats)
{
	struct call *call = ctx;
	struct page *page = call->state;

	page->failed = !stats;
	if (stats)
		buf_addf(&page->html, "<div>%lld files in the last hour, %lld ms average wait. The queue is %s. "
				      "<form method=\"post\" action=\"/queue/%s\"><button>%s</button></form></div>",
			 (long long)stats->files_per_hour, (long long)stats->average_wait_ms, stats->paused ? "paused" : "running",
			 stats->paused ? "resume" : "pause", stats->paused ? "go on" : "pause");
	next_list(call);
	call_release(call);
}

static void page_free(struct call *call)
{
	struct page *page = call->state;

	buf_free(&page->html);
	buf_free(&page->rows);
	free(page);
}

void queue_page_show(struct call *call)
{
	struct page *page = calloc(1, sizeof(*page));

	if (!page) {
		call_failed(call, -ENOMEM);
		return;
	}
	buf_init(&page->html, PAGE_MAX_BYTES);
	buf_init(&page->rows, PAGE_MAX_BYTES);
	buf_addz(&page->html, head);
	call->state = page;
	call->on_free = page_free;
	call_hold(call);
	if (queue_stats(call->worker->queue, on_stats, call) < 0)
		on_stats(call, NULL);
}

static void on_paused(void *ctx, enum queue_answer answer)
{
	struct call *call = ctx;

	if (answer == QUEUE_no_answer)
		call_failed(call, -ENOTCONN);
	else
		call_empty(call, 204);
	call_release(call);
}

static void pause_queue(struct call *call, bool paused)
{
	call_hold(call);
	if (queue_pause(call->worker->queue, paused, on_paused, call) < 0)
		on_paused(call, QUEUE_no_answer);
}

void queue_page_pause(struct call *call)
{
	pause_queue(call, true);
}

void queue_page_resume(struct call *call)
{
	pause_queue(call, false);
}
