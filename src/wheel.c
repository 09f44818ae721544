/* See wheel.h. */
#include "wheel.h"

static void unlink_entry(struct wheel_entry *e)
{
	e->prev->next = e->next;
	e->next->prev = e->prev;
	e->next = e->prev = NULL;
}

static void push_back(struct wheel_entry *head, struct wheel_entry *e)
{
	e->prev = head->prev;
	e->next = head;
	head->prev->next = e;
	head->prev = e;
}

void wheel_init(struct wheel *w, int64_t tick_ms, int64_t now_ms)
{
	for (size_t i = 0; i < WHEEL_SLOTS; i++)
		w->slots[i].next = w->slots[i].prev = &w->slots[i];
	w->tick_ms = tick_ms;
	w->done_tick = now_ms / tick_ms;
	w->armed = 0;
}

void wheel_arm(struct wheel *w, struct wheel_entry *e, int64_t due_ms)
{
	int64_t tick = (due_ms + w->tick_ms - 1) / w->tick_ms;

	if (tick <= w->done_tick)
		tick = w->done_tick + 1;
	if (wheel_is_armed(e))
		unlink_entry(e);
	else
		w->armed++;
	e->due_ms = due_ms;
	push_back(&w->slots[(size_t)tick % WHEEL_SLOTS], e);
}

void wheel_cancel(struct wheel *w, struct wheel_entry *e)
{
	if (!wheel_is_armed(e))
		return;
	unlink_entry(e);
	w->armed--;
}

/* The slot's entries move to a list of their own first: a call that re-arms into the same slot must not be met again. */
static void fire_slot(struct wheel *w, struct wheel_entry *head, int64_t now_ms, void (*fire)(struct wheel_entry *, void *), void *ctx)
{
	struct wheel_entry due = { &due, &due, 0 };

	while (head->next != head) {
		struct wheel_entry *e = head->next;

		unlink_entry(e);
		push_back(&due, e);
	}
	while (due.next != &due) {
		struct wheel_entry *e = due.next;

		unlink_entry(e);
		if (e->due_ms > now_ms) {
			push_back(head, e);
			continue;
		}
		w->armed--;
		fire(e, ctx);
	}
}

void wheel_advance(struct wheel *w, int64_t now_ms, void (*fire)(struct wheel_entry *e, void *ctx), void *ctx)
{
	int64_t tick = now_ms / w->tick_ms;

	/* After a long sleep one turn visits every slot. */
	if (tick - w->done_tick > WHEEL_SLOTS)
		w->done_tick = tick - WHEEL_SLOTS;
	while (w->done_tick < tick) {
		w->done_tick++;
		fire_slot(w, &w->slots[(size_t)w->done_tick % WHEEL_SLOTS], now_ms, fire, ctx);
	}
}
