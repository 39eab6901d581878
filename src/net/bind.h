/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bind.h - where this machine's own programs reach the daemon: a UNIX socket of the user's, and TCP
 * on loopback. */
#ifndef RESTANTE_NET_BIND_H
#define RESTANTE_NET_BIND_H

#include "base/error.h"
#include <stdint.h>
#include <uv.h>

/* A bound socket whose file is 0600 from its first moment, or -1 with e. A file left by a program
 * that does not run is replaced. The caller listens, closes, and removes the file. */
int bind_unix(const char *path, struct error *e);
/* Binds an initialised handle to a loopback address and listens for SMTP; port 0: any, *port_r says
 * which. -1 with e naming the port. */
int listen_loopback(uv_tcp_t *tcp, const char *host, uint16_t port, uv_connection_cb cb,
                    uint16_t *port_r, struct error *e);

#endif
