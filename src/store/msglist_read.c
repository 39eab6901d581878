/* SPDX-License-Identifier: GPL-3.0-or-later */
/* msglist_read.c - what the own message list says, read from the rows: nothing of it is kept
 * anywhere else, so that it cannot disagree with them (P-12.2). */
#include "store/column.h"
#include "base/mem.h"
#include "store/db.h"
#include "store/replicas.h"
#include <stdlib.h>
#include <string.h>

int64_t store_version(struct db *db)
{
    return db_int(db, 0, "PRAGMA data_version", "");
}

/* Rows of a query, at most MSGLIST_ENTRIES_MAX; each grows *list by one zeroed entry of this size.
 */
static void *grow(void *list, size_t *count, size_t one)
{
    uint8_t *more = mem_grow(list, *count + 1, one);
    memset(more + *count * one, 0, one);
    (*count)++;
    return more;
}

static int column_blob_ref(sqlite3_stmt *q, struct blob_ref *b)
{
    struct bytes chunks = {0};
    b->size = (uint64_t)sqlite3_column_int64(q, 1);
    int rc = column_fixed(q, 0, b->hash, HASH_LEN) | column_bytes(q, 2, &chunks);
    sha256(chunks.p, chunks.n, b->chunks_hash);
    bytes_free(&chunks);
    return rc;
}

static int read_blobs(struct db *db, int64_t now_s, struct msglist *l)
{
    bool ok = true;
    int rc = 0;
    sqlite3_stmt *q =
        db_query(db,
                 "SELECT b.hash,b.size,b.chunks,max(r.expiry_s) FROM blob b JOIN receiver r ON"
                 " (r.blob=b.n OR r.head=b.n) WHERE b.state=2/*BLOB_PUBLISHED*/ GROUP BY b.n HAVING"
                 " max(r.expiry_s)>? ORDER BY b.n LIMIT ?",
                 "ii", now_s, (int64_t)MSGLIST_ENTRIES_MAX);
    while (db_row(q, &ok)) {
        l->blobs = grow(l->blobs, &l->blob_count, sizeof *l->blobs);
        struct msglist_blob *b = &l->blobs[l->blob_count - 1];
        rc |= column_blob_ref(q, &b->ref);
        b->expiry = sqlite3_column_int64(q, 3);
    }
    return ok ? rc : -1;
}

static int read_removals(struct db *db, int64_t now_s, int64_t grace_s, struct msglist *l)
{
    bool ok = true;
    int rc = 0;
    sqlite3_stmt *q = db_query(
        db,
        "SELECT b.hash,max(r.expiry_s),min(r.state),max(r.state) FROM blob b JOIN receiver r ON"
        " (r.blob=b.n OR r.head=b.n) WHERE b.state=3/*BLOB_GONE*/ GROUP BY b.n HAVING "
        "max(r.expiry_s)>?"
        " ORDER BY b.n DESC LIMIT ?",
        "ii", now_s - grace_s, (int64_t)MSGLIST_ENTRIES_MAX);
    while (db_row(q, &ok)) {
        l->removals = grow(l->removals, &l->removal_count, sizeof *l->removals);
        struct msglist_removal *r = &l->removals[l->removal_count - 1];
        int low = sqlite3_column_int(q, 2), high = sqlite3_column_int(q, 3);
        rc |= column_fixed(q, 0, r->hash, HASH_LEN);
        r->until = sqlite3_column_int64(q, 1);
        /* the states are those of enum rcv_state: taken back in one way or another, expired */
        bool cancelled = (low == 7 || low >= 11) && (high == 7 || high >= 11);
        r->reason = cancelled               ? REMOVAL_CANCELLED
                    : low == 8 && high == 8 ? REMOVAL_EXPIRED
                                            : REMOVAL_DONE;
    }
    return ok ? rc : -1;
}

static int read_held(struct db *db, struct msglist *l)
{
    bool ok = true;
    int rc = 0;
    sqlite3_stmt *q = db_query(db,
                               "SELECT owner,hash,size,chunks_hash,expiry_s FROM replica WHERE"
                               " state=2/*REPLICA_HELD*/ ORDER BY n LIMIT ?",
                               "i", (int64_t)MSGLIST_ENTRIES_MAX);
    while (db_row(q, &ok)) {
        l->held = grow(l->held, &l->held_count, sizeof *l->held);
        struct msglist_held *h = &l->held[l->held_count - 1];
        rc |= column_text(q, 0, h->owner, sizeof h->owner) |
              column_fixed(q, 1, h->ref.hash, HASH_LEN) |
              column_fixed(q, 3, h->ref.chunks_hash, HASH_LEN);
        h->ref.size = (uint64_t)sqlite3_column_int64(q, 2);
        h->expiry = sqlite3_column_int64(q, 4);
    }
    return ok ? rc : -1;
}

static int read_pending(struct db *db, int64_t now_s, struct msglist *l, struct buf *entries)
{
    bool ok = true;
    int rc = 0;
    sqlite3_stmt *q =
        db_query(db,
                 "SELECT b.hash,r.address,r.ns,r.lock,r.expiry_s,r.shard FROM receiver r JOIN blob "
                 "b ON b.n=r.blob"
                 " WHERE r.state IN (3/*RCV_SEALED*/,4/*RCV_ANNOUNCED*/) AND "
                 "b.state=2/*BLOB_PUBLISHED*/ AND r.expiry_s>? ORDER BY r.n LIMIT ?",
                 "ii", now_s, (int64_t)MSGLIST_ENTRIES_MAX);
    while (db_row(q, &ok)) {
        char address[ADDRESS_MAX + 1];
        struct bytes ns = {0};
        struct msglist_pending p = {.expiry = sqlite3_column_int64(q, 4)};
        rc |= column_fixed(q, 0, p.blob, HASH_LEN) | column_text(q, 1, address, sizeof address) |
              column_bytes(q, 2, &ns) | column_fixed(q, 3, p.lock, HASH_LEN);
        if (rc == 0 && ns.n > 0 && buf_append(entries, ns.p, ns.n) == 0) {
            dht_ns_key(p.key, address, (uint32_t)sqlite3_column_int64(q, 5));
            p.entry.n = ns.n;
            l->pending = grow(l->pending, &l->pending_count, sizeof *l->pending);
            l->pending[l->pending_count - 1] = p;
        }
        bytes_free(&ns);
    }
    size_t at = 0;
    for (size_t i = 0; i < l->pending_count; i++) {
        l->pending[i].entry.p = entries->data + at;
        at += l->pending[i].entry.n;
    }
    return ok ? rc : -1;
}

int msglist_read(struct db *db, int64_t now_s, int64_t grace_s, struct msglist *l,
                 struct buf *entries)
{
    *l = (struct msglist){0};
    if (read_blobs(db, now_s, l) == 0 && read_removals(db, now_s, grace_s, l) == 0 &&
        read_held(db, l) == 0 && read_pending(db, now_s, l, entries) == 0)
        return 0;
    msglist_free(l);
    return -1;
}
