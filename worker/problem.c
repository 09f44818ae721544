/* See problem.h. */
#include "problem.h"

#include <errno.h>

struct problem problem_of(int rc)
{
	switch (rc) {
	case -ENOENT:
		return PROBLEM(404, "not_found", "there is nothing of this name");
	case -ENOSPC:
	case -EDQUOT:
		return PROBLEM(507, "storage_full", "there is no space for more files; please try again later");
	case -EROFS:
	case -EREMOTEIO:
	case -EACCES:
	case -EPERM:
	case -ESTALE:
		return PROBLEM(503, "storage_unavailable", "files cannot be kept now; please try again later");
	case -ENOTCONN:
	case -EBUSY:
	case -EMFILE:
	case -ENFILE:
		return PROBLEM(503, "unavailable", "the queue cannot be reached now; please try again");
	default:
		return PROBLEM(500, "internal", "something went wrong on our side; please try again");
	}
}
