/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control.h - the socket of the command line: JSON lines, one request each (doc/man/restanted.8).
 */
#ifndef RESTANTE_DAEMON_CONTROL_H
#define RESTANTE_DAEMON_CONTROL_H

#include "base/error.h"

struct service;
int control_start(struct service *s, struct error *e);

#endif
