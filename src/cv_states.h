/* Statuses and stages of a CV (cv_states.def) as enums, with their names. */
#ifndef CVPULSE_CV_STATES_H
#define CVPULSE_CV_STATES_H

#include <stdbool.h>

#include "str.h"

enum cv_status {
#define CV_STATUS(name, terminal) CV_##name,
#define CV_STAGE(name, sentence)
#include "cv_states.def"
#undef CV_STATUS
#undef CV_STAGE
	CV_STATUS_COUNT
};

enum cv_stage {
#define CV_STATUS(name, terminal)
#define CV_STAGE(name, sentence) STAGE_##name,
#include "cv_states.def"
#undef CV_STATUS
#undef CV_STAGE
	CV_STAGE_COUNT
};

const char *cv_status_name(enum cv_status status);
bool cv_status_terminal(enum cv_status status);
int cv_status_by_name(struct str name);                 /* enum cv_status, or -ENOENT */
const char *cv_stage_name(enum cv_stage stage);
const char *cv_stage_sentence(enum cv_stage stage);

#endif
