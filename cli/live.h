/* One line a CV on a terminal, rewritten in place while it moves; lines of what is over stay above. */
#ifndef CLI_LIVE_H
#define CLI_LIVE_H

#include "view.h"

#define LIVE_ROWS_MAX 24

struct live {
	struct view rows[LIVE_ROWS_MAX];        /* what is under way, oldest first */
	int n, drawn;                           /* drawn: lines on the screen that the next drawing goes over */
	bool in_place;                          /* stdout is a terminal; else every event is a line of its own */
};

void live_init(struct live *l);
void live_show(struct live *l, const struct view *v);
/* A line that stays, above what moves. */
void live_note(struct live *l, const char *line);

#endif
