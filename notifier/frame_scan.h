/*
 * One look at a frame from Redis on its way to browsers: is it valid UTF-8 and one JSON object (RFC 8259), is it ours, and
 * the few fields that delivery needs. One pass, no allocation, no recursion; the bytes go out as they came.
 */
#ifndef NOTIFIER_FRAME_SCAN_H
#define NOTIFIER_FRAME_SCAN_H

#include "id.h"
#include "str.h"

#define FRAME_DEPTH_MAX 128             /* deeper nesting is refused; our own frames have 4 levels */

struct frame_info {
	bool ours;                      /* begins {"id":"<ms>-<n>","prev":"<ms>-<n>", : it is in the user's history */
	struct stream_id id, prev;      /* of ours */
	/* Top-level string members, as written (escapes not resolved); empty when absent or no string. The last one counts. */
	struct str type, cv_id, batch_id, status;
};

/* 0, -EINVAL: not one JSON object (or too deep), -EILSEQ: invalid UTF-8. The slices point into text. */
int frame_scan(struct str text, struct frame_info *out);

#endif
