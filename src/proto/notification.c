/* SPDX-License-Identifier: GPL-3.0-or-later */
/* notification.c - a message is waiting: everything the receiver needs to show and to fetch it
 * (P-4.8). */
#include "proto/record.h"

#include <string.h>

enum {
    F_MESSAGE_ID = 1,
    F_SENDER,
    F_RECEIVER,
    F_PUBKEY,
    F_MASTER,
    F_BLOBS,
    F_PKESK,
    F_M_HASH,
    F_M_SIZE,
    F_P,
    F_EXPIRY,
    F_HEAD,      /* either this */
    F_HEAD_BLOB, /* or these three */
    F_HEAD_PKESK,
    F_SUMMARY
};
#define SUMMARY_FIELDS 6

/* The chunk list of a blob of one chunk is the blob's hash, and goes without saying. */
static bool one_chunk(const struct blob_ref *b, uint8_t chunks_hash[HASH_LEN])
{
    sha256(b->hash, HASH_LEN, chunks_hash);
    return b->size <= CHUNK_LEN;
}

static void out_blob(struct cbor_out *w, const struct blob_ref *b)
{
    uint8_t only[HASH_LEN];
    bool one = one_chunk(b, only);
    cbor_out_array(w, one ? 2 : 3);
    cbor_out_bytes(w, b->hash, HASH_LEN);
    cbor_out_uint(w, b->size);
    if (!one)
        cbor_out_bytes(w, b->chunks_hash, HASH_LEN);
    else if (memcmp(b->chunks_hash, only, HASH_LEN) != 0)
        cbor_out_fail(w);
}

static void in_blob(struct cbor_in *in, uint64_t max, struct blob_ref *b)
{
    size_t count = 0;
    cbor_in_array(in, 3, &count);
    cbor_in_bytes_of(in, b->hash, HASH_LEN);
    cbor_in_uint(in, max, &b->size);
    if (!one_chunk(b, b->chunks_hash))
        cbor_in_bytes_of(in, b->chunks_hash, HASH_LEN);
    else if (count != 2)
        cbor_in_fail(in, "a blob of one chunk with a chunk list");
    cbor_in_leave(in);
    if (b->size == 0)
        cbor_in_fail(in, "an empty blob");
}

static void out_head(struct cbor_out *w, const struct notification *r)
{
    const struct span *summary[SUMMARY_FIELDS] = {&r->from,    &r->to,    &r->date,
                                                  &r->subject, &r->msgid, &r->references};
    if (!r->has_head_blob) {
        out_field_bytes(w, F_HEAD, r->head.p, r->head.n);
        return;
    }
    cbor_out_uint(w, F_HEAD_BLOB);
    out_blob(w, &r->head_blob);
    out_field_bytes(w, F_HEAD_PKESK, r->head_pkesk.p, r->head_pkesk.n);
    cbor_out_uint(w, F_SUMMARY);
    cbor_out_array(w, SUMMARY_FIELDS);
    for (size_t i = 0; i < SUMMARY_FIELDS; i++)
        cbor_out_bytes(w, summary[i]->p, summary[i]->n);
}

int notification_encode(const struct notification *r, const struct record_place *at,
                        struct buf *out)
{
    struct cbor_out w;
    struct notification again;
    size_t before = out->len;
    if (r->blob_count != 1)
        return -1;
    record_begin(&w, out, at, TYPE_NOTIFICATION,
                 (r->has_master ? 11u : 10u) + (r->has_head_blob ? 3u : 1u));
    out_field_bytes(&w, F_MESSAGE_ID, r->message_id, MESSAGE_ID_LEN);
    out_field_text(&w, F_SENDER, r->sender);
    out_field_text(&w, F_RECEIVER, r->receiver);
    out_field_bytes(&w, F_PUBKEY, r->pubkey.p, r->pubkey.n);
    if (r->has_master)
        out_field_bytes(&w, F_MASTER, r->master_fpr, FPR_LEN);
    cbor_out_uint(&w, F_BLOBS);
    cbor_out_array(&w, r->blob_count);
    for (size_t i = 0; i < r->blob_count; i++)
        out_blob(&w, &r->blobs[i]);
    out_field_bytes(&w, F_PKESK, r->pkesk.p, r->pkesk.n);
    out_field_bytes(&w, F_M_HASH, r->m_hash, HASH_LEN);
    out_field_uint(&w, F_M_SIZE, r->m_size);
    out_field_bytes(&w, F_P, r->p, SECRET_LEN);
    out_field_time(&w, F_EXPIRY, r->expiry);
    out_head(&w, r);
    if (!w.failed &&
        notification_decode(out->data + before, out->len - before, at, &again, NULL) != 0)
        cbor_out_fail(&w);
    wipe(&again, sizeof again);
    return cbor_out_end(&w);
}

static void in_pkesk(struct cbor_in *in, struct span *pkesk)
{
    if (cbor_in_bytes(in, PKESK_MAX, pkesk) == 0 && pkesk->n == 0)
        cbor_in_fail(in, "an empty session-key packet");
}

/* A header field's value, unfolded: any octets but those that could end it. */
static void in_summary(struct cbor_in *in, struct span *s)
{
    if (cbor_in_bytes(in, SUMMARY_MAX, s) != 0)
        return;
    for (size_t i = 0; i < s->n; i++) {
        if (s->p[i] == '\r' || s->p[i] == '\n' || s->p[i] == 0) {
            cbor_in_fail(in, "a header field with a line end or NUL in it");
            return;
        }
    }
}

static void in_head(struct cbor_in *in, struct notification *r)
{
    struct span *summary[SUMMARY_FIELDS] = {&r->from,    &r->to,    &r->date,
                                            &r->subject, &r->msgid, &r->references};
    if (cbor_in_field(in, F_HEAD)) {
        cbor_in_bytes(in, NOTIFICATION_MAX, &r->head);
        if (r->head.n == 0)
            cbor_in_fail(in, "an empty head");
        return;
    }
    r->has_head_blob = true;
    cbor_in_need(in, F_HEAD_BLOB);
    in_blob(in, HEAD_BLOB_MAX, &r->head_blob);
    cbor_in_need(in, F_HEAD_PKESK);
    in_pkesk(in, &r->head_pkesk);
    cbor_in_need(in, F_SUMMARY);
    cbor_in_array_of(in, SUMMARY_FIELDS);
    for (size_t i = 0; i < SUMMARY_FIELDS; i++)
        in_summary(in, summary[i]);
    cbor_in_leave(in);
}

static void in_body(struct cbor_in *in, struct notification *r)
{
    cbor_in_need(in, F_MESSAGE_ID);
    cbor_in_bytes_of(in, r->message_id, MESSAGE_ID_LEN);
    cbor_in_need(in, F_SENDER);
    in_address(in, r->sender);
    cbor_in_need(in, F_RECEIVER);
    in_address(in, r->receiver);
    cbor_in_need(in, F_PUBKEY);
    in_key(in, &r->pubkey);
    in_master(in, F_MASTER, &r->has_master, r->master_fpr);
    cbor_in_need(in, F_BLOBS);
    cbor_in_array(in, 1, &r->blob_count);
    if (r->blob_count != 1)
        cbor_in_fail(in, "a list that does not hold exactly one blob");
    in_blob(in, BLOB_SIZE_MAX, &r->blobs[0]);
    cbor_in_leave(in);
    cbor_in_need(in, F_PKESK);
    in_pkesk(in, &r->pkesk);
    cbor_in_need(in, F_M_HASH);
    cbor_in_bytes_of(in, r->m_hash, HASH_LEN);
    cbor_in_need(in, F_M_SIZE);
    cbor_in_uint(in, BLOB_SIZE_MAX, &r->m_size);
    cbor_in_need(in, F_P);
    cbor_in_bytes_of(in, r->p, SECRET_LEN);
    cbor_in_need(in, F_EXPIRY);
    in_expiry(in, &r->expiry);
    in_head(in, r);
}

int notification_decode(const uint8_t *payload, size_t n, const struct record_place *at,
                        struct notification *r, struct error *e)
{
    struct cbor_in in;
    memset(r, 0, sizeof *r);
    int rc = record_open(&in, payload, n, at, TYPE_NOTIFICATION, e);
    if (rc != 0)
        return rc;
    in_body(&in, r);
    if (!key_is_ns(at->key, r->receiver))
        cbor_in_fail(&in, "a receiver that does not belong to the key");
    rc = record_close(&in, "notification", e);
    if (rc != 0)
        wipe(r, sizeof *r);
    return rc;
}

void notification_id(const uint8_t sender_fpr[FPR_LEN], const uint8_t message_id[MESSAGE_ID_LEN],
                     const char *receiver, uint8_t out[HASH_LEN])
{
    struct sha256 *s = sha256_new();
    sha256_add(s, sender_fpr, FPR_LEN);
    sha256_add(s, message_id, MESSAGE_ID_LEN);
    sha256_add(s, receiver, strlen(receiver));
    sha256_end(&s, out);
}

uint32_t notification_shard(const uint8_t sender_fpr[FPR_LEN], const char *receiver,
                            uint32_t shards)
{
    uint8_t digest[HASH_LEN];
    uint64_t v = 0;
    struct sha256 *s = sha256_new();
    sha256_add(s, sender_fpr, FPR_LEN);
    sha256_add(s, receiver, strlen(receiver));
    sha256_end(&s, digest);
    for (size_t i = 0; i < 8; i++)
        v = v << 8 | digest[i];
    return shards < 2 ? 0 : (uint32_t)(v % shards);
}
