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

/* The user and the hash of the password, from which Dovecot, running or not, goes by at once. */
int dovecot_write_password(const char *home, const char *address, const char *password,
                           struct error *e);

#endif
