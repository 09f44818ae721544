/* Why a file or a request is refused: what an answer's problem+json, or the line of one file in it, is made of. */
#ifndef WORKER_PROBLEM_H
#define WORKER_PROBLEM_H

#include <stdint.h>

struct problem {
	int status;                             /* 0: there is none */
	const char *code, *sentence;            /* constants; the code is stable */
	int64_t retry_after_s;                  /* of 429 and 503; 0: soon */
};

#define PROBLEM(status, code, sentence) ((struct problem){ (status), (code), (sentence), 0 })

/* The problem that an -errno of spool, Redis or queue is to whoever sends a file. */
struct problem problem_of(int rc);

#endif
