/* SPDX-License-Identifier: GPL-3.0-or-later */
/* home_gone.h - a peer whose home was removed while it runs ends: it would go on to announce a key
 * that nobody has any more, beside the peer that is made anew at the same address. */
#ifndef RESTANTE_DAEMON_HOME_GONE_H
#define RESTANTE_DAEMON_HOME_GONE_H

#include "daemon/service.h"

/* Begins to look every other second whether the home that was locked is still there; gone when it
 * is not: it is to stop the peer. */
int home_gone_start(struct service *s, void (*gone)(struct service *s), struct error *e);
void home_gone_stop(struct service *s);

#endif
