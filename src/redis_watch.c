/*
 * See redis_watch.h. Read with hiredis' reader alone: its asynchronous connections abort the program over an answer of a shape
 * that they do not know. The reply functions allocate nothing, as in the notifier's subscriber.
 */
#include "redis_watch.h"

#include <errno.h>
#include <hiredis/read.h>
#include <stdlib.h>

#include "backoff.h"
#include "clock.h"
#include "log.h"
#include "redis_find.h"

#define RECONNECT_BASE_MS 50
#define KEEPALIVE_S 15                  /* a Sentinel that went without a word would never be heard again */
#define MESSAGE_MAX_BYTES ((size_t)4096)

struct one {
	struct redis_watch *watch;
	struct redis_sentinel who;
	struct redis_address address;   /* of who, to look it up */
	struct redis_find *find;
	uv_timer_t timer;               /* until the next attempt, or the connect time-out, or until this one has stood long enough */
	uv_tcp_t tcp;
	uv_connect_t connect;
	bool is_open;                   /* tcp; not while it closes */
	int failures;
	struct redisReader *reader;
	bool is_message, is_confirmed;
	const char *broken;
	char switched[MESSAGE_MAX_BYTES]; /* what the last message said; "" when that has been told */
	char bytes[1024];
};

struct redis_watch {
	uv_loop_t *loop;
	redis_switched_fn *fn;
	void *ctx;
	char master[sizeof(((struct redis_address *)0)->master)];
	char password[REDIS_PASSWORD_SIZE];
	int64_t connect_timeout_ms, reconnect_max_ms;
	bool is_closed;
	int handles;                    /* the last one frees */
	int n;
	struct one sentinels[REDIS_SENTINELS_MAX];
};

static void attempt(struct one *one);

static void release(struct redis_watch *w)
{
	if (--w->handles > 0)
		return;
	explicit_bzero(w->password, sizeof(w->password));
	free(w);
}

/* A Sentinel that stays away is said once: the others do. */
static void report(struct one *one, const char *why)
{
	enum log_level level = one->failures ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING;
	char text[512];

	snprintf(text, sizeof(text), "%s port %d: %s", one->who.host, one->who.port, why);
	if (level >= log_threshold)
		log_write(level, "sentinel_lost", (const struct log_field[]){ LOG_TEXT("reason", text), { LOG_KIND_END, NULL, { NULL, 0 }, 0 } });
}

static void on_timer(uv_timer_t *timer);

static void wait_for_next_attempt(struct one *one)
{
	int64_t wait_ms = backoff_ms(RECONNECT_BASE_MS, one->watch->reconnect_max_ms, one->failures++, random_below(UINT64_MAX));

	uv_timer_start(&one->timer, on_timer, (uint64_t)wait_ms, 0);
}

static void on_tcp_closed(uv_handle_t *handle)
{
	struct one *one = handle->data;

	redisReaderFree(one->reader);
	if (!one->watch->is_closed)
		wait_for_next_attempt(one);
	release(one->watch);
}

static void hang_up(struct one *one)
{
	one->is_open = false;
	uv_timer_stop(&one->timer);
	uv_close((uv_handle_t *)&one->tcp, on_tcp_closed);
}

static void end(struct one *one, const char *why)
{
	report(one, why);
	hang_up(one);
}

static void on_timer(uv_timer_t *timer)
{
	struct one *one = timer->data;

	if (one->is_open && one->is_confirmed)
		one->failures = 0;
	else if (one->is_open)
		end(one, "connect time-out");
	else
		attempt(one);
}

/* Of ["message", channel, text] the text; there is one channel only. */
static void *on_string(const redisReadTask *task, char *text, size_t n)
{
	struct one *one = task->privdata;

	if (!task->parent) {
		if (task->type == REDIS_REPLY_ERROR)
			one->broken = "refused";
	} else if (!task->parent->parent && task->idx == 0) {
		one->is_message = str_eq(str_of(text, n), STR("message"));
		one->is_confirmed |= str_eq(str_of(text, n), STR("subscribe"));
	} else if (!task->parent->parent && task->idx == 2 && one->is_message && n < sizeof(one->switched)) {
		memcpy(one->switched, text, n);
		one->switched[n] = '\0';
	}
	return one;
}

static void *on_array(const redisReadTask *task, int n)
{
	((struct one *)task->privdata)->is_message = false;
	return task->privdata;
}

static void *on_integer(const redisReadTask *task, long long value)
{
	return task->privdata;
}

static void *on_nil(const redisReadTask *task)
{
	return task->privdata;
}

static void on_free(void *object)
{
}

static redisReplyObjectFunctions functions = { on_string, on_array, on_integer, on_nil, on_free };

/* "name old-host old-port new-host new-port" */
static void tell(struct one *one)
{
	struct redis_watch *w = one->watch;
	struct str rest = str_c(one->switched), words[5];
	uint64_t port;

	for (int i = 0; i < 5; i++)
		words[i] = str_cut(&rest, ' ');
	if (str_eq(words[0], str_c(w->master)) && words[3].n && str_to_u64(words[4], 1, 65535, &port) == 0)
		w->fn(w->ctx, &one->who, words[3], (int)port);
	one->switched[0] = '\0';
}

static void take(struct one *one, size_t n)
{
	void *reply;

	redisReaderFeed(one->reader, one->bytes, n);
	do {
		reply = NULL;
		if (redisReaderGetReply(one->reader, &reply) != REDIS_OK)
			one->broken = "protocol error";
		if (one->switched[0] && !one->watch->is_closed)
			tell(one);
	} while (reply && !one->broken);
	if (one->reader->len > MESSAGE_MAX_BYTES)
		one->broken = "message too large";
	if (one->is_confirmed && one->is_open && !one->broken)
		uv_timer_start(&one->timer, on_timer, (uint64_t)one->watch->reconnect_max_ms, 0);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	struct one *one = handle->data;

	*out = uv_buf_init(one->bytes, sizeof(one->bytes));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct one *one = stream->data;

	if (n > 0)
		take(one, (size_t)n);
	else if (n < 0)
		one->broken = uv_strerror((int)n);
	if (one->broken && one->is_open)
		end(one, one->broken);
}

static int subscribe(struct one *one)
{
	const char *password = one->watch->password;
	struct buf b;
	uv_buf_t bytes;
	int rc;

	buf_init(&b, 2048);
	if (password[0])
		buf_addf(&b, "*2\r\n$4\r\nAUTH\r\n$%zu\r\n%s\r\n", strlen(password), password);
	buf_addz(&b, "*2\r\n$9\r\nSUBSCRIBE\r\n$14\r\n+switch-master\r\n");
	bytes = uv_buf_init(b.p, (unsigned int)b.n);
	rc = b.failed ? -ENOMEM : uv_try_write((uv_stream_t *)&one->tcp, &bytes, 1); /* a new socket takes so little whole */
	if (rc >= 0)
		rc = (size_t)rc == b.n ? 0 : -EAGAIN;
	if (b.p)
		explicit_bzero(b.p, b.n);
	buf_free(&b);
	return rc;
}

static void on_connect(uv_connect_t *request, int status)
{
	struct one *one = request->data;

	if (!one->is_open)
		return;
	if (status == 0)
		status = uv_tcp_keepalive(&one->tcp, 1, KEEPALIVE_S);
	if (status == 0)
		status = subscribe(one);
	if (status == 0)
		status = uv_read_start((uv_stream_t *)&one->tcp, on_alloc, on_read);
	if (status < 0)
		end(one, uv_strerror(status));
}

static void connect_to(struct one *one, const struct redis_place *place)
{
	union { struct sockaddr sa; struct sockaddr_in v4; struct sockaddr_in6 v6; } where;
	int rc = uv_ip4_addr(place->host, place->port, &where.v4);

	if (rc < 0)
		rc = uv_ip6_addr(place->host, place->port, &where.v6);
	one->reader = redisReaderCreateWithFunctions(&functions);
	if (!one->reader) {
		wait_for_next_attempt(one);
		return;
	}
	one->reader->privdata = one;
	one->is_message = one->is_confirmed = false;
	one->broken = NULL;
	uv_tcp_init(one->watch->loop, &one->tcp);
	one->tcp.data = one->connect.data = one;
	one->watch->handles++;
	one->is_open = true;
	uv_timer_start(&one->timer, on_timer, (uint64_t)one->watch->connect_timeout_ms, 0);
	if (rc == 0)
		rc = uv_tcp_connect(&one->connect, &one->tcp, &where.sa, on_connect);
	if (rc < 0)
		end(one, uv_strerror(rc));
}

static void on_found(void *ctx, const struct redis_place *place, const char *why)
{
	struct one *one = ctx;

	one->find = NULL;
	if (place) {
		connect_to(one, place);
	} else {
		report(one, why);
		wait_for_next_attempt(one);
	}
}

static void attempt(struct one *one)
{
	one->find = redis_find(one->watch->loop, &one->address, one->watch->connect_timeout_ms, on_found, one);
	if (!one->find)
		wait_for_next_attempt(one);
}

static void start(struct redis_watch *w, const struct redis_sentinel *who)
{
	struct one *one = &w->sentinels[w->n++];

	one->watch = w;
	one->who = *who;
	one->address.port = who->port;
	memcpy(one->address.host, who->host, sizeof(one->address.host));
	uv_timer_init(w->loop, &one->timer);
	one->timer.data = one;
	w->handles++;
	attempt(one);
}

int redis_watch_open(uv_loop_t *loop, const struct config *cfg, const struct redis_address *address, redis_switched_fn *fn, void *ctx,
		     struct redis_watch **out)
{
	struct redis_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->loop = loop;
	w->fn = fn;
	w->ctx = ctx;
	w->connect_timeout_ms = cfg->redis_connect_timeout_ms;
	w->reconnect_max_ms = cfg->redis_reconnect_max_ms;
	memcpy(w->master, address->master, sizeof(w->master));
	memcpy(w->password, address->sentinel_password, sizeof(w->password));
	for (int i = 0; i < address->n_sentinels; i++)
		start(w, &address->sentinels[i]);
	*out = w;
	return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
	release(((struct one *)handle->data)->watch);
}

void redis_watch_close(struct redis_watch *w)
{
	w->is_closed = true;
	for (int i = 0; i < w->n; i++) {
		struct one *one = &w->sentinels[i];

		if (one->find)
			redis_find_forget(one->find);
		one->find = NULL;
		if (one->is_open)
			hang_up(one);
		uv_close((uv_handle_t *)&one->timer, on_timer_closed);
	}
}
