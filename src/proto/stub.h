/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stub.h - the file that stands in the Maildir until its message is pulled (P-7).
 *
 *   X-Restante-Stub: 1 <notification id, 64 hex> <header octets> <structure octets> <hmac, 64 hex>
 * CRLF header   exactly the full message's header: two trace fields, then m's, CRLF, with its empty
 * line structure   BODYSTRUCTURE text, without outer parentheses
 *
 * hmac = HMAC-SHA-256(local stub key, id octets ‖ header ‖ structure): nobody can APPEND a stub.
 * The Dovecot plugin reads this format with its own few lines; a test holds both together. */
#ifndef RESTANTE_PROTO_STUB_H
#define RESTANTE_PROTO_STUB_H

#include "base/buf.h"
#include "base/crypt.h"
#include "base/error.h"

#define STUB_MAGIC "X-Restante-Stub: 1 "
#define STUB_HEADER_MAX (320 * 1024)         /* HEADER_MAX and room for the trace fields */
#define STUB_STRUCTURE_MAX (4 * 1024 * 1024) /* BODYSTRUCTURE text of a message */
#define STUB_MAX (STUB_HEADER_MAX + STUB_STRUCTURE_MAX + 256) /* a whole stub file */

struct stub {
    uint8_t id[HASH_LEN];
    const uint8_t *header;
    size_t header_len;
    const uint8_t *structure;
    size_t structure_len;
};

/* Appends the stub file to out. -1: a length is over its cap, the header is empty, the structure
 * holds a NUL, or out is full (then unchanged). */
int stub_encode(const struct stub *s, const uint8_t key[HASH_LEN], struct buf *out);
/* p, n: the whole file. Pointers of *s go into p. -1: not a stub, or forged. */
int stub_decode(const uint8_t *p, size_t n, const uint8_t key[HASH_LEN], struct stub *s,
                struct error *e);

#endif
