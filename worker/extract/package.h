/*
 * Zip packages (DOCX, ODT) from untrusted bytes: every part is unpacked as a stream under one budget, and only parts
 * that are asked for by name are touched. Packages inside packages are never opened.
 */
#ifndef EXTRACT_PACKAGE_H
#define EXTRACT_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "errors.h"
#include "str.h"

struct package;
struct package_part;

/* file must outlive the package. ERR_corrupt: no zip, or its directory is damaged; ERR_zip_bomb: entries overlap or
 * claim more than the budget; ERR_encrypted. */
enum error_code package_open(struct str file, struct package **out);
void package_free(struct package *p);

bool package_has(struct package *p, const char *name);
/* Whether a part's content begins with the text. */
bool package_part_starts(struct package *p, const char *name, struct str text);

/* NULL: no such part, or it cannot be read (package_error() then says why). Close before the package is freed. */
struct package_part *package_part_open(struct package *p, const char *name);
/* Bytes read, 0 at the end, -1 on an error; then package_error() says which. */
int package_part_read(struct package_part *part, void *to, size_t n);
void package_part_close(struct package_part *part);

/* The first error of any part: ERR_zip_bomb, ERR_corrupt, ERR_encrypted, ERR_memory_limit; ERR_NONE. */
enum error_code package_error(const struct package *p);

#endif
