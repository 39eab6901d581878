/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fsck_alone.h - `restanted --fsck`: the look at a home whose peer does not run. */
#ifndef RESTANTE_DAEMON_FSCK_ALONE_H
#define RESTANTE_DAEMON_FSCK_ALONE_H

#include "daemon/service.h"

/* The caller holds the home's lock. The reply, that of the control socket's command "fsck"
 * (doc/man/restanted.8), goes to standard output. */
int fsck_alone(struct service *s, const char *home, bool repair, struct error *e);

#endif
