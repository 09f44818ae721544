/*
 * What comes on the subscriber's connection, by hiredis' reader. Its reply functions allocate nothing: they note where the parts
 * of a message lie and hand it on as soon as the last one is there. Of notifier/ only this file knows hiredis.
 */
#include <errno.h>
#include <hiredis/read.h>

#include "log.h"
#include "notifier/subscriber_internal.h"

#define READER_MAX_BYTES ((size_t)16 << 20) /* a message that is still not whole at this size breaks the connection */

static void dispatch(struct subscriber *s)
{
	struct str kind = s->parts[0], channel = s->parts[1];

	if (str_eq(kind, STR("message")))
		s->handler.message(s->handler.ctx, channel, (char *)s->parts[2].p, s->parts[2].n);
}

/* "slave" is how the answer to ROLE begins; a master's passes by. */
static void on_kind(struct subscriber *s)
{
	if (s->state == GREETING && (str_eq(s->parts[0], STR("slave")) || str_eq(s->parts[0], STR("sentinel"))))
		s->broken = "it is not the master";
}

/* The third part of "subscribe" and "unsubscribe" is a number. */
static void on_confirmation(struct subscriber *s)
{
	struct str kind = s->parts[0], channel = s->parts[1];

	if (str_eq(kind, STR("unsubscribe"))) {
		s->handler.unsubscribed(s->handler.ctx, channel);
	} else if (s->state == READY) {
		s->handler.subscribed(s->handler.ctx, channel);
	} else if (s->state == GREETING) {
		subscriber_greeted(s);
	}
}

/* A name too long to be ours is an empty one. The payload stays in hiredis' buffer, whole. */
static struct str keep_part(struct subscriber *s, int i, struct str part)
{
	if (i == 2)
		return part;
	if (part.n > sizeof(s->kept[i]))
		return STR("");
	memcpy(s->kept[i], part.p, part.n);
	return str_of(s->kept[i], part.n);
}

static void *on_string(const redisReadTask *task, char *text, size_t n)
{
	struct subscriber *s = task->privdata;

	if (!task->parent) {
		if (task->type == REDIS_REPLY_ERROR) {
			LOG(ERROR, "subscriber_refused", LOG_STR("reason", str_of(text, n)));
			s->broken = "refused";
		}
	} else if (!task->parent->parent && task->idx >= 0 && task->idx < 3 && !s->broken) {
		s->parts[task->idx] = keep_part(s, task->idx, str_of(text, n));
		if (task->idx == 0)
			on_kind(s);
		else if (task->idx == 2)
			dispatch(s);
	}
	return s;
}

static void *on_array(const redisReadTask *task, int n)
{
	return task->privdata;
}

static void *on_integer(const redisReadTask *task, long long value)
{
	struct subscriber *s = task->privdata;

	if (task->parent && !task->parent->parent && task->idx == 2 && !s->broken)
		on_confirmation(s);
	return s;
}

static void *on_nil(const redisReadTask *task)
{
	return task->privdata;
}

static void on_free(void *object)
{
}

static redisReplyObjectFunctions functions = { on_string, on_array, on_integer, on_nil, on_free };

int subscriber_reader_open(struct subscriber *s)
{
	s->reader = redisReaderCreateWithFunctions(&functions);
	if (!s->reader)
		return -ENOMEM;
	s->reader->privdata = s;
	return 0;
}

void subscriber_reader_close(struct subscriber *s)
{
	if (s->reader)
		redisReaderFree(s->reader);
	s->reader = NULL;
}

void subscriber_read(struct subscriber *s, struct str bytes)
{
	void *reply;

	redisReaderFeed(s->reader, bytes.p, bytes.n);
	s->reading = true;
	do {
		reply = NULL;
		if (redisReaderGetReply(s->reader, &reply) != REDIS_OK)
			s->broken = "protocol error";
	} while (reply && !s->broken);
	s->reading = false;
	if (!s->broken && s->reader->len > READER_MAX_BYTES)
		s->broken = "message too large";
}
