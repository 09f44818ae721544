/* See snapshot.h. */
#include "notifier/snapshot.h"

#include "notifier/frame_scan.h"

void snapshot_init(struct snapshot *s, struct stream_id last_id)
{
	*s = (struct snapshot){ .last_id = last_id };
	buf_init(&s->batches, SNAPSHOT_MAX_BYTES);
	buf_init(&s->cvs, SNAPSHOT_MAX_BYTES);
}

void snapshot_free(struct snapshot *s)
{
	buf_free(&s->batches);
	buf_free(&s->cvs);
}

static bool add(struct buf *list, struct str frame)
{
	struct frame_info info;

	if (frame.n > list->max - list->n || frame_scan(frame, &info) < 0)
		return false;
	if (list->n)
		buf_addz(list, ",");
	buf_adds(list, frame);
	return true;
}

void snapshot_add_batch(struct snapshot *s, struct str frame)
{
	add(&s->batches, frame);
}

void snapshot_add_cv(struct snapshot *s, struct str frame)
{
	if (s->total_cvs == SNAPSHOT_MAX_CVS || !add(&s->cvs, frame))
		return;
	s->frame_cvs++;
	s->total_cvs++;
}

void snapshot_write(struct snapshot *s, bool more, struct buf *out)
{
	char id[STREAM_ID_SIZE];

	stream_id_format(s->last_id, id);
	buf_addf(out, "{\"type\":\"snapshot\",\"last_id\":\"%s\",\"batches\":[", id);
	buf_adds(out, buf_str(&s->batches));
	buf_addz(out, "],\"cvs\":[");
	buf_adds(out, buf_str(&s->cvs));
	buf_addz(out, more ? "],\"more\":true}" : "],\"more\":false}");
	buf_clear(&s->batches);
	buf_clear(&s->cvs);
	s->frame_cvs = 0;
}
