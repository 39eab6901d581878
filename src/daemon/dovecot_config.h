/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dovecot_config.h - paths of the private Dovecot, shared by dovecot.c and dovecot_config.c. */
#ifndef RESTANTE_DAEMON_DOVECOT_CONFIG_H
#define RESTANTE_DAEMON_DOVECOT_CONFIG_H

#include "base/error.h"
#include "base/file.h"

#ifndef DOVECOT_BINARY
#define DOVECOT_BINARY "/usr/sbin/dovecot"
#endif
#ifndef DOVECOT_MODULES
#define DOVECOT_MODULES "/usr/lib/dovecot/modules"
#endif

/* HOME/dovecot/name. */
int dovecot_path(char out[PATH_CAP], const char *home, const char *name, struct error *e);

/* The user and the hash of the password. A Dovecot that runs goes by them from the next second on:
 * it looks at the file once a second. */
int dovecot_write_password(const char *home, const char *address, const char *password,
                           struct error *e);
/* Waits until it does: a little more than a second. */
void dovecot_await_password(void);

#endif
