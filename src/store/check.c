/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check.c - see check.h. The states are those of enum out_state, blob_state, rcv_state, in_state
 * and replica_state. */
#include "store/check.h"
#include "base/clock.h"
#include "store/column.h"
#include "store/db.h"
#include <string.h>

/* Somebody may still fetch b: one that is being taken back may be on its way out. */
#define WAITED                                                                                     \
    " EXISTS(SELECT 1 FROM receiver r WHERE r.state<5/*RCV_PULLED*/ AND (r.blob=b.n OR "           \
    "r.head=b.n))"

int check_database(struct db *db, struct error *e)
{
    char text[200] = "it cannot be read";
    sqlite3_stmt *q = db_query(db, "PRAGMA quick_check(1)", "");
    if (db_row(q, NULL)) {
        (void)column_text(q, 0, text, sizeof text);
        (void)sqlite3_reset(q);
    }
    return strcmp(text, "ok") == 0
               ? 0
               : error_set(
                     e,
                     "The database state.db is damaged (%.120s): put the home back from a backup.",
                     text);
}

void check_messages(struct db *db,
                    bool (*fn)(void *ctx, int64_t n, const uint8_t id[MESSAGE_ID_LEN]), void *ctx)
{
    bool more = true;
    sqlite3_stmt *q = db_query(db,
                               "SELECT n,id FROM message m WHERE state=1/*OUT_SUBMITTED*/ AND "
                               "(sent=1/*SENT_WAIT*/ OR EXISTS"
                               "(SELECT 1 FROM receiver r WHERE r.message=m.n AND r.state IN "
                               "(1/*RCV_WAITING*/,2/*RCV_READY*/)))"
                               " ORDER BY n",
                               "");
    while (more && db_row(q, NULL)) {
        uint8_t id[MESSAGE_ID_LEN];
        if (column_fixed(q, 1, id, sizeof id) == 0)
            more = fn(ctx, sqlite3_column_int64(q, 0), id);
    }
    (void)sqlite3_reset(q);
}

void check_blobs(struct db *db, bool (*fn)(void *ctx, const struct out_blob *b), void *ctx)
{
    bool more = true;
    sqlite3_stmt *q = db_query(db,
                               "SELECT n,hash,size,chunks,state FROM blob b WHERE state IN "
                               "(1/*BLOB_SEALED*/,2/*BLOB_PUBLISHED*/) AND" WAITED " ORDER BY n",
                               "");
    while (more && db_row(q, NULL)) {
        struct out_blob b = {.n = sqlite3_column_int64(q, 0),
                             .size = (uint64_t)sqlite3_column_int64(q, 2),
                             .state = (enum blob_state)sqlite3_column_int(q, 4)};
        if ((column_fixed(q, 1, b.hash, HASH_LEN) | column_bytes(q, 3, &b.chunks)) == 0)
            more = fn(ctx, &b);
        bytes_free(&b.chunks);
    }
    (void)sqlite3_reset(q);
}

void check_replicas(struct db *db, int64_t after_expiry_s,
                    bool (*fn)(void *ctx, const struct replica *r), void *ctx)
{
    bool more = true;
    sqlite3_stmt *q = db_query(
        db,
        "SELECT n,hash,size,owner FROM replica WHERE state=2/*REPLICA_HELD*/ AND expiry_s>?"
        " ORDER BY n",
        "i", after_expiry_s);
    while (more && db_row(q, NULL)) {
        struct replica r = {.n = sqlite3_column_int64(q, 0), .state = REPLICA_HELD};
        r.ref.size = (uint64_t)sqlite3_column_int64(q, 2);
        if ((column_fixed(q, 1, r.ref.hash, HASH_LEN) |
             column_text(q, 3, r.owner, sizeof r.owner)) == 0)
            more = fn(ctx, &r);
    }
    (void)sqlite3_reset(q);
}

void check_incoming(struct db *db,
                    bool (*fn)(void *ctx, int64_t n, const uint8_t nid[HASH_LEN], enum in_state s,
                               bool fresh),
                    void *ctx)
{
    bool more = true;
    sqlite3_stmt *q = db_query(db,
                               "SELECT n,nid,state,fresh FROM incoming WHERE state IN "
                               "(2/*IN_STUB*/,3/*IN_PULLED*/) ORDER BY n",
                               "");
    while (more && db_row(q, NULL)) {
        uint8_t nid[HASH_LEN];
        if (column_fixed(q, 1, nid, sizeof nid) == 0)
            more = fn(ctx, sqlite3_column_int64(q, 0), nid, (enum in_state)sqlite3_column_int(q, 2),
                      sqlite3_column_int(q, 3) != 0);
    }
    (void)sqlite3_reset(q);
}

static void numbers(sqlite3_stmt *q, bool (*fn)(void *ctx, int64_t n), void *ctx)
{
    bool more = true;
    while (more && db_row(q, NULL))
        more = fn(ctx, sqlite3_column_int64(q, 0));
    (void)sqlite3_reset(q);
}

void check_posted(struct db *db, int64_t now_s, bool (*fn)(void *ctx, int64_t n), void *ctx)
{
    numbers(db_query(db,
                     "SELECT n FROM receiver WHERE expiry_s>? AND ns IS NOT NULL AND "
                     "(state=4/*RCV_ANNOUNCED*/ OR"
                     " (state>4/*RCV_ANNOUNCED*/ AND clean=2/*CLEAN_DONE*/)) ORDER BY n",
                     "i", now_s),
            fn, ctx);
}

void check_answered(struct db *db, int64_t now_s, bool (*fn)(void *ctx, int64_t n), void *ctx)
{
    numbers(db_query(db,
                     "SELECT n FROM incoming WHERE outcome IS NOT NULL AND (state=5/*IN_ANSWERED*/ "
                     "OR (state=6/*IN_SETTLED*/ AND"
                     " expiry_s>?)) ORDER BY n",
                     "i", now_s),
            fn, ctx);
}

int check_answer_again(struct db *db, int64_t incoming)
{
    return db_run(db,
                  "UPDATE incoming SET state=4/*IN_ANSWER*/,due_ms=0,tries=0 WHERE n=? AND state "
                  "IN (5/*IN_ANSWERED*/,6/*IN_SETTLED*/)",
                  "i", incoming);
}

bool out_known(struct db *db, const uint8_t id[MESSAGE_ID_LEN])
{
    return db_int(db, 0, "SELECT 1 FROM message WHERE id=?", "b", id, (size_t)MESSAGE_ID_LEN) == 1;
}

int check_spool_lost(struct db *db, int64_t message, const char *why)
{
    if (db_exec(db,
                "UPDATE receiver SET state=9/*RCV_FAILED*/,why=?,changed_ms=?,due_ms=0,tries=0 "
                "WHERE message=? AND"
                " state IN (1/*RCV_WAITING*/,2/*RCV_READY*/)",
                "tii", why, clock_wall_ms(), message) < 0 ||
        db_exec(db, "UPDATE message SET sent=2/*SENT_OURS*/ WHERE n=? AND sent=1/*SENT_WAIT*/", "i",
                message) < 0)
        return -1;
    return 0;
}

int check_blob_missing(struct db *db, int64_t blob)
{
    return db_run(db,
                  "UPDATE blob SET state=4/*BLOB_MISSING*/,due_ms=0,tries=0 WHERE n=? AND state IN "
                  "(1/*BLOB_SEALED*/,2/*BLOB_PUBLISHED*/)",
                  "i", blob);
}

int check_blob_lost(struct db *db, int64_t blob, const char *why)
{
    return db_run(
        db,
        "UPDATE receiver SET "
        "state=9/*RCV_FAILED*/,clean=1/*CLEAN_DUE*/,why=?,changed_ms=?,due_ms=0,tries=0 WHERE"
        " (blob=?3 OR head=?3) AND state IN (3/*RCV_SEALED*/,4/*RCV_ANNOUNCED*/)",
        "tii", why, clock_wall_ms(), blob);
}

int check_replica_again(struct db *db, int64_t replica)
{
    return db_run(db,
                  "UPDATE replica SET state=1/*REPLICA_WANTED*/,due_ms=0,tries=0 WHERE n=? AND "
                  "state=2/*REPLICA_HELD*/",
                  "i", replica);
}

int check_stub_again(struct db *db, int64_t incoming)
{
    return db_run(db,
                  "UPDATE incoming SET state=1/*IN_NOTICED*/,due_ms=0,tries=0,gone_ms=NULL WHERE "
                  "n=? AND state=2/*IN_STUB*/",
                  "i", incoming);
}

int check_pull_again(struct db *db, int64_t incoming, bool stub)
{
    return db_run(db,
                  "UPDATE incoming SET state=?,outcome=NULL,wanted=1,due_ms=0,tries=0,gone_ms=NULL"
                  " WHERE n=? AND state=3/*IN_PULLED*/",
                  "ii", (int64_t)(stub ? IN_STUB : IN_NOTICED), incoming);
}

/* ---- rows older than the world */

int adopt(struct db *db, const char *own, const struct blob_ref *ref, int64_t expiry_s,
          enum replica_state state)
{
    return db_exec(db,
                   "INSERT INTO replica(owner,hash,size,chunks_hash,expiry_s,state,due_ms) SELECT"
                   " ?1,?2,?3,?4,?5,?6,0 WHERE NOT EXISTS(SELECT 1 FROM blob WHERE hash=?2) ON"
                   " CONFLICT(owner,hash) DO NOTHING",
                   "tbibii", own, ref->hash, (size_t)HASH_LEN, (int64_t)ref->size, ref->chunks_hash,
                   (size_t)HASH_LEN, expiry_s, (int64_t)state);
}

struct adopting {
    struct db *db;
    const char *own;
    uint64_t sum, quota;
    int count;
};

static bool adopt_one(void *ctx, const char *member, const struct msglist_blob *b)
{
    struct adopting *a = ctx;
    if (!record_life_ok(b->expiry, clock_wall_ms() / 1000, NS_LIFE_MAX) || b->ref.size > a->quota ||
        a->sum > a->quota - b->ref.size)
        return true;
    int made = adopt(a->db, a->own, &b->ref, b->expiry, REPLICA_WANTED);
    if (made < 0) {
        a->count = -1;
        return false;
    }
    a->sum += made > 0 ? b->ref.size : 0;
    a->count += made;
    return true;
}

int adopt_held(struct db *db, const char *own, uint64_t quota)
{
    struct adopting a = {.db = db, .own = own, .quota = quota};
    a.sum = (uint64_t)db_int(db, 0, "SELECT sum(size) FROM replica WHERE owner=?", "t", own);
    holders_list(db, adopt_one, &a);
    return a.count;
}

bool restored_since(struct db *db, int64_t ms)
{
    int64_t at = 0;
    return meta_get(db, "restored_ms", &at, sizeof at) == 0 && at >= ms;
}

bool restored_untried(struct db *db, const char *own)
{
    return db_int(
               db, 0,
               "SELECT (SELECT count(*) FROM replica WHERE owner=? AND state=1/*REPLICA_WANTED*/ "
               "AND tries=0)+"
               "(SELECT count(*) FROM blob b WHERE state=4/*BLOB_MISSING*/ AND tries=0 AND" WAITED
               ")",
               "t", own) > 0;
}
