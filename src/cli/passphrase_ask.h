/* SPDX-License-Identifier: GPL-3.0-or-later */
/* passphrase_ask.h - a passphrase from a person or a file. */
#ifndef RESTANTE_CLI_PASSPHRASE_ASK_H
#define RESTANTE_CLI_PASSPHRASE_ASK_H

#include "base/buf.h"
#include "base/error.h"
#include <stdbool.h>

/* Appends it to out (free with buf_wipe): the file's first line, or when file is NULL what is typed
 * at the terminal, unseen. fresh: it is a new one, so it is asked for twice and must have 8
 * characters. */
int passphrase_ask(const char *file, bool fresh, struct buf *out, struct error *e);

#endif
