/* How a camera was held: the orientation that a JPEG file tells in its EXIF segment. Called by picture.c. */
#ifndef EXTRACT_EXIF_H
#define EXTRACT_EXIF_H

#include "str.h"

/* 1 to 8 as EXIF has it (1: as it should be), 1 when the file says nothing or nonsense, or is no JPEG. */
int exif_orientation(struct str file);

#endif
