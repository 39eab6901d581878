/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plugin_socket.h - what the IMAP server's plugin asks and tells (P-7.4 to P-7.10). */
#ifndef RESTANTE_DAEMON_PLUGIN_SOCKET_H
#define RESTANTE_DAEMON_PLUGIN_SOCKET_H

#include "base/error.h"

struct service;
int plugin_socket_start(struct service *s, struct error *e);

#endif
