/* See frame.h. */
#include "notifier/frame.h"

#include <stdlib.h>

#include "cv_states.h"

static struct str moved(struct str slice, const char *from, const char *to)
{
	return slice.p ? str_of(to + (slice.p - from), slice.n) : slice;
}

static struct frame_copy *copy_of(const struct frame *f)
{
	struct frame_copy *copy = malloc(sizeof(*copy) + FRAME_HEADROOM + f->n);
	char *text;

	if (!copy)
		return NULL;
	text = (char *)(copy + 1) + FRAME_HEADROOM;
	memcpy(text, f->text, f->n);
	copy->references = 1;
	copy->frame = (struct frame){ .text = text, .n = f->n, .info = f->info };
	copy->frame.info.type = moved(f->info.type, f->text, text);
	copy->frame.info.cv_id = moved(f->info.cv_id, f->text, text);
	copy->frame.info.batch_id = moved(f->info.batch_id, f->text, text);
	copy->frame.info.status = moved(f->info.status, f->text, text);
	return copy;
}

struct frame_copy *frame_share(struct frame *f)
{
	if (!f->copy)
		f->copy = copy_of(f);
	return f->copy ? frame_hold(f->copy) : NULL;
}

struct frame_copy *frame_hold(struct frame_copy *copy)
{
	copy->references++;
	return copy;
}

void frame_release(struct frame_copy *copy)
{
	if (--copy->references == 0)
		free(copy);
}

void frame_done(struct frame *f)
{
	if (f->copy)
		frame_release(f->copy);
	f->copy = NULL;
}

struct str frame_subject(const struct frame_info *info)
{
	if (str_eq(info->type, STR("cv_progress")))
		return info->cv_id;
	if (str_eq(info->type, STR("batch_progress")))
		return info->batch_id;
	return (struct str){ NULL, 0 };
}

static bool is_terminal(const struct frame_info *info)
{
	int status = cv_status_by_name(info->status);

	return (status >= 0 && cv_status_terminal((enum cv_status)status)) || str_eq(info->status, STR("completed_with_errors"));
}

bool frame_is_replaceable(const struct frame_info *info)
{
	return frame_subject(info).n > 0 && !is_terminal(info);
}
