/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cbor_out.h - writing deterministic CBOR (RFC 8949 section 4.2.1, P-1.5) into a capped buffer.
 * Numbers are written in their shortest form; the caller writes map keys in ascending order and as
 * many items as it announced. Errors stick: write all, then ask once, at cbor_out_end. */
#ifndef RESTANTE_PROTO_CBOR_OUT_H
#define RESTANTE_PROTO_CBOR_OUT_H

#include "base/buf.h"
#include "proto/span.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cbor_out {
    struct buf *b; /* the caller's; written at its end */
    size_t start;  /* b's length at cbor_out_init */
    bool failed;
};

void cbor_out_init(struct cbor_out *out, struct buf *b);
void cbor_out_array(struct cbor_out *out, size_t count);
void cbor_out_map(struct cbor_out *out, size_t pairs);
void cbor_out_uint(struct cbor_out *out, uint64_t v);
void cbor_out_bytes(struct cbor_out *out, const void *p, size_t n);
void cbor_out_text(struct cbor_out *out, const char *s);
void cbor_out_bool(struct cbor_out *out, bool v);
/* Makes the writer fail, for a value that may not be written. */
void cbor_out_fail(struct cbor_out *out);
/* 0, or -1 when the cap was hit or memory was short: b then holds what it held before. */
int cbor_out_end(struct cbor_out *out);

#endif
