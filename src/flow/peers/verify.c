/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verify.c - see verify.h. */
#include "flow/peers/verify.h"
#include "dht/dht.h"
#include <string.h>

void verified_identity_free(struct verified_identity *v)
{
    bytes_free(&v->pubkey);
}

static int check_signature(const struct pgp_pub *key, const struct span *payload,
                           const struct span *signature, struct error *e)
{
    return pgp_verify(key, payload->p, payload->n, signature->p, signature->n, e);
}

static int check_life(int64_t expiry, int64_t now_s, int64_t max, struct error *e)
{
    if (!record_life_ok(expiry, now_s, max))
        return error_set(e, "Its lifetime is over, or longer than allowed.");
    return 0;
}

static int check_time(int64_t expiry, uint64_t seq, int64_t now_s, int64_t max, struct error *e)
{
    if (check_life(expiry, now_s, max, e) < 0)
        return -1;
    if (seq > (uint64_t)(now_s * 1000 + SEQ_AHEAD_MS))
        return error_set(e, "Its sequence number lies more than a day ahead.");
    return 0;
}

int verify_identity(const uint8_t *p, size_t n, uint32_t network, const char *address,
                    int64_t now_s, struct verified_identity *v, struct error *e)
{
    *v = (struct verified_identity){0};
    char key[DHT_KEY_MAX + 1];
    struct span payload, signature;
    if (n > RECORD_MAX || dht_key(key, "key:", address) < 0 ||
        record_unwrap(p, n, &payload, &signature, e) < 0)
        return -1;
    struct record_place at = {network, key};
    if (identity_decode(payload.p, payload.n, &at, &v->r, e) != 0)
        return -1;
    if (strcmp(v->r.address, address) != 0)
        return error_set(e, "It names another address.");
    struct pgp_pub pub = {v->r.pubkey.p, v->r.pubkey.n};
    if (pgp_check_pub(&pub, address, v->fpr, e) < 0 ||
        check_signature(&pub, &payload, &signature, e) < 0)
        return -1;
    if (check_time(v->r.expiry, v->r.seq, now_s, IDENTITY_LIFE_MAX, e) < 0)
        return -2;
    if (bytes_set(&v->pubkey, pub.data, pub.len) < 0)
        return error_set(e, "Out of memory.");
    v->r.pubkey = (struct span){v->pubkey.p, v->pubkey.n};
    return 0;
}

int verify_revocation(const uint8_t *p, size_t n, uint32_t network, const char *address,
                      uint8_t fpr[FPR_LEN], struct error *e)
{
    char key[DHT_KEY_MAX + 1];
    struct span payload, signature;
    struct revocation r;
    if (n > RECORD_MAX || dht_key(key, "key:", address) < 0 ||
        record_unwrap(p, n, &payload, &signature, e) < 0)
        return -1;
    struct record_place at = {network, key};
    if (revocation_decode(payload.p, payload.n, &at, &r, e) != 0)
        return -1;
    struct pgp_pub pub = {r.pubkey.p, r.pubkey.n};
    return pgp_check_pub(&pub, address, fpr, e) < 0
               ? -1
               : check_signature(&pub, &payload, &signature, e);
}

int verify_descriptor(const uint8_t *p, size_t n, uint32_t network, const char *address,
                      const struct pgp_pub *key, const uint8_t fpr[FPR_LEN], int64_t now_s,
                      struct descriptor *r, struct error *e)
{
    struct span payload, signature;
    if (n > RECORD_MAX || record_unwrap(p, n, &payload, &signature, e) < 0)
        return -1;
    struct record_place at = {network, address};
    if (descriptor_decode(payload.p, payload.n, &at, r, e) != 0)
        return -1;
    if (strcmp(r->address, address) != 0 || memcmp(r->fpr, fpr, FPR_LEN) != 0)
        return error_set(e, "It is another peer's.");
    if (check_signature(key, &payload, &signature, e) < 0)
        return -1;
    return check_time(r->expiry, r->seq, now_s, DESCRIPTOR_LIFE_MAX, e) < 0 ? -2 : 0;
}

/* The master's own part, without its expiry. */
static int verify_roster(const uint8_t *p, size_t n, const struct record_place *at, int64_t now_s,
                         struct verified_group *v, struct error *e)
{
    struct span payload, signature;
    if (record_unwrap(p, n, &payload, &signature, e) < 0 ||
        group_decode(payload.p, payload.n, at, &v->r, e) != 0)
        return -1;
    const struct group_member *master = group_find_role(&v->r, ROLE_MASTER);
    struct pgp_pub pub = {v->r.master_key.p, v->r.master_key.n};
    if (pgp_check_pub(&pub, master->address, v->master_fpr, e) < 0)
        return -1;
    if (memcmp(v->master_fpr, master->fpr, FPR_LEN) != 0)
        return error_set(e, "Its key is not that of the master it names.");
    if (check_signature(&pub, &payload, &signature, e) < 0)
        return -1;
    if (!record_seq_ok(v->r.seq, now_s * 1000))
        return error_set(e, "Its sequence number lies more than a day ahead.");
    sha256(payload.p, payload.n, v->roster);
    v->signed_ = (struct span){p, n};
    v->expiry = v->r.expiry;
    return 0;
}

static int verify_renewal(const struct span *payload, const struct span *signature,
                          const struct record_place *at, int64_t now_s, struct verified_group *v,
                          struct error *e)
{
    struct group_renewal r;
    uint8_t fpr[FPR_LEN];
    if (group_renewal_decode(payload->p, payload->n, at, &r, e) != 0 ||
        verify_roster(r.record.p, r.record.n, at, now_s, v, e) < 0)
        return -1;
    const struct group_member *m = group_find(&v->r, r.deputy);
    struct pgp_pub pub = {r.deputy_key.p, r.deputy_key.n};
    if (m == NULL || m->role != ROLE_DEPUTY)
        return error_set(e, "It is renewed by somebody who is no deputy.");
    if (pgp_check_pub(&pub, m->address, fpr, e) < 0)
        return -1;
    if (memcmp(fpr, m->fpr, FPR_LEN) != 0)
        return error_set(e, "It is renewed with a key that is not the deputy's.");
    if (r.expiry > v->r.expiry + GROUP_RENEW_MAX)
        return error_set(e, "It is renewed for longer than its master may be silent.");
    v->expiry = r.expiry;
    v->renewed = true;
    return check_signature(&pub, payload, signature, e);
}

int verify_group(const uint8_t *p, size_t n, uint32_t network, const char *gname, int64_t now_s,
                 struct verified_group *v, struct error *e)
{
    char key[DHT_KEY_MAX + 1], type[RECORD_TYPE_MAX + 1];
    struct span payload, signature;
    *v = (struct verified_group){0};
    if (dht_key(key, "group:", gname) < 0 || record_unwrap(p, n, &payload, &signature, e) < 0)
        return -1;
    struct record_place at = {network, key};
    record_type(payload.p, payload.n, type);
    int rc = strcmp(type, TYPE_GROUP_RENEWAL) == 0
                 ? verify_renewal(&payload, &signature, &at, now_s, v, e)
                 : verify_roster(p, n, &at, now_s, v, e);
    return rc < 0 ? -1 : check_life(v->expiry, now_s, GROUP_LIFE_MAX, e);
}

int verify_notification(const uint8_t *p, size_t n, uint32_t network, const char *key,
                        const char *receiver, int64_t now_s, struct notification *r,
                        uint8_t fpr[FPR_LEN], struct error *e)
{
    struct span payload, signature;
    if (record_unwrap(p, n, &payload, &signature, e) < 0)
        return -1;
    struct record_place at = {network, key};
    if (notification_decode(payload.p, payload.n, &at, r, e) != 0)
        return -1;
    if (strcmp(r->receiver, receiver) != 0)
        return error_set(e, "It is for another recipient.");
    struct pgp_pub pub = {r->pubkey.p, r->pubkey.n};
    if (check_life(r->expiry, now_s, NS_LIFE_MAX, e) < 0)
        return -2;
    if (pgp_check_pub(&pub, r->sender, fpr, e) < 0 ||
        check_signature(&pub, &payload, &signature, e) < 0)
        return -1;
    if (r->blob_count != 1)
        return error_set(e, "It announces %zu blobs; this program knows one.", r->blob_count);
    return 0;
}

bool is_cancellation(const uint8_t *p, size_t n)
{
    struct span payload, signature;
    char type[RECORD_TYPE_MAX + 1] = "";
    if (record_unwrap(p, n, &payload, &signature, NULL) == 0)
        record_type(payload.p, payload.n, type);
    return strcmp(type, TYPE_CANCELLATION) == 0;
}

int verify_cancellation(const uint8_t *p, size_t n, uint32_t network, const char *key,
                        int64_t now_s, struct cancellation *r, uint8_t fpr[FPR_LEN],
                        struct error *e)
{
    struct span payload, signature;
    if (record_unwrap(p, n, &payload, &signature, e) < 0)
        return -1;
    struct record_place at = {network, key};
    if (cancellation_decode(payload.p, payload.n, &at, r, e) != 0)
        return -1;
    struct pgp_pub pub = {r->pubkey.p, r->pubkey.n};
    if (check_life(r->expiry, now_s, NS_LIFE_MAX, e) < 0)
        return -2;
    if (pgp_check_pub(&pub, r->sender, fpr, e) < 0 ||
        check_signature(&pub, &payload, &signature, e) < 0)
        return -1;
    return 0;
}
