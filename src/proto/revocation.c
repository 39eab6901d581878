/* SPDX-License-Identifier: GPL-3.0-or-later */
/* revocation.c - the owner of a key says that it counts no more (P-4.15). */
#include "base/crypt.h"
#include "proto/record.h"

#include <string.h>

enum { F_ADDRESS = 1, F_PUBKEY, F_MADE };

int revocation_encode(const struct revocation *r, const struct record_place *at, struct buf *out)
{
    struct cbor_out w;
    struct revocation again;
    size_t before = out->len;
    record_begin(&w, out, at, TYPE_REVOCATION, 3);
    out_field_text(&w, F_ADDRESS, r->address);
    out_field_bytes(&w, F_PUBKEY, r->pubkey.p, r->pubkey.n);
    out_field_time(&w, F_MADE, r->made);
    if (!w.failed &&
        revocation_decode(out->data + before, out->len - before, at, &again, NULL) != 0)
        cbor_out_fail(&w);
    return cbor_out_end(&w);
}

int revocation_decode(const uint8_t *payload, size_t n, const struct record_place *at,
                      struct revocation *r, struct error *e)
{
    struct cbor_in in;
    memset(r, 0, sizeof *r);
    int rc = record_open(&in, payload, n, at, TYPE_REVOCATION, e);
    if (rc != 0)
        return rc;
    cbor_in_need(&in, F_ADDRESS);
    in_address(&in, r->address);
    cbor_in_need(&in, F_PUBKEY);
    in_key(&in, &r->pubkey);
    cbor_in_need(&in, F_MADE);
    in_expiry(&in, &r->made);
    if (!key_is(at->key, "key:", r->address))
        cbor_in_fail(&in, "an address that does not belong to the key");
    rc = record_close(&in, "revocation", e);
    if (rc != 0)
        memset(r, 0, sizeof *r);
    return rc;
}

void revocation_lock(const uint8_t *record, size_t n, uint8_t lock_r[HASH_LEN])
{
    static const char label[] = "restante-revocation";
    uint8_t text[sizeof label - 1 + HASH_LEN];
    memcpy(text, label, sizeof label - 1);
    sha256(record, n, text + sizeof label - 1);
    sha256(text, sizeof text, lock_r);
}
