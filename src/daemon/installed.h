/* SPDX-License-Identifier: GPL-3.0-or-later */
/* installed.h - a package manager replaces programs under a running peer: its own, or Dovecot's, of
 * which the next process to be started would be another version than those that run. So the peer
 * looks at the files it was started with, and ends cleanly to be started anew when they have become
 * others and nothing is being installed any more; or for good when its own are gone. */
#ifndef RESTANTE_DAEMON_INSTALLED_H
#define RESTANTE_DAEMON_INSTALLED_H

#include "base/health.h"
#include "daemon/service.h"

/* Begins to look. stop is to end the peer; s->start_anew says whether it is to be started again. */
int installed_start(struct service *s, void (*stop)(struct service *s), struct error *e);
/* Wrong: the files have changed, and nobody is there who would start the peer anew. */
void installed_health(const struct service *s, struct health *health_r);
void installed_stop(struct service *s);

#endif
