/* SPDX-License-Identifier: GPL-3.0-or-later */
/* refused.h - why a process could not close itself in, in words for the log. */
#ifndef RESTANTE_BASE_REFUSED_H
#define RESTANTE_BASE_REFUSED_H

/* `err` is the errno of landlock_create_ruleset(2), landlock_restrict_self(2) or seccomp(2): a
 * kernel without the call, one in which it is turned off, and a filter around this program (a
 * service manager's, a container's) are mended in different places. A static text that goes after a
 * colon. */
const char *refused_why(int err);

#endif
