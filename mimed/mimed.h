/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mimed.h - the parts of restante-mime. */
#ifndef RESTANTE_MIMED_H
#define RESTANTE_MIMED_H

#include "base/buf.h"
#include "base/error.h"
#include "mime/wire.h"
#include <stddef.h>
#include <stdint.h>

struct from { /* what is said of the From fields (mime/mime.h) */
    unsigned count;
    char address[MIME_FROM_MAX + 1]; /* "" unless count is 1 */
};

/* Looks at a whole header, a stranger's perhaps. */
void from_of(const uint8_t *header, size_t n, struct from *from);

struct parsed {
    uint64_t header_octets; /* of the message's own header, with the empty line */
    uint64_t octets;        /* of the whole message */
    struct from from;
};

/* Parses the file as one message and appends its skeleton. -1 and a sentence when the message is
 * beyond the limits or not clean CRLF text, or the file cannot be read. */
int parse_message(int fd, struct buf *skeleton, struct parsed *parsed, struct error *e);

/* Renders a header and a skeleton, both from a stranger, and appends BODYSTRUCTURE's text. */
int render_structure(const uint8_t *header, size_t header_len, const uint8_t *skeleton,
                     size_t skeleton_len, struct buf *out, struct error *e);

/* Parses and renders a message of its own. -1 and a sentence when that comes out otherwise than it
 * must: Dovecot's library is another than the one of the build. */
int mimed_try(struct error *e);

/* Gives up everything that parsing does not need: memory, files, new programs, most system calls.
 * Exits when the kernel refuses: better no helper than an unconfined one. */
void confine(void);

/* Reads one frame into in (emptied first): verb and payload, without the length. *fd_r: a
 * descriptor that came along, or -1. 1, 0 at an orderly end, or -1 when the other side breaks the
 * rules. */
int frame_read(int sock, struct buf *in, int *fd_r);
/* Writes out, whose first 4 octets are left for the length. */
int frame_write(int sock, struct buf *out);

#endif
