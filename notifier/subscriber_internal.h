/* Between subscriber.c (the connection, what is asked for), subscriber_socket.c and subscriber_read.c (what comes). */
#ifndef CVPULSE_SUBSCRIBER_INTERNAL_H
#define CVPULSE_SUBSCRIBER_INTERNAL_H

#include "keys.h"
#include "notifier/subscriber.h"
#include "redis_find.h"

struct redisReader;

enum subscriber_state { WAITING, FINDING, CONNECTING, GREETING, READY, CLOSED };
enum request_kind { REQUEST_NONE, REQUEST_SUBSCRIBE, REQUEST_UNSUBSCRIBE };

struct subscriber {
	uv_loop_t *loop;
	struct redis_address address;
	struct subscriber_handler handler;
	const char *const *always;
	int64_t connect_timeout_ms, reconnect_max_ms, sentinel_timeout_ms, sentinel_check_ms;
	enum subscriber_state state;
	int fd, failures;
	size_t handles;
	struct redis_find *find;        /* while FINDING, and now and then while READY */
	struct redis_place place;       /* of this connection */
	struct redis_place next;        /* of the next attempt; port 0: it asks the Sentinels */
	struct redis_doubt doubt;       /* while Sentinels are asked although READY */
	uv_poll_t *poll;                /* of this connection; NULL while waiting */
	uv_timer_t timer;               /* back-off, the connect time-out, or until the Sentinels are asked again */
	uv_prepare_t flush;             /* active while requests of this turn wait */
	struct redisReader *reader;
	struct str parts[3];            /* of the message that is being read */
	char kept[2][KEY_SIZE];         /* the first two of them: hiredis moves its buffer while a long third one comes */
	bool reading;
	const char *broken;             /* why the connection must end once the reader has returned */
	enum request_kind kind;
	int64_t n_requests;
	struct buf requests, out;       /* arguments of the open request; bytes for the socket */
	size_t out_sent;
};

/* subscriber_read.c */
int subscriber_reader_open(struct subscriber *s);       /* 0 or -ENOMEM */
void subscriber_reader_close(struct subscriber *s);
/* Reads bytes of Redis and calls the handler; s->broken says why the connection must end after it. */
void subscriber_read(struct subscriber *s, struct str bytes);

/* subscriber_socket.c: a socket that connects, or -errno. */
int subscriber_socket_open(const struct redis_place *place);

/* subscriber.c: the first channel is confirmed. */
void subscriber_greeted(struct subscriber *s);

#endif
