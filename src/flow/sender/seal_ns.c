/* SPDX-License-Identifier: GPL-3.0-or-later */
/* seal_ns.c - the notification of one receiver, its lock, and the receipts that can answer it
 * (P-3, P-4.3). Made once: what is put into the DHT later are always these octets. */
#include "base/clock.h"
#include "flow/sender/seal.h"
#include "flow/mail/validity.h"
#include "pgp/pgp.h"
#include "dht/dht.h"
#include "flow/core/sign.h"
#include "proto/entry.h"
#include <string.h>

static struct span span_of(const struct bytes *b)
{
    return (struct span){b->p, b->p == NULL ? 0 : b->n};
}

static void seal_ns_fill(const struct sealing *s, size_t i, struct notification *r)
{
    const struct services *sv = s->services;
    *r = (struct notification){.blob_count = 1, .m_size = s->m.size};
    memcpy(r->message_id, s->m.id, MESSAGE_ID_LEN);
    (void)strcpy(r->sender, sv->c.address);
    (void)strcpy(r->receiver, s->keys.address[i]);
    r->pubkey = span_of(&sv->pubkey);
    r->has_master = s->has_master;
    memcpy(r->master_fpr, s->master_fpr, FPR_LEN);
    memcpy(r->blobs[0].hash, s->body.hash, HASH_LEN);
    memcpy(r->blobs[0].chunks_hash, s->body.chunks_hash, HASH_LEN);
    r->blobs[0].size = s->body.size;
    r->pkesk = (struct span){s->body.pkesk[i].data, s->body.pkesk[i].len};
    memcpy(r->m_hash, s->m.hash, HASH_LEN);
    memcpy(r->p, s->made[i].p, SECRET_LEN);
    r->expiry = s->made[i].expiry_s;
    if (!s->has_head) {
        r->head = span_of(&s->m.head);
        return;
    }
    r->has_head_blob = true;
    memcpy(r->head_blob.hash, s->head.hash, HASH_LEN);
    memcpy(r->head_blob.chunks_hash, s->head.chunks_hash, HASH_LEN);
    r->head_blob.size = s->head.size;
    r->head_pkesk = (struct span){s->head.pkesk[i].data, s->head.pkesk[i].len};
    r->from = span_of(&s->m.from);
    r->to = (struct span){(const uint8_t *)s->keys.address[i], strlen(s->keys.address[i])};
    r->date = span_of(&s->m.date);
    r->subject = span_of(&s->m.subject);
    r->msgid = span_of(&s->m.msgid);
    r->references = span_of(&s->m.refs);
}

static void expect(const struct sealing *s, struct sealed_receiver *made)
{
    char key[DHT_KEY_MAX + 1];
    (void)dht_key(key, "nr:", s->services->c.address);
    for (int o = 1; o <= 3; o++) {
        uint8_t value[HASH_LEN];
        struct entry_binding receipt;
        receipt_value(made->p, (enum outcome)o, s->body.hash, value);
        entry_bind(made->p, key, value, sizeof value, &receipt);
        memcpy(made->expected[o - 1], receipt.id, ENTRY_ID_LEN);
        wipe(&receipt, sizeof receipt);
    }
}

int seal_notification(struct sealing *s, struct pgp *pgp, size_t i, struct error *e)
{
    struct sealed_receiver *made = &s->made[i];
    const struct services *sv = s->services;
    char key[DHT_KEY_MAX + 1];
    made->shard = notification_shard(sv->fpr, s->keys.address[i], s->keys.contact[i].shards);
    dht_ns_key(key, s->keys.address[i], made->shard);
    struct record_place at = {sv->c.network, key};
    struct buf payload = BUF_INIT(2 * RECORD_MAX), record = BUF_INIT(2 * RECORD_MAX);
    made->n = s->rows[i];
    made->expiry_s = validity_end(s->m.expires_s, sv->c.validity, clock_wall_ms());
    random_bytes(made->p, sizeof made->p);
    notification_id(sv->fpr, s->m.id, s->keys.address[i], made->nid);
    struct notification r;
    seal_ns_fill(s, i, &r);
    buf_free(&made->ns);
    made->ns = (struct buf)BUF_INIT(NOTIFICATION_MAX);
    int rc;
    if (!s->has_head && s->m.head.n > NOTIFICATION_MAX) {
        rc = 1;
    } else if (notification_encode(&r, &at, &payload) < 0) {
        rc = error_set(e, "The notification for %s cannot be written.", s->keys.address[i]);
    } else if ((rc = sign_record(pgp, &payload, &record, e)) == 0) {
        struct buf sealed = BUF_INIT(4 * RECORD_MAX);
        rc = pgp_encrypt(&s->keys.to[i], record.data, record.len, &sealed, e);
        if (rc == 0 && sealed.len > NOTIFICATION_MAX)
            rc = s->has_head ? error_set(e, "The notification is larger than 6 KB.") : 1;
        if (rc == 0)
            rc = buf_append(&made->ns, sealed.data, sealed.len);
        buf_free(&sealed);
    }
    buf_wipe(&payload);
    buf_wipe(&record);
    wipe(&r, sizeof r);
    if (rc != 0)
        return rc;
    struct entry_binding b;
    entry_bind(made->p, key, made->ns.data, made->ns.len, &b);
    memcpy(made->lock, b.lock, HASH_LEN);
    wipe(&b, sizeof b);
    expect(s, made);
    return 0;
}
