/* SPDX-License-Identifier: GPL-3.0-or-later */
/* replicas.c - see replicas.h. */
#include "store/replicas.h"
#include "base/clock.h"
#include "store/column.h"
#include "store/db.h"
#include "store/hold.h"
#include <stdlib.h>
#include <string.h>

/* ---- rows */

static int column_ref(sqlite3_stmt *q, int i, struct blob_ref *b)
{
    b->size = (uint64_t)sqlite3_column_int64(q, i + 1);
    return column_fixed(q, i, b->hash, HASH_LEN) | column_fixed(q, i + 2, b->chunks_hash, HASH_LEN);
}

int replica_get(struct db *db, int64_t n, struct replica *r)
{
    *r = (struct replica){.n = n};
    sqlite3_stmt *q = db_query(
        db, "SELECT owner,hash,size,chunks_hash,expiry_s,tries,state FROM replica WHERE n=?", "i",
        n);
    if (!db_row(q, NULL))
        return -1;
    int rc = column_text(q, 0, r->owner, sizeof r->owner) | column_ref(q, 1, &r->ref);
    r->expiry_s = sqlite3_column_int64(q, 4);
    r->tries = sqlite3_column_int64(q, 5);
    r->state = (enum replica_state)sqlite3_column_int(q, 6);
    (void)sqlite3_reset(q);
    return rc == 0 ? 0 : -1;
}

int replica_set_held(struct db *db, int64_t n)
{
    return db_run(db,
                  "UPDATE replica SET state=2/*REPLICA_HELD*/,due_ms=0,tries=0 WHERE n=? AND "
                  "state=1/*REPLICA_WANTED*/",
                  "i", n);
}

int replica_set_drop(struct db *db, int64_t n)
{
    return db_run(db, "UPDATE replica SET state=4/*REPLICA_DROP*/,due_ms=0,tries=0 WHERE n=?", "i",
                  n);
}

int replica_delete(struct db *db, int64_t n)
{
    return db_run(db, "DELETE FROM replica WHERE n=?", "i", n);
}

int replica_dropped(struct db *db, const struct replica *r, const char *own, uint64_t quota,
                    int64_t now_ms)
{
    struct replica_news news = {0};
    if (r->state != REPLICA_LET_GO || r->expiry_s <= now_ms / 1000)
        return replica_delete(db, r->n);
    return db_exec(db,
                   "UPDATE replica SET state=5/*REPLICA_UNWANTED*/,due_ms=0,tries=0 WHERE n=? AND "
                   "state=6/*REPLICA_LET_GO*/",
                   "i", r->n) < 0
               ? -1
               : hold_apply(db, r->owner, own, quota, &news); /* the rule may be another by now */
}

bool replica_needed(struct db *db, const uint8_t hash[HASH_LEN])
{
    return db_int(db, 0,
                  "SELECT 1 FROM replica WHERE hash=? AND state IN "
                  "(1/*REPLICA_WANTED*/,2/*REPLICA_HELD*/)",
                  "b", hash, (size_t)HASH_LEN) != 0;
}

bool replica_is_held(struct db *db, const uint8_t hash[HASH_LEN])
{
    return db_int(db, 0, "SELECT 1 FROM replica WHERE hash=? AND state=2/*REPLICA_HELD*/", "b",
                  hash, (size_t)HASH_LEN) != 0;
}

bool replica_needed_beside(struct db *db, int64_t n, const uint8_t hash[HASH_LEN])
{
    return db_int(db, 0,
                  "SELECT 1 FROM replica WHERE hash=? AND state IN "
                  "(1/*REPLICA_WANTED*/,2/*REPLICA_HELD*/) AND n<>?",
                  "bi", hash, (size_t)HASH_LEN, n) != 0;
}

int replica_ns_get(struct db *db, int64_t n, struct replica_ns *r)
{
    *r = (struct replica_ns){.n = n};
    sqlite3_stmt *q = db_query(db, "SELECT key,ns,lock,expiry_s FROM replica_ns WHERE n=?", "i", n);
    if (!db_row(q, NULL))
        return -1;
    int rc = column_text(q, 0, r->key, sizeof r->key) | column_bytes(q, 1, &r->entry) |
             column_fixed(q, 2, r->lock, HASH_LEN);
    r->expiry_s = sqlite3_column_int64(q, 3);
    (void)sqlite3_reset(q);
    if (rc != 0)
        replica_ns_free(r);
    return rc == 0 ? 0 : -1;
}

void replica_ns_free(struct replica_ns *r)
{
    bytes_free(&r->entry);
}

int replica_ns_delete(struct db *db, int64_t n)
{
    return db_run(db, "DELETE FROM replica_ns WHERE n=?", "i", n);
}

int replica_ns_delay(struct db *db, int64_t n, int64_t due_ms)
{
    return db_run(db, "UPDATE replica_ns SET due_ms=min(?,expiry_s*1000),tries=0 WHERE n=?", "ii",
                  due_ms, n);
}

/* ---- a list that came */

static bool life_ok(int64_t expiry_s, int64_t now_ms)
{
    return record_life_ok(expiry_s, now_ms / 1000, NS_LIFE_MAX);
}

static int add_blobs(struct db *db, const struct msglist *l, int64_t now_ms)
{
    for (size_t i = 0; i < l->blob_count; i++) {
        const struct msglist_blob *b = &l->blobs[i];
        if (life_ok(b->expiry, now_ms) &&
            db_exec(db,
                    "INSERT INTO replica(owner,hash,size,chunks_hash,expiry_s,state,due_ms)"
                    " VALUES(?,?,?,?,?,1/*REPLICA_WANTED*/,0) ON CONFLICT(owner,hash) DO UPDATE SET"
                    " expiry_s=max(expiry_s,excluded.expiry_s)",
                    "tbibi", l->owner, b->ref.hash, (size_t)HASH_LEN, (int64_t)b->ref.size,
                    b->ref.chunks_hash, (size_t)HASH_LEN, b->expiry) < 0)
            return -1;
    }
    return 0;
}

static int add_removals(struct db *db, const struct msglist *l, struct replica_news *news)
{
    for (size_t i = 0; i < l->removal_count; i++) {
        const struct msglist_removal *r = &l->removals[i];
        int changed =
            db_exec(db,
                    "UPDATE replica SET state=4/*REPLICA_DROP*/,due_ms=0,tries=0 WHERE owner=? AND"
                    " hash=? AND state<>4/*REPLICA_DROP*/",
                    "tb", l->owner, r->hash, (size_t)HASH_LEN);
        if (changed < 0 || db_exec(db, "DELETE FROM replica_ns WHERE owner=? AND blob=?", "tb",
                                   l->owner, r->hash, (size_t)HASH_LEN) < 0)
            return -1;
        news->removed += (unsigned)changed;
    }
    return 0;
}

static int replica_add_pending(struct db *db, const struct msglist *l, int64_t now_ms,
                               int64_t due_ms)
{
    int64_t room = MSGLIST_ENTRIES_MAX -
                   db_int(db, 0, "SELECT count(*) FROM replica_ns WHERE owner=?", "t", l->owner);
    for (size_t i = 0; i < l->pending_count && room > 0; i++) {
        const struct msglist_pending *p = &l->pending[i];
        if (!life_ok(p->expiry, now_ms))
            continue;
        int changed = db_exec(db,
                              "INSERT OR IGNORE INTO replica_ns(owner,blob,key,ns,lock,expiry_s,"
                              "due_ms) VALUES(?1,?2,?3,?4,?5,?6,min(?7,?6*1000))",
                              "tbtbbii", l->owner, p->blob, (size_t)HASH_LEN, p->key, p->entry.p,
                              p->entry.n, p->lock, (size_t)HASH_LEN, p->expiry, due_ms);
        if (changed < 0)
            return -1;
        room -= changed;
    }
    return 0;
}

static int add_held(struct db *db, const struct msglist *l, const char *own)
{
    if (db_exec(db, "DELETE FROM holding WHERE member=?", "t", l->owner) < 0)
        return -1;
    for (size_t i = 0; i < l->held_count; i++) {
        const struct msglist_held *h = &l->held[i];
        if (strcmp(h->owner, own) == 0 &&
            db_exec(db,
                    "INSERT OR IGNORE INTO holding(hash,member,size,chunks_hash,expiry_s)"
                    " VALUES(?,?,?,?,?)",
                    "btibi", h->ref.hash, (size_t)HASH_LEN, l->owner, (int64_t)h->ref.size,
                    h->ref.chunks_hash, (size_t)HASH_LEN, h->expiry) < 0)
            return -1;
    }
    return 0;
}

int replica_apply(struct db *db, const struct msglist *l, uint64_t quota, const char *own,
                  int64_t now_ms, int64_t ns_due_ms, struct replica_news *news)
{
    *news = (struct replica_news){0};
    int64_t last = db_int(db, -1, "SELECT counter FROM fellow_list WHERE owner=?", "t", l->owner);
    if ((int64_t)l->counter <= last) {
        news->old = true;
        return 0;
    }
    if (db_exec(db, "INSERT OR REPLACE INTO fellow_list(owner,counter) VALUES(?,?)", "ti", l->owner,
                (int64_t)l->counter) < 0 ||
        add_blobs(db, l, now_ms) < 0 || add_removals(db, l, news) < 0 ||
        replica_add_pending(db, l, now_ms, ns_due_ms) < 0 || add_held(db, l, own) < 0)
        return -1;
    return hold_apply(db, l->owner, own, quota, news);
}

/* ---- what members hold for us */

unsigned holders_count(struct db *db, const uint8_t hash[HASH_LEN])
{
    return (unsigned)db_int(db, 0, "SELECT count(*) FROM holding WHERE hash=?", "b", hash,
                            (size_t)HASH_LEN);
}

void holders_list(struct db *db,
                  bool (*fn)(void *ctx, const char *member, const struct msglist_blob *b),
                  void *ctx)
{
    bool more = true;
    sqlite3_stmt *q = db_query(
        db, "SELECT hash,size,chunks_hash,expiry_s,member FROM holding ORDER BY hash,member", "");
    while (more && db_row(q, NULL)) {
        struct msglist_blob b;
        char member[ADDRESS_MAX + 1];
        b.expiry = sqlite3_column_int64(q, 3);
        if ((column_ref(q, 0, &b.ref) | column_text(q, 4, member, sizeof member)) == 0)
            more = fn(ctx, member, &b);
    }
    if (!more)
        (void)sqlite3_reset(q);
}
