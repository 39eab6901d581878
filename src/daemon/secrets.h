/* SPDX-License-Identifier: GPL-3.0-or-later */
/* secrets.h - what the daemon reads of HOME/secret at its start. A file may be empty or cut after a
 * power failure: what can be made anew is, the rest is named with what to do. */
#ifndef RESTANTE_DAEMON_SECRETS_H
#define RESTANTE_DAEMON_SECRETS_H

#include "daemon/service.h"

/* Fills s->secret, s->password, s->services.fpr, .pubkey and .stub_key. A public key that is not
 * the secret key's is made anew from it, and the log says so. */
int secrets_load(struct service *s, struct error *e);

/* The database stands where a home that has run has one: a new one in its place would know of no
 * message. 0, or -1 with what to do. */
int secrets_check_database(const char *home, const char *path, struct error *e);

#endif
