/* Between resume.c (steps and replay) and resume_snapshot.c (the steps of a snapshot). */
#ifndef CVPULSE_RESUME_INTERNAL_H
#define CVPULSE_RESUME_INTERNAL_H

#include "notifier/resume.h"
#include "notifier/snapshot.h"

enum step {
	STEP_CHECK,                     /* is after_id still in history? */
	STEP_REASON,                    /* it is not: why? */
	STEP_LAST,                      /* the id that a snapshot stands at */
	STEP_BATCHES,                   /* which batches it has */
	STEP_BATCH,                     /* one batch's frame */
	STEP_CVS,                       /* some of that batch's CVs */
	STEP_PAGE                       /* the next page of history after `at` */
};

struct resume {
	struct conn *conn;              /* NULL: it has ended, only the answer is awaited */
	enum step step;
	bool busy;                      /* an answer is under way */
	bool announce;                  /* ends with a `resumed` frame */
	bool snapshot;                  /* asked for, or needed */
	bool malformed;                 /* after_id was no id; to be said first */
	bool keep_position;             /* the snapshot comes on top: history goes on after `at`, not after the snapshot */
	bool goes_on;                   /* STEP_CHECK comes again, after an interruption */
	uint32_t epoch;                 /* of the user's subscription when the read went out */
	uint32_t at_epoch;              /* in which `at` was found in history */
	struct stream_id at;
	struct stream_id seen;          /* the live stream's newest when the read went out */
	uint64_t replayed;
	struct snapshot state;
	struct buf batches;             /* ids of the snapshot's batches, each with its NUL */
	size_t batch;                   /* where the current one begins */
	char cursor[24];
};

/* The answers of the snapshot's steps; each sets the next step. */
void resume_on_last(struct resume *r, const struct redisReply *newest);
void resume_on_batches(struct resume *r, const struct redisReply *ids);
void resume_on_batch(struct resume *r, const struct redisReply *frame);
void resume_on_cvs(struct resume *r, const struct redisReply *reply);
struct str resume_current_batch(const struct resume *r);

#endif
