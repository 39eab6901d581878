/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ports.h - ports and addresses of a new peer: are they free, and which ones to take. */
#ifndef RESTANTE_CLI_PORTS_H
#define RESTANTE_CLI_PORTS_H

#include "base/error.h"
#include "daemon/config.h"

/* Ports of c that are not 0 must be free: one that is taken is an error that names it. The others
 * become the usual ones of restante.conf(5), or the next that are free. */
int ports_settle(struct config *c, struct error *e);
/* When c announces no endpoint: the address at which the outbox is served, or, when that is all
 * addresses, the one this machine would send from. *guessed: it was found out, not configured. */
int ports_endpoint(struct config *c, bool *guessed, struct error *e);

/* Is a port that others must reach another than the usual one? */
bool ports_unusual(const struct config *c);
/* Can everybody reach the first endpoint's host, as far as its address tells? host: that host. */
bool ports_public(const struct config *c, char host[256]);
/* Is this IPv4 or IPv6 literal an address of this computer? */
bool ports_own(const char *literal);
/* On stdout: what must be reachable from outside, and the line with which others join. */
void ports_print(const struct config *c);

#endif
