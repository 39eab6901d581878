/* SPDX-License-Identifier: GPL-3.0-or-later */
/* here.h - what this peer announces follows the addresses of its computer: an address that a router
 * gave and took back is no place where anybody finds it. The kernel tells of changes (netlink). */
#ifndef RESTANTE_DAEMON_HERE_H
#define RESTANTE_DAEMON_HERE_H

#include "daemon/service.h"

/* The configured endpoints into s->endpoints, and into s->services. -1 and e: one is malformed. For
 * one at a private address that this computer does not have now, those that it has stand first. */
int here_set(struct service *s, struct error *e);
/* Watches from now on; when something changed, the descriptor is posted anew. Without netlink or
 * memory what was set stays. */
void here_start(struct service *s);
void here_stop(struct service *s);

#endif
