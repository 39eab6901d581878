/* SPDX-License-Identifier: GPL-3.0-or-later */
/* key_import.h - an existing secret key for a home that has not run yet. */
#ifndef RESTANTE_CLI_KEY_IMPORT_H
#define RESTANTE_CLI_KEY_IMPORT_H

#include "base/error.h"
#include "daemon/config.h"

/* Takes the secret key in file, armored or not, without a passphrase, with the peer's address as a
 * user id. Refuses a home whose peer has run: others may know its key. */
int own_key_import(const struct config *c, const char *file, struct error *e);

#endif
