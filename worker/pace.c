/* See pace.h. */
#include "pace.h"

#define ENOUGH_FINISHED 5
#define WEIGHT 8                        /* the average follows about so many CVs */
#define OWN_PROGRESS_MIN 25             /* percent, and */
#define OWN_ELAPSED_MIN_US 1000000      /* time, from which on its own speed says more */

void pace_note(struct pace *pace, int64_t took_us)
{
	int64_t weight = pace->finished < ENOUGH_FINISHED ? pace->finished + 1 : WEIGHT;

	pace->average_us += (took_us - pace->average_us) / weight;
	if (pace->finished < ENOUGH_FINISHED)
		pace->finished++;
}

int64_t pace_eta_ms(const struct pace *pace, int64_t elapsed_us, int progress)
{
	int64_t left_us = 0;

	if (progress >= OWN_PROGRESS_MIN && elapsed_us >= OWN_ELAPSED_MIN_US)
		left_us = elapsed_us / progress * (100 - progress);
	else if (pace->finished >= ENOUGH_FINISHED)
		left_us = pace->average_us - elapsed_us; /* one that takes longer than the others: who knows */
	return left_us > 0 ? left_us / 1000 : 0;
}
