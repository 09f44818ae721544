/* The stable error codes of CVs (error_codes.def) as an enum, with their names and sentences. */
#ifndef CVPULSE_ERRORS_H
#define CVPULSE_ERRORS_H

#include <stdbool.h>

#include "str.h"

enum error_code {
	ERR_NONE,
#define ERROR_CODE(name, retryable, sentence) ERR_##name,
#include "error_codes.def"
#undef ERROR_CODE
	ERR_COUNT
};

const char *error_name(enum error_code code);           /* "zip_bomb"; "" for ERR_NONE */
const char *error_sentence(enum error_code code);
bool error_retryable(enum error_code code);
enum error_code error_by_name(struct str name);         /* ERR_NONE when unknown */

#endif
