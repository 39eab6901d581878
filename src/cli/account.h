/* SPDX-License-Identifier: GPL-3.0-or-later */
/* account.h - what a mail client is told about this peer. */
#ifndef RESTANTE_CLI_ACCOUNT_H
#define RESTANTE_CLI_ACCOUNT_H

#include "daemon/config.h"

/* The settings for a mail client, on stdout. 0 or -1 and e. */
int account_print(const struct config *c, struct error *e);

#endif
