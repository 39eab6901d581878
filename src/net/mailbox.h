/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mailbox.h - a mail client's view of an inbox, for trying an IMAP server: one that listens on a
 * UNIX socket and takes whoever connects as logged in (PREAUTH, RFC 3501 7.1.4). libcurl speaks. */
#ifndef RESTANTE_NET_MAILBOX_H
#define RESTANTE_NET_MAILBOX_H

#include "base/buf.h"
#include "base/error.h"
#include <stdbool.h>

struct mailbox;

/* No command may take longer than this. Connects with the first one. NULL and e on failure. */
struct mailbox *mailbox_new(const char *socket, long seconds, struct error *e);
/* A command with the inbox selected; its untagged answers take the place of what is in out. Did it
 * end with OK? When not, the connection ends, and the next command makes another. */
bool mailbox_ask(struct mailbox *m, const char *command, struct buf *out);
/* The whole message of this UID, likewise. */
bool mailbox_read(struct mailbox *m, unsigned uid, struct buf *out);
/* NULL is allowed. */
void mailbox_free(struct mailbox **m);

#endif
