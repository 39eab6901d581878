/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dovecot_try_daemon.h - the daemon's side of the plugin's socket (P-7) for dovecot_try.c: refuses
 * or fills the stubs that it was told of, and counts. A thread of its own answers. */
#ifndef RESTANTE_DAEMON_DOVECOT_TRY_DAEMON_H
#define RESTANTE_DAEMON_DOVECOT_TRY_DAEMON_H

#include "base/crypt.h"
#include "base/error.h"
#include <stdbool.h>

struct try_daemon;

/* Listens on these two UNIX sockets: for the plugin, and for a mail client, whose connection mail
 * is given, from the thread; it is closed after that. NULL and e on failure. */
struct try_daemon *try_daemon_start(const char *plugin_socket, const char *mail_socket,
                                    void (*mail)(void *ctx, int fd), void *ctx, struct error *e);
/* The stub of this id stands at path, the message for it at full; two at most. */
void try_daemon_has(struct try_daemon *d, const uint8_t id[HASH_LEN], const char *path,
                    const char *full);
/* What it answers from now on. */
void try_daemon_refuse(struct try_daemon *d, bool refuse);
/* Questions so far. */
unsigned try_daemon_asked(struct try_daemon *d);
/* Was the expunging of a stub reported? Waits for it for some seconds. */
bool try_daemon_expunged(struct try_daemon *d);
/* Ends the thread. NULL is allowed. */
void try_daemon_end(struct try_daemon **d);

#endif
