/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_head.c - any octets as a packed head. What unpacks must pack and unpack to the same, within
 * the caps (P-4.9). */
#include "proto/records.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int equal(const struct buf *a, const struct buf *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf header = BUF_INIT(HEADER_MAX), skeleton = BUF_INIT(SKELETON_MAX);
    struct buf header2 = BUF_INIT(HEADER_MAX), skeleton2 = BUF_INIT(SKELETON_MAX);
    struct buf packed = BUF_INIT(2 * HEAD_BLOB_MAX);
    struct error e;
    if (head_unpack(data, size, &header, &skeleton, &e) == 0) {
        struct span h = {header.data, header.len}, s = {skeleton.data, skeleton.len};
        if (head_pack(&h, &s, &packed) != 0 ||
            head_unpack(packed.data, packed.len, &header2, &skeleton2, &e) != 0 ||
            !equal(&header, &header2) || !equal(&skeleton, &skeleton2))
            abort();
    } else if (header.len != 0 || skeleton.len != 0) {
        abort();
    }
    buf_free(&header);
    buf_free(&skeleton);
    buf_free(&header2);
    buf_free(&skeleton2);
    buf_free(&packed);
    return 0;
}
