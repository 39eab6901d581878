/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cancellation.c - the sender takes a notification back (P-4.10). */
#include "proto/record.h"

#include <string.h>

enum { F_SENDER = 1, F_PUBKEY, F_ID, F_EXPIRY };

int cancellation_encode(const struct cancellation *r, const struct record_place *at,
                        struct buf *out)
{
    struct cbor_out w;
    struct cancellation again;
    size_t before = out->len;
    record_begin(&w, out, at, TYPE_CANCELLATION, 4);
    out_field_text(&w, F_SENDER, r->sender);
    out_field_bytes(&w, F_PUBKEY, r->pubkey.p, r->pubkey.n);
    out_field_bytes(&w, F_ID, r->notification_id, HASH_LEN);
    out_field_time(&w, F_EXPIRY, r->expiry);
    if (!w.failed &&
        cancellation_decode(out->data + before, out->len - before, at, &again, NULL) != 0)
        cbor_out_fail(&w);
    return cbor_out_end(&w);
}

int cancellation_decode(const uint8_t *payload, size_t n, const struct record_place *at,
                        struct cancellation *r, struct error *e)
{
    struct cbor_in in;
    memset(r, 0, sizeof *r);
    int rc = record_open(&in, payload, n, at, TYPE_CANCELLATION, e);
    if (rc != 0)
        return rc;
    cbor_in_need(&in, F_SENDER);
    in_address(&in, r->sender);
    cbor_in_need(&in, F_PUBKEY);
    in_key(&in, &r->pubkey);
    cbor_in_need(&in, F_ID);
    cbor_in_bytes_of(&in, r->notification_id, HASH_LEN);
    cbor_in_need(&in, F_EXPIRY);
    in_expiry(&in, &r->expiry);
    if (strncmp(at->key, "ns:", 3) != 0)
        cbor_in_fail(&in, "a key where no cancellation belongs");
    rc = record_close(&in, "cancellation", e);
    if (rc != 0)
        memset(r, 0, sizeof *r);
    return rc;
}
