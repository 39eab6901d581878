/* SPDX-License-Identifier: GPL-3.0-or-later */
/* identity.c - who somebody is: address, public key, group master (P-4.6). */
#include "proto/record.h"

#include <string.h>

#define SHARDS_MAX 4096

enum { F_ADDRESS = 1, F_PUBKEY, F_MASTER, F_SHARDS, F_OCB, F_SEQ, F_EXPIRY };

int identity_encode(const struct identity *r, const struct record_place *at, struct buf *out)
{
    struct cbor_out w;
    struct identity again;
    size_t before = out->len;
    record_begin(&w, out, at, TYPE_IDENTITY, r->has_master ? 7 : 6);
    out_field_text(&w, F_ADDRESS, r->address);
    out_field_bytes(&w, F_PUBKEY, r->pubkey.p, r->pubkey.n);
    if (r->has_master)
        out_field_bytes(&w, F_MASTER, r->master_fpr, FPR_LEN);
    out_field_uint(&w, F_SHARDS, r->shards);
    cbor_out_uint(&w, F_OCB);
    cbor_out_bool(&w, r->ocb);
    out_field_uint(&w, F_SEQ, r->seq);
    out_field_time(&w, F_EXPIRY, r->expiry);
    if (!w.failed && identity_decode(out->data + before, out->len - before, at, &again, NULL) != 0)
        cbor_out_fail(&w);
    return cbor_out_end(&w);
}

int identity_decode(const uint8_t *payload, size_t n, const struct record_place *at,
                    struct identity *r, struct error *e)
{
    struct cbor_in in;
    uint64_t v;
    memset(r, 0, sizeof *r);
    int rc = record_open(&in, payload, n, at, TYPE_IDENTITY, e);
    if (rc != 0)
        return rc;
    cbor_in_need(&in, F_ADDRESS);
    in_address(&in, r->address);
    cbor_in_need(&in, F_PUBKEY);
    in_key(&in, &r->pubkey);
    in_master(&in, F_MASTER, &r->has_master, r->master_fpr);
    cbor_in_need(&in, F_SHARDS);
    cbor_in_uint(&in, SHARDS_MAX, &v);
    r->shards = (uint32_t)v;
    cbor_in_need(&in, F_OCB);
    cbor_in_bool(&in, &r->ocb);
    cbor_in_need(&in, F_SEQ);
    cbor_in_uint(&in, INT64_MAX, &r->seq);
    cbor_in_need(&in, F_EXPIRY);
    in_expiry(&in, &r->expiry);
    if (r->shards == 0)
        cbor_in_fail(&in, "a number of shards that is zero");
    if (!key_is(at->key, "key:", r->address))
        cbor_in_fail(&in, "an address that does not belong to the key");
    rc = record_close(&in, "identity", e);
    if (rc != 0)
        memset(r, 0, sizeof *r);
    return rc;
}
