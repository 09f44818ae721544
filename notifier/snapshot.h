/* Puts snapshot frames together: batches and CVs in, JSON out, at most so many CVs a frame. No Redis, no connection. */
#ifndef CVPULSE_SNAPSHOT_H
#define CVPULSE_SNAPSHOT_H

#include "id.h"
#include "str.h"

#define SNAPSHOT_FRAME_CVS 256
#define SNAPSHOT_MAX_CVS 10000
#define SNAPSHOT_MAX_BYTES ((size_t)16 << 20)   /* of one frame */

struct snapshot {
	struct stream_id last_id;
	struct buf batches, cvs;
	size_t frame_cvs;               /* in the frame that is being built */
	size_t total_cvs;
};

void snapshot_init(struct snapshot *s, struct stream_id last_id);
void snapshot_free(struct snapshot *s);
/* Adds a stored frame; anything that is no JSON object is left out. */
void snapshot_add_batch(struct snapshot *s, struct str frame);
void snapshot_add_cv(struct snapshot *s, struct str frame);
/* Writes the frame so far behind what `out` holds, and begins the next one. */
void snapshot_write(struct snapshot *s, bool more, struct buf *out);

#endif
