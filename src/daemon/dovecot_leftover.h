/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dovecot_leftover.h - what must be out of the way before Dovecot is started. */
#ifndef RESTANTE_DAEMON_DOVECOT_LEFTOVER_H
#define RESTANTE_DAEMON_DOVECOT_LEFTOVER_H

#include "daemon/dovecot.h"

/* The number in HOME/dovecot/run/master.pid, or 0. */
int dovecot_master_pid(const char *home);
/* Ends a Dovecot that runs on this home's configuration and was left by an earlier daemon, and
 * waits until it is gone. A process that only has its number is left alone. */
int dovecot_end_leftover(const char *home, struct error *e);
/* Can we listen on both ports of loopback? Waits some seconds for processes that are just ending.
 */
int dovecot_check_ports(const struct dovecot_config *c, struct error *e);

#endif
