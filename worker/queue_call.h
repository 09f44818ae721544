/* What the queue's files share: the queue itself, calling a script, reading an answer. Only queue*.c use this. */
#ifndef WORKER_QUEUE_CALL_H
#define WORKER_QUEUE_CALL_H

#include "queue.h"
#include "queue_scripts.h"

#define QUEUE_PREFIX "{cvq}:"
#define NUMBER_SIZE 24

struct queue {
	struct redis *redis;
	const struct config *cfg;
	struct queue_scripts scripts;
	char worker[ID_NEW_SIZE];               /* this process, in the jobs that it holds */
};

/* Calls a script with these arguments. As script_call. */
int queue_call(struct queue *q, enum queue_script script, redis_reply_fn *fn, void *ctx, int n, const struct str *args);
#define QUEUE_CALL(q, script, fn, ctx, ...) queue_call((q), (script), (fn), (ctx), \
	(int)(sizeof((struct str[]){ __VA_ARGS__ }) / sizeof(struct str)), (struct str[]){ __VA_ARGS__ })

/* The same for a script whose answer is one name. */
int queue_ask(struct queue *q, enum queue_script script, queue_answer_fn *fn, void *ctx, int n, const struct str *args);

struct str number_text(char out[NUMBER_SIZE], int64_t number);
struct str job_name(char out[QUEUE_NAME_SIZE], struct str user, struct str cv);
/* A field of a job: { name of the job, field, value, … }, the fields beginning at `from`. "" and 0 when it is not there. */
struct str job_field(const struct redisReply *job, size_t from, const char *name);
int job_number(const struct redisReply *job, size_t from, const char *name);
/* Whether a reply is the array that it should be; says it when Redis answered with an error. */
bool is_array(const struct redisReply *reply);
/* The answer that a reply, or the first element of an array, names; QUEUE_no_answer when it names none. */
enum queue_answer answer_read(const struct redisReply *reply);

#endif
