/* The files that a child may read, by the kernel's Landlock. Called by sandbox.c. */
#ifndef EXTRACT_LANDLOCK_H
#define EXTRACT_LANDLOCK_H

#include <stdbool.h>

#define CONVERTER_PROGRAM "/usr/bin/catdoc"

/* From here on the process may read below the listed folders (converts: become catdoc, and read what that needs), and do nothing else with files, TCP, other processes'
 * sockets and signals, as far as the kernel's version of Landlock knows them. Descriptors that are open stay good.
 * 0; -ENOSYS or -EOPNOTSUPP: this kernel has no Landlock, or it is switched off; -errno. */
int landlock_enter(bool converts);

#endif
