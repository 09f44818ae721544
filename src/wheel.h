/*
 * A timer wheel: O(1) arm and cancel for any number of timers, one loop timer for all. Entries live inside the caller's
 * objects. A deadline fires at most one tick late and never early; deadlines beyond one turn stay in their slot until due.
 */
#ifndef CVPULSE_WHEEL_H
#define CVPULSE_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wheel_entry {
	struct wheel_entry *next, *prev;                /* NULL when not armed */
	int64_t due_ms;
};

#define WHEEL_SLOTS 1024

struct wheel {
	struct wheel_entry slots[WHEEL_SLOTS];          /* circular list heads */
	int64_t tick_ms, done_tick;                     /* all slots up to this tick have fired */
	size_t armed;
};

void wheel_init(struct wheel *w, int64_t tick_ms, int64_t now_ms);
void wheel_arm(struct wheel *w, struct wheel_entry *e, int64_t due_ms); /* moves it if it is armed already */
void wheel_cancel(struct wheel *w, struct wheel_entry *e);              /* harmless when not armed */
static inline bool wheel_is_armed(const struct wheel_entry *e) { return e->next != NULL; }

/* Fires every entry that is due, each taken off before its call; the call may arm or cancel any entry. */
void wheel_advance(struct wheel *w, int64_t now_ms, void (*fire)(struct wheel_entry *e, void *ctx), void *ctx);

#endif
