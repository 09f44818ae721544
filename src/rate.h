/* Token buckets: one inside an object, and tables of them by address or by name. Time is an argument. */
#ifndef CVPULSE_RATE_H
#define CVPULSE_RATE_H

#include "cidr.h"

/* Thousandths of a token, so that slow rates count too. Zeroed: full. */
struct bucket {
	int64_t spent_milli, at_ms;
};

/* Takes one token of a bucket that holds `burst` and gains `per_s` a second. false: it is empty. per_s 0: no limit. */
bool bucket_take(struct bucket *b, int64_t per_s, int64_t burst, int64_t now_ms);

#define RATE_TABLE_SLOTS 65536          /* addresses or names remembered at once; a new one then takes the place of the fullest near it */

struct rate_table;
struct rate_table *rate_table_new(uint64_t seed);
void rate_table_free(struct rate_table *t);
/* IPv6 addresses share a bucket by /64: that is what one customer has. */
bool rate_table_take(struct rate_table *t, const struct ip *ip, int64_t per_s, int64_t burst, int64_t now_ms);
/* The same for users and whatever else has a name. */
bool rate_table_take_name(struct rate_table *t, struct str name, int64_t per_s, int64_t burst, int64_t now_ms);

#endif
