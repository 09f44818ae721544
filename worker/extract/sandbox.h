/*
 * What a child gives up before it sees the untrusted file: a table of layers, entered in order, each of them fatal when
 * it fails. Called by child.c; the tests enter single layers to prove each one without the others.
 */
#ifndef EXTRACT_SANDBOX_H
#define EXTRACT_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sandbox_config {
	uint64_t memory_bytes;  /* of address space; a build with sanitizers counts what is allocated instead */
	unsigned cpu_s;
	int nice;               /* steps behind everybody else for a processor */
	bool change_user;       /* run as root: uid and gid are taken on */
	uid_t uid;
	gid_t gid;
	pid_t parent;           /* the child dies with it */
	bool converts;          /* it goes on as another program (converter.h), with descriptors 0 and 1 as they are */
};

/* Layers that not every system allows, as bits. All others are in force, or there is no child. */
enum sandbox_optional {
	SANDBOX_NAMESPACES = 1, /* missing: a new user namespace is forbidden here */
	SANDBOX_LANDLOCK = 2,   /* missing: an old kernel; the system call filter then refuses every open() */
};

struct sandbox_layer {
	const char *name;
	/* 0 or -errno. optional: bits to set for what is in force. */
	int (*enter)(const struct sandbox_config *config, unsigned *optional);
};

extern const struct sandbox_layer sandbox_layers[];
extern const size_t sandbox_n_layers;

/* Looks up the user that root's children become. 0, -ENOENT: there is no such user, -EPERM: that user is root. */
int sandbox_set_user(struct sandbox_config *config, const char *user);

/* Enters every layer. 0, or -errno with *failed set to the name of the layer. */
int sandbox_enter(const struct sandbox_config *config, unsigned *optional, const char **failed);

#endif
