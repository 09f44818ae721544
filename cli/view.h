/* An event as one line of text for a person. */
#ifndef CLI_VIEW_H
#define CLI_VIEW_H

#include <stdbool.h>

#include "id.h"
#include "str.h"

#define VIEW_LINE_MAX 512

struct view {
	char key[ID_MAX + 2];           /* what the event is about: 'c' and the CV, 'b' and the batch; "": neither */
	bool over;                      /* its last event */
	char line[VIEW_LINE_MAX];       /* no control characters, whatever the event holds */
};

/* Any text will do; what is no event of ours is shown as it is. now_wall_ms: for events that carry no time. */
void view_make(struct view *v, struct str frame, int64_t now_wall_ms);

#endif
