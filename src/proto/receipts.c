/* SPDX-License-Identifier: GPL-3.0-or-later */
/* receipts.c - see receipts.h. */
#include "proto/receipts.h"
#include "proto/cbor_in.h"
#include "proto/cbor_out.h"

#include <string.h>

int receipts_encode(const struct receipt *r, size_t count, struct buf *out)
{
    struct cbor_out w;
    cbor_out_init(&w, out);
    if (count == 0 || count > RECEIPTS_MAX)
        cbor_out_fail(&w);
    cbor_out_array(&w, count);
    for (size_t i = 0; i < count && !w.failed; i++) {
        cbor_out_array(&w, 2);
        cbor_out_bytes(&w, r[i].id, ENTRY_ID_LEN);
        cbor_out_bytes(&w, r[i].value, HASH_LEN);
    }
    return cbor_out_end(&w);
}

int receipts_decode(const uint8_t *p, size_t n, struct receipt r[RECEIPTS_MAX], size_t *count_r,
                    struct error *e)
{
    struct cbor_in in;
    *count_r = 0;
    cbor_in_init(&in, p, n);
    if (cbor_in_array(&in, RECEIPTS_MAX, count_r) == 0 && *count_r == 0)
        cbor_in_fail(&in, "no receipt");
    for (size_t i = 0; i < *count_r && in.failed == NULL; i++) {
        cbor_in_array_of(&in, 2);
        cbor_in_bytes_of(&in, r[i].id, ENTRY_ID_LEN);
        cbor_in_bytes_of(&in, r[i].value, HASH_LEN);
        cbor_in_leave(&in);
    }
    cbor_in_leave(&in);
    int rc = cbor_in_end(&in, e);
    if (rc != 0)
        *count_r = 0;
    return rc;
}

int answers_encode(const struct receipt_answer *a, size_t count, struct buf *out)
{
    struct cbor_out w;
    cbor_out_init(&w, out);
    if (count > RECEIPTS_MAX)
        cbor_out_fail(&w);
    cbor_out_array(&w, count);
    for (size_t i = 0; i < count && !w.failed; i++)
        cbor_out_bytes(&w, a[i].proof, a[i].taken ? HASH_LEN : 0);
    return cbor_out_end(&w);
}

int answers_decode(const uint8_t *p, size_t n, struct receipt_answer *a, size_t count,
                   struct error *e)
{
    struct cbor_in in;
    memset(a, 0, count * sizeof *a);
    cbor_in_init(&in, p, n);
    cbor_in_array_of(&in, count);
    for (size_t i = 0; i < count && in.failed == NULL; i++) {
        struct span s;
        if (cbor_in_bytes(&in, HASH_LEN, &s) != 0)
            break;
        if (s.n != 0 && s.n != HASH_LEN)
            cbor_in_fail(&in, "an answer of another length");
        a[i].taken = s.n == HASH_LEN;
        if (a[i].taken)
            memcpy(a[i].proof, s.p, HASH_LEN);
    }
    cbor_in_leave(&in);
    int rc = cbor_in_end(&in, e);
    if (rc != 0)
        memset(a, 0, count * sizeof *a);
    return rc;
}
