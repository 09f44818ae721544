/* The two halves of `cvpulse submit`: uploading (submit.c) and following the CVs to their end (submit_wait.c). */
#ifndef CLI_SUBMIT_H
#define CLI_SUBMIT_H

#include <stdbool.h>

#include "cli.h"
#include "request.h"
#include "id.h"

struct submitted {
	char cv_id[ID_MAX + 1];
	int progress;                   /* last shown; -1: none yet */
	bool over, failed;
};

struct submission {
	const struct command *command;
	struct http *http;
	const char *user;               /* NULL: whoever the token names */
	char batch_id[ID_MAX + 1];
	struct submitted *cvs;
	int n;
};

/* API_BASE + what + id + tail + "?user_id=…" + more into *out, with NUL. more begins with '&' or is "". */
void submission_path(const struct submission *s, const char *what, struct str id, const char *tail, const char *more, struct buf *out);

/* Shows every CV until all have had their last event. EXIT_GOOD: all completed; EXIT_FAILED. */
int submission_wait(struct submission *s);

#endif
