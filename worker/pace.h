/*
 * How long CVs take in one lane of this worker, and from that how long one of them still needs: only what is honest, that
 * is after enough of them, or from its own progress. Used by job.c and job_work.c.
 */
#ifndef WORKER_PACE_H
#define WORKER_PACE_H

#include <stdint.h>

struct pace {
	int64_t average_us;     /* a moving one */
	int finished;
};

void pace_note(struct pace *pace, int64_t took_us);
/* 0: nothing honest is known. progress: 0 to 100, of the CV. */
int64_t pace_eta_ms(const struct pace *pace, int64_t elapsed_us, int progress);

#endif
