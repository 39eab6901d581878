/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dsn.h - the delivery status notification (RFC 3464, in a multipart/report of RFC 6522) by which a
 * sender learns who never came and who could not be reached, and, if its client asked for that, who
 * has it: one for all of them that ended together; or, if asked for, who has not come yet. */
#ifndef RESTANTE_FLOW_DSN_H
#define RESTANTE_FLOW_DSN_H

#include "store/outgoing.h"

#define DSN_MAX (8u * 1024 * 1024)
#define DSN_HEADER_MAX (64u * 1024) /* a larger header of m is not repeated as a whole */

struct dsn {
    const char *own;             /* the peer's address: sender and reader of the report */
    const struct out_message *m; /* its head: the fields that are repeated */
    const struct out_receiver
        *rcpts; /* expired, failed or pulled, or all not ended; at least one */
    size_t count;
    int64_t at_ms; /* of those that have not ended: when it was looked */
};

/* Writes the report with CRLF. The same input gives the same octets, so that a repeated step writes
 * the same file. -1 when it becomes larger than out may. */
int dsn_compose(const struct dsn *d, struct buf *out);
/* Composes it into the file `path` and links that into the inbox as `name` (of the Maildir's form,
 * without the size), unless it stands there; then the file goes. 0, or -1 with e. Worker thread. */
int dsn_place(const struct dsn *d, const char *home, const char *path, const char *name,
              struct error *e);

#endif
