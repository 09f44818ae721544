/* See live.h. Only two control sequences (ECMA-48): cursor up, and erase to the end of the screen. */
#include "live.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void screen_size(int *columns, int *rows)
{
	struct winsize w;

	*columns = 80;
	*rows = 24;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col && w.ws_row) {
		*columns = w.ws_col;
		*rows = w.ws_row;
	}
}

/* A line longer than the screen is wide would take two rows, and the next drawing would miss one. */
static void print_cut(const char *line, int columns)
{
	size_t n = 0;

	for (int shown = 0; line[n] && shown < columns - 1; shown++)
		for (n++; ((unsigned char)line[n] & 0xC0) == 0x80;)
			n++;
	printf("%.*s\n", (int)n, line);
}

static void erase(struct live *l)
{
	if (l->drawn)
		printf("\033[%dA\033[J", l->drawn);
	l->drawn = 0;
}

static void draw(struct live *l)
{
	int columns, rows, first;

	screen_size(&columns, &rows);
	first = l->n > rows - 2 ? l->n - (rows - 2) : 0;
	for (int i = first; i < l->n; i++)
		print_cut(l->rows[i].line, columns);
	l->drawn = l->n - first;
	fflush(stdout);
}

static void forget_row(struct live *l, int i)
{
	memmove(&l->rows[i], &l->rows[i + 1], (size_t)(l->n - i - 1) * sizeof(l->rows[0]));
	l->n--;
}

/* Where this CV's row is; -1 when it has none. */
static int find_row(const struct live *l, const char *key)
{
	for (int i = 0; i < l->n; i++)
		if (strcmp(l->rows[i].key, key) == 0)
			return i;
	return -1;
}

void live_init(struct live *l)
{
	*l = (struct live){ .in_place = isatty(STDOUT_FILENO) };
}

void live_show(struct live *l, const struct view *v)
{
	int row = find_row(l, v->key);

	if (!l->in_place || v->over || !v->key[0]) {
		if (row >= 0)
			forget_row(l, row);
		live_note(l, v->line);
		return;
	}
	erase(l);
	if (row < 0 && l->n == LIVE_ROWS_MAX)
		forget_row(l, 0); /* it comes back with its next event */
	if (row < 0)
		row = l->n++;
	l->rows[row] = *v;
	draw(l);
}

void live_note(struct live *l, const char *line)
{
	erase(l);
	printf("%s\n", line);
	draw(l);
}
