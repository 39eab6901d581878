/* SPDX-License-Identifier: GPL-3.0-or-later */
/* goodbye.h - a short mail that the user's own peer submits like any other: by its submission port.
 */
#ifndef RESTANTE_CLI_GOODBYE_H
#define RESTANTE_CLI_GOODBYE_H

#include "base/error.h"
#include "daemon/config.h"

/* Sends it from the peer's address to one receiver; 0 when the peer has accepted it (RFC 5321).
 * subject is ASCII, text UTF-8. */
int goodbye_send(const struct config *c, const char *to, const char *subject, const char *text,
                 struct error *e);

#endif
