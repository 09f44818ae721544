/* One file from the command line, in the same kind of child that the server has. Called by main.c. */
#ifndef EXTRACT_BYHAND_H
#define EXTRACT_BYHAND_H

#include "sandbox.h"

struct byhand {
	const char *name;       /* NULL: the file's own */
	int wall_ms;
	bool show_progress;
	const char *ocr_languages; /* "": pictures are not read */
};

/* Prints what the child found out as JSON on stdout. Returns the program's exit status. */
int byhand_run(const struct byhand *how, const struct sandbox_config *sandbox, const struct sandbox_config *ocr, const char *path);

#endif
