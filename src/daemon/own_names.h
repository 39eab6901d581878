/* SPDX-License-Identifier: GPL-3.0-or-later */
/* own_names.h - the addresses behind the host names that this peer announces, so that others in the
 * same private network are known for neighbours (P-2.7). */
#ifndef RESTANTE_DAEMON_OWN_NAMES_H
#define RESTANTE_DAEMON_OWN_NAMES_H

#include "daemon/service.h"

/* Looks them up in the background, now and every few minutes, and adds them to s->own. Without
 * memory nothing is looked up. */
void own_names_start(struct service *s);
/* Never waits for a name server. */
void own_names_stop(struct service *s);

#endif
