/* SPDX-License-Identifier: GPL-3.0-or-later */
/* skeleton.h - a message's MIME structure without its contents: per part its header, and how many
 * octets and lines its body has, depth first, the root first (P-4.11). The root's header is empty
 * here: m's own header travels apart. Deterministic CBOR; it comes from strangers, and the decoder
 * admits only trees that a parser can have produced. */
#ifndef RESTANTE_PROTO_SKELETON_H
#define RESTANTE_PROTO_SKELETON_H

#include "base/buf.h"
#include "base/error.h"
#include "proto/limits.h"
#include <stddef.h>
#include <stdint.h>

#define SKELETON_DEPTH_MAX 100           /* parts inside parts, the root counted */
#define SKELETON_OCTETS_MAX (1ULL << 46) /* of a body */

enum skeleton_kind {
    SKELETON_MIME = 1,      /* its Content-* fields count */
    SKELETON_TEXT = 2,      /* text/..., or no usable Content-Type */
    SKELETON_MULTIPART = 4, /* any number of children; excludes text and message */
    SKELETON_DIGEST = 8,    /* only together with multipart */
    SKELETON_MESSAGE = 16   /* message/rfc822: exactly one child; excludes text */
};

struct skeleton_part {
    const uint8_t *header;
    size_t header_len;
    uint64_t octets;
    uint32_t lines; /* at most octets */
    unsigned kind;  /* of enum skeleton_kind */
    unsigned children;
};

struct skeleton {
    struct skeleton_part *part; /* count of them, depth first */
    size_t count;
};

/* Checks as the decoder does, and appends. -1 for what a decoder would refuse, or a full buffer. */
int skeleton_encode(const struct skeleton *s, struct buf *out, struct error *e);
/* Headers point into p. -1 unless it is exactly one well-formed skeleton; s is then empty. */
int skeleton_decode(const uint8_t *p, size_t n, struct skeleton *s, struct error *e);
/* Frees the parts, not the headers; s is empty again. */
void skeleton_free(struct skeleton *s);

#endif
