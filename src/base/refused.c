/* SPDX-License-Identifier: GPL-3.0-or-later */
/* refused.c - see refused.h. */
#include "base/refused.h"
#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>

const char *refused_why(int err)
{
    switch (err) {
    case ENOSYS: /* some containers' filters answer so */
        return prctl(PR_GET_SECCOMP) == SECCOMP_MODE_FILTER
                   ? "the kernel does not have the call, or a filter around this program hides it"
                   : "the kernel does not have the call";
    case EOPNOTSUPP:
        return "it is turned off in the kernel (boot parameter lsm=)";
    case EPERM:
    case EACCES:
        return "a filter around this program forbids the call (of systemd: SystemCallFilter=)";
    default:
        return strerror(err);
    }
}
