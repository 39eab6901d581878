/* SPDX-License-Identifier: GPL-3.0-or-later */
/* msglist.c - see msglist.h (P-12.2). */
#include "proto/msglist.h"
#include "proto/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { F_OWNER = 1, F_GROUP, F_COUNTER, F_EXPIRY, F_BLOBS, F_REMOVALS, F_HELD, F_PENDING };

void msglist_free(struct msglist *l)
{
    free(l->blobs);
    free(l->removals);
    free(l->held);
    free(l->pending);
    memset(l, 0, sizeof *l);
}

void msglist_key(char out[MSGLIST_KEY_MAX + 1], const char *owner)
{
    (void)snprintf(out, MSGLIST_KEY_MAX + 1, "msglist:%s", owner);
}

/* ---- writing */

static void out_ref(struct cbor_out *w, const struct blob_ref *b)
{
    cbor_out_bytes(w, b->hash, HASH_LEN);
    cbor_out_uint(w, b->size);
    cbor_out_bytes(w, b->chunks_hash, HASH_LEN);
}

static void out_time(struct cbor_out *w, int64_t t)
{
    if (t < 0)
        cbor_out_fail(w);
    cbor_out_uint(w, (uint64_t)t);
}

static void out_part(struct cbor_out *w, uint64_t field, size_t count)
{
    cbor_out_uint(w, field);
    cbor_out_array(w, count);
}

static void out_parts(struct cbor_out *w, const struct msglist *l)
{
    out_part(w, F_BLOBS, l->blob_count);
    for (size_t i = 0; i < l->blob_count; i++) {
        cbor_out_array(w, 4);
        out_ref(w, &l->blobs[i].ref);
        out_time(w, l->blobs[i].expiry);
    }
    out_part(w, F_REMOVALS, l->removal_count);
    for (size_t i = 0; i < l->removal_count; i++) {
        cbor_out_array(w, 3);
        cbor_out_bytes(w, l->removals[i].hash, HASH_LEN);
        cbor_out_uint(w, l->removals[i].reason);
        out_time(w, l->removals[i].until);
    }
    out_part(w, F_HELD, l->held_count);
    for (size_t i = 0; i < l->held_count; i++) {
        cbor_out_array(w, 5);
        cbor_out_text(w, l->held[i].owner);
        out_ref(w, &l->held[i].ref);
        out_time(w, l->held[i].expiry);
    }
    out_part(w, F_PENDING, l->pending_count);
    for (size_t i = 0; i < l->pending_count; i++) {
        const struct msglist_pending *p = &l->pending[i];
        cbor_out_array(w, 5);
        cbor_out_bytes(w, p->blob, HASH_LEN);
        cbor_out_text(w, p->key);
        cbor_out_bytes(w, p->entry.p, p->entry.n);
        cbor_out_bytes(w, p->lock, HASH_LEN);
        out_time(w, p->expiry);
    }
}

int msglist_encode(const struct msglist *l, const struct record_place *at, struct buf *out)
{
    struct cbor_out w;
    struct msglist again;
    size_t before = out->len;
    record_begin(&w, out, at, TYPE_MSGLIST, 8);
    out_field_text(&w, F_OWNER, l->owner);
    out_field_text(&w, F_GROUP, l->group);
    out_field_uint(&w, F_COUNTER, l->counter);
    out_field_time(&w, F_EXPIRY, l->expiry);
    out_parts(&w, l);
    if (!w.failed) {
        if (msglist_decode(out->data + before, out->len - before, at, &again, NULL) != 0)
            cbor_out_fail(&w);
        else
            msglist_free(&again);
    }
    return cbor_out_end(&w);
}

/* ---- reading */

static void in_ref(struct cbor_in *in, struct blob_ref *b)
{
    cbor_in_bytes_of(in, b->hash, HASH_LEN);
    cbor_in_uint(in, BLOB_SIZE_MAX, &b->size);
    cbor_in_bytes_of(in, b->chunks_hash, HASH_LEN);
    if (b->size == 0)
        cbor_in_fail(in, "an empty blob");
}

/* Enters a part; room for its entries, whose number the input's own length bounds. */
static void *in_part(struct cbor_in *in, uint64_t field, size_t one, size_t *count)
{
    *count = 0;
    cbor_in_need(in, field);
    cbor_in_array(in, MSGLIST_ENTRIES_MAX, count);
    void *p = in->failed ? NULL : calloc(*count + 1, one);
    if (p == NULL) {
        cbor_in_fail(in, "too large for this peer's memory");
        *count = 0;
    }
    return p;
}

static void in_removals(struct cbor_in *in, struct msglist *l)
{
    l->removals = in_part(in, F_REMOVALS, sizeof *l->removals, &l->removal_count);
    for (size_t i = 0; i < l->removal_count && !in->failed; i++) {
        uint64_t reason;
        cbor_in_array_of(in, 3);
        cbor_in_bytes_of(in, l->removals[i].hash, HASH_LEN);
        cbor_in_uint(in, REMOVAL_EXPIRED, &reason);
        if (reason == 0)
            cbor_in_fail(in, "a removal without a reason");
        l->removals[i].reason = (enum removal_reason)reason;
        in_expiry(in, &l->removals[i].until);
        cbor_in_leave(in);
    }
    cbor_in_leave(in);
}

static void in_pending(struct cbor_in *in, struct msglist *l)
{
    char address[ADDRESS_MAX + 1];
    l->pending = in_part(in, F_PENDING, sizeof *l->pending, &l->pending_count);
    for (size_t i = 0; i < l->pending_count && !in->failed; i++) {
        struct msglist_pending *p = &l->pending[i];
        cbor_in_array_of(in, 5);
        cbor_in_bytes_of(in, p->blob, HASH_LEN);
        cbor_in_str(in, p->key, sizeof p->key);
        cbor_in_bytes(in, NOTIFICATION_MAX, &p->entry);
        cbor_in_bytes_of(in, p->lock, HASH_LEN);
        in_expiry(in, &p->expiry);
        cbor_in_leave(in);
        if (in->failed)
            return;
        size_t n = strncmp(p->key, "ns:", 3) == 0 ? strcspn(p->key + 3, "/#") : 0;
        char text[sizeof p->key];
        memcpy(text, p->key + 3, n);
        text[n] = 0;
        if (n == 0 || p->entry.n == 0 || address_parse(text, address) != 0 ||
            strcmp(text, address) != 0)
            cbor_in_fail(in, "a notification without octets or at another key");
    }
    cbor_in_leave(in);
}

static void in_body(struct cbor_in *in, struct msglist *l)
{
    cbor_in_need(in, F_OWNER);
    in_address(in, l->owner);
    cbor_in_need(in, F_GROUP);
    cbor_in_str(in, l->group, sizeof l->group);
    cbor_in_need(in, F_COUNTER);
    cbor_in_uint(in, INT64_MAX, &l->counter);
    cbor_in_need(in, F_EXPIRY);
    in_expiry(in, &l->expiry);
    l->blobs = in_part(in, F_BLOBS, sizeof *l->blobs, &l->blob_count);
    for (size_t i = 0; i < l->blob_count && !in->failed; i++) {
        cbor_in_array_of(in, 4);
        in_ref(in, &l->blobs[i].ref);
        in_expiry(in, &l->blobs[i].expiry);
        cbor_in_leave(in);
    }
    cbor_in_leave(in);
    in_removals(in, l);
    l->held = in_part(in, F_HELD, sizeof *l->held, &l->held_count);
    for (size_t i = 0; i < l->held_count && !in->failed; i++) {
        cbor_in_array_of(in, 5);
        in_address(in, l->held[i].owner);
        in_ref(in, &l->held[i].ref);
        in_expiry(in, &l->held[i].expiry);
        cbor_in_leave(in);
    }
    cbor_in_leave(in);
    in_pending(in, l);
}

int msglist_decode(const uint8_t *payload, size_t n, const struct record_place *at,
                   struct msglist *l, struct error *e)
{
    struct cbor_in in;
    memset(l, 0, sizeof *l);
    if (n > MSGLIST_MAX)
        return error_set(e, "A message list of %zu octets is over the limit.", n);
    int rc = record_open_large(&in, payload, n, at, TYPE_MSGLIST, e);
    if (rc != 0)
        return rc;
    in_body(&in, l);
    if (!key_is(at->key, "msglist:", l->owner))
        cbor_in_fail(&in, "an owner that does not belong to the key");
    rc = record_close(&in, "message list", e);
    if (rc != 0)
        msglist_free(l);
    return rc;
}
