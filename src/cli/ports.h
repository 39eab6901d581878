/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ports.h - ports and addresses of a new peer: are they free, and which ones to take. */
#ifndef RESTANTE_CLI_PORTS_H
#define RESTANTE_CLI_PORTS_H

#include "base/error.h"
#include "daemon/config.h"

/* Ports of c that are not 0 must be free: one that is taken is an error that names it. The others
 * are chosen at random among the free ones below the range from which the system gives ports to
 * outgoing connections. */
int ports_settle(struct config *c, struct error *e);
/* When c announces no endpoint: the address at which the outbox is served, or, when that is all
 * addresses, the one this machine would send from. *guessed: it was found out, not configured. */
int ports_endpoint(struct config *c, bool *guessed, struct error *e);

#endif
