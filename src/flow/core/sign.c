/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sign.c - see sign.h. */
#include "flow/core/sign.h"
#include "proto/record.h"

int sign_record(struct pgp *pgp, const struct buf *payload, struct buf *out, struct error *e)
{
    struct buf sig = BUF_INIT(SIGNATURE_MAX);
    int rc = pgp_sign(pgp, payload->data, payload->len, &sig, e);
    if (rc == 0) {
        struct span p = {payload->data, payload->len}, s = {sig.data, sig.len};
        rc = record_wrap(&p, &s, out);
        if (rc < 0)
            (void)error_set(e, "A record became larger than %zu bytes.", out->cap);
    }
    buf_free(&sig);
    return rc;
}

void own_bind(const struct services *sv, const char *key, const uint8_t value_hash[HASH_LEN],
              struct entry_binding *b)
{
    uint8_t p[SECRET_LEN];
    hkdf_sha256(sv->stub_key, "own records", p);
    entry_bind_hash(p, key, value_hash, b);
    wipe(p, sizeof p);
}
