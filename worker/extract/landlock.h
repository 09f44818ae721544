/* The files that a child may read, by the kernel's Landlock. Called by sandbox.c. */
#ifndef EXTRACT_LANDLOCK_H
#define EXTRACT_LANDLOCK_H

/* From here on the process may read below the listed folders, and do nothing else with files, TCP, other processes'
 * sockets and signals, as far as the kernel's version of Landlock knows them. Descriptors that are open stay good.
 * 0; -ENOSYS or -EOPNOTSUPP: this kernel has no Landlock, or it is switched off; -errno. */
int landlock_enter(void);

#endif
