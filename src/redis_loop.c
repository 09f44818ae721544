/*
 * See redis_loop.h. hiredis' own adapter for libuv drops the error that libuv reports for a reset or refused connection,
 * so such a connection looked alive until a time-out; here hiredis gets to see it.
 */
#include "redis_loop.h"

#include <errno.h>
#include <hiredis/async.h>
#include <stdlib.h>

struct watch {
	uv_poll_t poll;
	redisAsyncContext *ac;          /* NULL once hiredis has freed it */
	int wanted;
};

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct watch *w = poll->data;

	/* After an error libuv has stopped watching: reading lets hiredis find the error itself and end the connection. */
	if (status < 0 || (events & UV_READABLE))
		redisAsyncHandleRead(w->ac);
	if (w->ac && status == 0 && (events & UV_WRITABLE))
		redisAsyncHandleWrite(w->ac);
}

static void want(struct watch *w, int events)
{
	if (events == w->wanted && uv_is_active((uv_handle_t *)&w->poll))
		return;
	w->wanted = events;
	if (events)
		uv_poll_start(&w->poll, events, on_ready);
	else
		uv_poll_stop(&w->poll);
}

static void add_read(void *data)
{
	want(data, ((struct watch *)data)->wanted | UV_READABLE);
}

static void del_read(void *data)
{
	want(data, ((struct watch *)data)->wanted & ~UV_READABLE);
}

static void add_write(void *data)
{
	want(data, ((struct watch *)data)->wanted | UV_WRITABLE);
}

static void del_write(void *data)
{
	want(data, ((struct watch *)data)->wanted & ~UV_WRITABLE);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void cleanup(void *data)
{
	struct watch *w = data;

	w->ac = NULL;
	uv_close((uv_handle_t *)&w->poll, on_closed);
}

int redis_loop_attach(uv_loop_t *loop, redisAsyncContext *ac)
{
	struct watch *w = calloc(1, sizeof(*w));
	int rc;

	if (!w)
		return -ENOMEM;
	rc = uv_poll_init(loop, &w->poll, ac->c.fd);
	if (rc < 0) {
		free(w);
		return rc;
	}
	w->ac = ac;
	w->poll.data = w;
	ac->ev.data = w;
	ac->ev.addRead = add_read;
	ac->ev.delRead = del_read;
	ac->ev.addWrite = add_write;
	ac->ev.delWrite = del_write;
	ac->ev.cleanup = cleanup;
	return 0;
}
