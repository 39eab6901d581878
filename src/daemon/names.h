/* SPDX-License-Identifier: GPL-3.0-or-later */
/* names.h - the host names of the configuration, looked up in the background: the addresses behind
 * those that this peer announces, so that others in the same private network are known for
 * neighbours (P-2.7); and whether those of other nodes lead anywhere, which people are told. */
#ifndef RESTANTE_DAEMON_NAMES_H
#define RESTANTE_DAEMON_NAMES_H

#include "daemon/service.h"

/* Looks them up now and every few minutes, and adds the own ones to s->own. Without memory nothing
 * is looked up. */
void names_start(struct service *s);
/* Never waits for a name server. */
void names_stop(struct service *s);
/* The bootstrap names that lead to no address, as "NAME (WHY), ...", cut to what fits; "": none. */
void names_lost(const struct service *s, char out[400]);

#endif
