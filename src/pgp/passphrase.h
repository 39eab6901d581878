/* SPDX-License-Identifier: GPL-3.0-or-later */
/* passphrase.h - a stream locked with a passphrase, as an OpenPGP message that other programs open
 * too (RFC 4880, 5.3 and 5.13: a session key from the passphrase, integrity protected). */
#ifndef RESTANTE_PGP_PASSPHRASE_H
#define RESTANTE_PGP_PASSPHRASE_H

#include "base/error.h"

/* Reads in_fd to its end and writes the message to out_fd; neither is closed. */
int passphrase_lock(const char *passphrase, int in_fd, int out_fd, struct error *e);
/* The reverse. What was written before -1 is returned must not be used: a wrong passphrase, and a
 * damaged or cut message, show at the latest at the end. */
int passphrase_unlock(const char *passphrase, int in_fd, int out_fd, struct error *e);

#endif
