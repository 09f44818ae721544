/* See cv_states.h. */
#include "cv_states.h"

#include <errno.h>

static const struct {
	const char *name;
	bool terminal;
} statuses[CV_STATUS_COUNT] = {
#define CV_STATUS(name, terminal) [CV_##name] = { #name, terminal },
#define CV_STAGE(name, sentence)
#include "cv_states.def"
#undef CV_STATUS
#undef CV_STAGE
};

static const struct {
	const char *name, *sentence;
} stages[CV_STAGE_COUNT] = {
#define CV_STATUS(name, terminal)
#define CV_STAGE(name, sentence) [STAGE_##name] = { #name, sentence },
#include "cv_states.def"
#undef CV_STATUS
#undef CV_STAGE
};

const char *cv_status_name(enum cv_status status)
{
	return statuses[status].name;
}

bool cv_status_terminal(enum cv_status status)
{
	return statuses[status].terminal;
}

int cv_status_by_name(struct str name)
{
	for (int i = 0; i < CV_STATUS_COUNT; i++)
		if (str_eq(name, str_c(statuses[i].name)))
			return i;
	return -ENOENT;
}

const char *cv_stage_name(enum cv_stage stage)
{
	return stages[stage].name;
}

const char *cv_stage_sentence(enum cv_stage stage)
{
	return stages[stage].sentence;
}
