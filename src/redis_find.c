/* See redis_find.h. The question to a Sentinel goes over a connection of its own, on libuv alone. */
#include "redis_find.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum find_state {
	FIND_BEGINNING,         /* with the loop's next turn */
	FIND_RESOLVING,         /* the name of Redis */
	FIND_SENTINEL_NAME,     /* the name of a Sentinel */
	FIND_ASKING,            /* a Sentinel: from connecting to its answer */
	FIND_CLOSING,           /* the connection to it; then the next one, or the end */
	FIND_OVER,
};

struct redis_find {
	struct redis_address *address;
	redis_found_fn *fn;
	void *ctx;
	enum find_state state;
	int holds;                              /* the timer's, a lookup's, the connection's; the last one frees */
	int asked;                              /* Sentinels so far */
	int64_t timeout_ms;
	uv_loop_t *loop;
	uv_timer_t timer;
	uv_getaddrinfo_t lookup;
	uv_tcp_t tcp;
	uv_connect_t connect;
	uv_write_t write;
	struct redis_place place;
	char why[512];
	struct buf question;                    /* with the Sentinels' password */
	char answer[1024];
	size_t answered;
};

static void ask_next(struct redis_find *f);
static void look_up(struct redis_find *f, const char *host, int port, enum find_state state);

static void release(struct redis_find *f)
{
	if (--f->holds > 0)
		return;
	explicit_bzero(f->question.p, f->question.n);
	buf_free(&f->question);
	free(f);
}

static void on_timer_closed(uv_handle_t *handle)
{
	release(handle->data);
}

static void over(struct redis_find *f, const struct redis_place *place)
{
	redis_found_fn *fn = f->fn;

	f->state = FIND_OVER;
	f->fn = NULL;
	uv_close((uv_handle_t *)&f->timer, on_timer_closed);
	fn(f->ctx, place, f->why);
}

/* f->place.name is a number, or must be looked up. */
static void found(struct redis_find *f)
{
	const char *name = f->place.name;
	size_t n = strlen(name);
	struct in6_addr ignored;

	if (n < sizeof(f->place.host) && (uv_inet_pton(AF_INET, name, &ignored) == 0 || uv_inet_pton(AF_INET6, name, &ignored) == 0)) {
		memcpy(f->place.host, name, n + 1);
		over(f, &f->place);
	} else {
		look_up(f, name, f->place.port, FIND_RESOLVING);
	}
}

static void on_tcp_closed(uv_handle_t *handle)
{
	struct redis_find *f = handle->data;

	if (f->state == FIND_CLOSING && f->place.name[0])
		found(f);
	else if (f->state == FIND_CLOSING)
		ask_next(f);
	release(f);
}

/* The conversation with one Sentinel is over; f->place.name says whether it was of use. */
static void hang_up(struct redis_find *f)
{
	f->state = FIND_CLOSING;
	uv_timer_stop(&f->timer);
	uv_close((uv_handle_t *)&f->tcp, on_tcp_closed);
}

static void no_use(struct redis_find *f, struct str why)
{
	const struct redis_sentinel *asked = &f->address->sentinels[0];

	snprintf(f->why, sizeof(f->why), "Sentinel %s port %d: " STR_FMT, asked->host, asked->port, STR_ARG(why));
}

/* False: more must come. */
static bool read_answer(struct redis_find *f)
{
	struct str host, problem;
	int port, rc = sentinel_answer_read(str_of(f->answer, f->answered), &host, &port, &problem);

	if (rc == -EAGAIN)
		return false;
	if (rc < 0) {
		no_use(f, problem);
		return true;
	}
	memcpy(f->place.name, host.p, host.n);
	f->place.name[host.n] = '\0';
	f->place.port = port;
	return true;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	struct redis_find *f = handle->data;

	*out = uv_buf_init(f->answer + f->answered, (unsigned int)(sizeof(f->answer) - f->answered));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct redis_find *f = stream->data;

	if (f->state != FIND_ASKING || n == 0)
		return;
	if (n > 0)
		f->answered += (size_t)n;
	if (n < 0 && n != UV_ENOBUFS)
		no_use(f, str_c(uv_strerror((int)n)));
	if (n < 0 || read_answer(f))
		hang_up(f);
}

static void on_connect(uv_connect_t *request, int status)
{
	struct redis_find *f = request->data;
	uv_buf_t question = uv_buf_init(f->question.p, (unsigned int)f->question.n);

	if (f->state != FIND_ASKING)
		return;
	if (status == 0)
		status = uv_read_start((uv_stream_t *)&f->tcp, on_alloc, on_read);
	if (status == 0)
		status = uv_write(&f->write, (uv_stream_t *)&f->tcp, &question, 1, NULL);
	if (status < 0) {
		no_use(f, str_c(uv_strerror(status)));
		hang_up(f);
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct redis_find *f = timer->data;

	if (f->state == FIND_BEGINNING) {
		if (f->address->n_sentinels)
			ask_next(f);
		else if (f->place.path[0])
			over(f, &f->place);
		else
			found(f);
	} else if (f->state == FIND_ASKING) {
		no_use(f, STR("no answer in time"));
		hang_up(f);
	}
}

static void ask_at(struct redis_find *f, const struct sockaddr *where)
{
	int rc;

	f->state = FIND_ASKING;
	f->answered = 0;
	uv_tcp_init(f->loop, &f->tcp);
	f->tcp.data = f->connect.data = f;
	f->holds++;
	uv_timer_start(&f->timer, on_timer, (uint64_t)f->timeout_ms, 0);
	rc = uv_tcp_connect(&f->connect, &f->tcp, where, on_connect);
	if (rc < 0) {
		no_use(f, str_c(uv_strerror(rc)));
		hang_up(f);
	}
}

/* IPv4 first, as hiredis does: "localhost" is often ::1 as well, where Redis does not listen. */
static const struct addrinfo *best_of(const struct addrinfo *found)
{
	for (const struct addrinfo *a = found; a; a = a->ai_next)
		if (a->ai_family == AF_INET)
			return a;
	return found;
}

/* A Sentinel that names what nobody knows is of no use, either. */
static void look_up_failed(struct redis_find *f, int status)
{
	if (f->address->n_sentinels) {
		no_use(f, str_c(uv_strerror(status)));
		f->place.name[0] = '\0';
		ask_next(f);
	} else {
		snprintf(f->why, sizeof(f->why), "%s", uv_strerror(status));
		over(f, NULL);
	}
}

static void looked_up(struct redis_find *f, int status, const struct sockaddr *where)
{
	if (f->state == FIND_RESOLVING && status == 0)
		status = uv_ip_name(where, f->place.host, sizeof(f->place.host));
	if (status < 0)
		look_up_failed(f, status);
	else if (f->state == FIND_RESOLVING)
		over(f, &f->place);
	else
		ask_at(f, where);
}

static void on_looked_up(uv_getaddrinfo_t *request, int status, struct addrinfo *results)
{
	struct redis_find *f = request->data;
	const struct addrinfo *best = best_of(results);

	if (f->state != FIND_OVER)
		looked_up(f, status, best ? best->ai_addr : NULL);
	uv_freeaddrinfo(results);
	release(f);
}

/* Not in the loop itself, which would stand still meanwhile. */
static void look_up(struct redis_find *f, const char *host, int port, enum find_state state)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	char service[8];
	int rc;

	f->state = state;
	f->lookup.data = f;
	snprintf(service, sizeof(service), "%u", (unsigned int)(uint16_t)port);
	rc = uv_getaddrinfo(f->loop, &f->lookup, on_looked_up, host, service, &hints);
	if (rc == 0)
		f->holds++;
	else
		look_up_failed(f, rc);
}

void redis_find_distrust(struct redis_address *a)
{
	struct redis_sentinel first = a->sentinels[0];

	if (a->n_sentinels < 2)
		return;
	memmove(a->sentinels, a->sentinels + 1, sizeof(first) * (size_t)(a->n_sentinels - 1));
	a->sentinels[a->n_sentinels - 1] = first;
}

static bool is_same(const struct redis_sentinel *a, const struct redis_sentinel *b)
{
	return a->port == b->port && strcmp(a->host, b->host) == 0;
}

void redis_find_trust(struct redis_address *a, const struct redis_sentinel *who)
{
	for (int i = 0; i < a->n_sentinels && !is_same(&a->sentinels[0], who); i++)
		redis_find_distrust(a);
}

void redis_check_begin(struct redis_doubt *doubt, struct redis_address *a)
{
	doubt->place.port = 0;
	redis_find_distrust(a);
}

enum redis_verdict redis_check_judge(struct redis_doubt *doubt, struct redis_address *a, const struct redis_place *here,
				     const struct redis_place *named)
{
	const struct redis_doubt before = *doubt;

	doubt->place.port = 0;
	if (!named || redis_place_same(named, here))
		return REDIS_STAY;
	if (a->n_sentinels == 1)
		return REDIS_LEAVE;
	if (before.place.port == 0) {
		*doubt = (struct redis_doubt){ *named, a->sentinels[0] };
		redis_find_distrust(a);
		return REDIS_ASK_ANOTHER;
	}
	/* The same one again: no other one answers. */
	if (!is_same(&before.by, &a->sentinels[0]) && redis_place_same(named, &before.place))
		return REDIS_LEAVE;
	redis_find_distrust(a);
	return REDIS_STAY;
}

/* The one that was asked last goes to the end: who answers stays in front for the next time. */
static void ask_next(struct redis_find *f)
{
	struct redis_address *a = f->address;

	if (f->asked == a->n_sentinels) {
		over(f, NULL);
		return;
	}
	if (f->asked++ > 0)
		redis_find_distrust(a);
	look_up(f, a->sentinels[0].host, a->sentinels[0].port, FIND_SENTINEL_NAME);
}

static void write_question(struct buf *question, const struct redis_address *a)
{
	buf_init(question, 4096);
	if (a->sentinel_password[0])
		buf_addf(question, "*2\r\n$4\r\nAUTH\r\n$%zu\r\n%s\r\n", strlen(a->sentinel_password), a->sentinel_password);
	buf_addf(question, "*3\r\n$8\r\nSENTINEL\r\n$23\r\nget-master-addr-by-name\r\n$%zu\r\n%s\r\n", strlen(a->master), a->master);
}

struct redis_find *redis_find(uv_loop_t *loop, struct redis_address *address, int64_t timeout_ms, redis_found_fn *fn, void *ctx)
{
	struct redis_find *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	*f = (struct redis_find){ .loop = loop, .address = address, .timeout_ms = timeout_ms, .fn = fn, .ctx = ctx, .holds = 1 };
	write_question(&f->question, address);
	if (f->question.failed) {
		buf_free(&f->question);
		free(f);
		return NULL;
	}
	uv_timer_init(loop, &f->timer);
	f->timer.data = f;
	memcpy(f->place.path, address->path, sizeof(f->place.path));
	memcpy(f->place.name, address->host, sizeof(f->place.name));
	f->place.port = address->port;
	uv_timer_start(&f->timer, on_timer, 0, 0);
	return f;
}

void redis_find_forget(struct redis_find *f)
{
	bool asking = f->state == FIND_ASKING;

	if (f->state == FIND_RESOLVING || f->state == FIND_SENTINEL_NAME)
		uv_cancel((uv_req_t *)&f->lookup); /* in vain when it runs already; on_looked_up is called in both cases */
	f->state = FIND_OVER;
	f->fn = NULL;
	if (asking)
		uv_close((uv_handle_t *)&f->tcp, on_tcp_closed);
	uv_close((uv_handle_t *)&f->timer, on_timer_closed);
}
