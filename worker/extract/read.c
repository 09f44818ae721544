/* See read.h. */
#include "read.h"

int readers_warm(void)
{
	return 0;
}

enum error_code document_read(const struct read_input *in, struct document *doc)
{
	return ERR_unsupported_type;
}
