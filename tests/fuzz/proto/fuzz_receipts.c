/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_receipts.c - any octets as the body of POST /receipt, and as the answer to it. What decodes
 * is encoded to the same octets, within the caps (P-6.8, P-6.9). */
#include "proto/receipts.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const struct buf *b, int rc, const uint8_t *data, size_t size)
{
    if (rc != 0 || size > RECEIPTS_BODY_MAX || b->len != size || memcmp(b->data, data, size) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct receipt r[RECEIPTS_MAX];
    struct receipt_answer a[RECEIPTS_MAX];
    struct buf b = BUF_INIT(RECEIPTS_BODY_MAX);
    struct error e;
    size_t count;
    if (receipts_decode(data, size, r, &count, &e) == 0)
        same(&b, receipts_encode(r, count, &b), data, size);
    else if (count != 0)
        abort();
    buf_free(&b);
    for (count = 1; count <= RECEIPTS_MAX; count++) {
        if (answers_decode(data, size, a, count, &e) == 0)
            same(&b, answers_encode(a, count, &b), data, size);
        else if (a[0].taken)
            abort();
        buf_free(&b);
    }
    return 0;
}
