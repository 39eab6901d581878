/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cbor_out.c - writing deterministic CBOR: libcbor encodes the heads, the capped buffer holds them.
 */
#include "proto/cbor_out.h"

#include <cbor.h>
#include <string.h>

#define HEAD_MAX 9 /* octets of the longest item head */

void cbor_out_init(struct cbor_out *out, struct buf *b)
{
    *out = (struct cbor_out){.b = b, .start = b->len};
}

void cbor_out_fail(struct cbor_out *out)
{
    out->failed = true;
}

static void append(struct cbor_out *out, const void *p, size_t n)
{
    if (!out->failed && n > 0 && buf_append(out->b, p, n) != 0)
        out->failed = true;
}

void cbor_out_array(struct cbor_out *out, size_t count)
{
    unsigned char head[HEAD_MAX];
    append(out, head, cbor_encode_array_start(count, head, sizeof head));
}

void cbor_out_map(struct cbor_out *out, size_t pairs)
{
    unsigned char head[HEAD_MAX];
    append(out, head, cbor_encode_map_start(pairs, head, sizeof head));
}

void cbor_out_uint(struct cbor_out *out, uint64_t v)
{
    unsigned char head[HEAD_MAX];
    append(out, head, cbor_encode_uint(v, head, sizeof head));
}

void cbor_out_bytes(struct cbor_out *out, const void *p, size_t n)
{
    unsigned char head[HEAD_MAX];
    append(out, head, cbor_encode_bytestring_start(n, head, sizeof head));
    append(out, p, n);
}

void cbor_out_text(struct cbor_out *out, const char *s)
{
    unsigned char head[HEAD_MAX];
    size_t n = strlen(s);
    append(out, head, cbor_encode_string_start(n, head, sizeof head));
    append(out, s, n);
}

void cbor_out_bool(struct cbor_out *out, bool v)
{
    unsigned char head[HEAD_MAX];
    append(out, head, cbor_encode_bool(v, head, sizeof head));
}

int cbor_out_end(struct cbor_out *out)
{
    if (!out->failed)
        return 0;
    out->b->len = out->start;
    return -1;
}
