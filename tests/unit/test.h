/* What every unit test includes first: cmocka wants these headers before its own. */
#ifndef CVPULSE_TEST_H
#define CVPULSE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "str.h"

/* A slice against a literal; shows both when they differ. */
#define assert_str_equal(slice, literal) do { \
	struct str slice_ = (slice); \
	assert_int_equal(slice_.n, sizeof(literal) - 1); \
	assert_memory_equal(slice_.p, literal, sizeof(literal) - 1); \
} while (0)

#endif
