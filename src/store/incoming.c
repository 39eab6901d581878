/* SPDX-License-Identifier: GPL-3.0-or-later */
/* incoming.c - the receiver's rows; see incoming.h. */
#include "store/incoming.h"
#include "base/clock.h"
#include "store/column.h"
#include "store/db.h"
#include <string.h>

const char *in_state_name(enum in_state s)
{
    static const char *const name[] = {"?",        "noticed",  "stub",    "pulled",     "pulled",
                                       "answered", "answered", "expired", "quarantined"};
    return (size_t)s < sizeof name / sizeof *name ? name[s] : "?";
}

const char *in_trust_name(enum in_trust t)
{
    static const char *const name[] = {"unknown", "seen", "vouched", "verified"};
    return (size_t)t < sizeof name / sizeof *name ? name[t] : "?";
}

void incoming_free(struct incoming *in)
{
    struct bytes *const all[] = {&in->pubkey,  &in->pkesk, &in->head,  &in->head_pkesk, &in->from,
                                 &in->subject, &in->date,  &in->trace, &in->why};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        bytes_free(all[i]);
    wipe(in->p, sizeof in->p);
}

bool looked_has(struct db *db, const uint8_t id[ENTRY_ID_LEN])
{
    return db_int(db, 0, "SELECT 1 FROM looked WHERE id=? AND until_s>?", "bi", id,
                  (size_t)ENTRY_ID_LEN, clock_wall_ms() / 1000) == 1;
}

int looked_add(struct db *db, const uint8_t id[ENTRY_ID_LEN], int64_t until_s)
{
    return db_run(db, "INSERT OR REPLACE INTO looked(id,until_s) VALUES(?,?)", "bi", id,
                  (size_t)ENTRY_ID_LEN, until_s);
}

static int set_head_blob(struct db *db, int64_t n, const struct incoming *in)
{
    return db_exec(db,
                   "UPDATE incoming SET head_skp=?,head_hash=?,head_size=?,head_chunks_hash=?"
                   " WHERE n=?",
                   "bbibi", in->head_pkesk.p, in->head_pkesk.n, in->head_blob.hash,
                   (size_t)HASH_LEN, (int64_t)in->head_blob.size, in->head_blob.chunks_hash,
                   (size_t)HASH_LEN, n) < 0
               ? -1
               : 1;
}

int in_add(struct db *db, const struct incoming *in)
{
    if (db_exec(db, "INSERT OR IGNORE INTO signer(fpr,pubkey) VALUES(?,?)", "bb", in->fpr,
                (size_t)FPR_LEN, in->pubkey.p, in->pubkey.n) < 0)
        return -1;
    int changed = db_exec(
        db,
        "INSERT OR IGNORE INTO incoming(nid,state,sender,fpr,pubkey,trust,place,ns_key,ns_hash,p,"
        "skp,hash,blob_size,chunks_hash,m_hash,m_size,head,from_text,subject,date,expiry_s,"
        "arrived_ms,changed_ms,due_ms,why) "
        "VALUES(?,?,?,?,CASE WHEN EXISTS(SELECT 1 FROM signer WHERE fpr=?4 AND pubkey=?5) THEN x''"
        " ELSE ?5 END,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,0,?)",
        "bitbbiitbbbbibbibbbbiiib", in->nid, (size_t)HASH_LEN, (int64_t)in->state, in->sender,
        in->fpr, (size_t)FPR_LEN, in->pubkey.p, in->pubkey.n, (int64_t)in->trust,
        (int64_t)in->place, in->ns_key, in->ns_hash, (size_t)HASH_LEN, in->p, (size_t)SECRET_LEN,
        in->pkesk.p, in->pkesk.n, in->blob.hash, (size_t)HASH_LEN, (int64_t)in->blob.size,
        in->blob.chunks_hash, (size_t)HASH_LEN, in->m_hash, (size_t)HASH_LEN, (int64_t)in->m_size,
        in->head.p, in->head.n, in->from.p, in->from.n, in->subject.p, in->subject.n, in->date.p,
        in->date.n, in->expiry_s, in->arrived_ms, in->arrived_ms, in->why.p, in->why.n);
    if (changed <= 0)
        return changed;
    int64_t n = db_last_id(db);
    if (in->has_master && db_exec(db, "UPDATE incoming SET master_fpr=? WHERE n=?", "bi",
                                  in->master_fpr, (size_t)FPR_LEN, n) < 0)
        return -1;
    return in->head_pkesk.p == NULL ? 1 : set_head_blob(db, n, in);
}

int in_again(struct db *db, const struct incoming *in, int64_t now_ms)
{
    int64_t n =
        db_int(db, 0, "SELECT n FROM incoming WHERE nid=? AND fpr=? AND m_hash=?", "bbb", in->nid,
               (size_t)HASH_LEN, in->fpr, (size_t)FPR_LEN, in->m_hash, (size_t)HASH_LEN);
    if (n == 0)
        return 0;
    if (db_int(db, 0, "SELECT 1 FROM incoming WHERE n=? AND p=?", "ib", n, in->p,
               (size_t)SECRET_LEN) == 1)
        return db_exec(
            db,
            "UPDATE incoming SET state=4/*IN_ANSWER*/,due_ms=0,tries=0,changed_ms=?1 WHERE n=?2 AND"
            " state IN (5/*IN_ANSWERED*/,6/*IN_SETTLED*/) AND outcome IS NOT NULL AND "
            "changed_ms<?1-3600000",
            "ii", now_ms, n);
    int changed = db_exec(
        db,
        "UPDATE incoming SET ns_key=?,ns_hash=?,p=?,skp=?,hash=?,blob_size=?,chunks_hash=?,"
        "expiry_s=?,changed_ms=?,due_ms=0,tries=0,head_skp=NULL,head_hash=NULL,head_size=NULL,"
        "head_chunks_hash=NULL,state=CASE WHEN state IN (5/*IN_ANSWERED*/,6/*IN_SETTLED*/) THEN "
        "4/*IN_ANSWER*/ ELSE state END"
        " WHERE n=? AND (state IN (1/*IN_NOTICED*/,2/*IN_STUB*/) OR (state IN "
        "(3/*IN_PULLED*/,4/*IN_ANSWER*/,5/*IN_ANSWERED*/,6/*IN_SETTLED*/) AND outcome IS NOT "
        "NULL))",
        "tbbbbibiii", in->ns_key, in->ns_hash, (size_t)HASH_LEN, in->p, (size_t)SECRET_LEN,
        in->pkesk.p, in->pkesk.n, in->blob.hash, (size_t)HASH_LEN, (int64_t)in->blob.size,
        in->blob.chunks_hash, (size_t)HASH_LEN, in->expiry_s, now_ms, n);
    if (changed <= 0)
        return changed;
    if (in->head_pkesk.p != NULL)
        return set_head_blob(db, n, in);
    return in->head.p == NULL ? 1
           : db_exec(db, "UPDATE incoming SET head=? WHERE n=? AND state=1/*IN_NOTICED*/", "bi",
                     in->head.p, in->head.n, n) < 0
               ? -1
               : 1;
}

static int read_head_blob(sqlite3_stmt *q, struct incoming *in)
{
    if (sqlite3_column_type(q, 18) == SQLITE_NULL)
        return 0;
    in->head_blob.size = (uint64_t)sqlite3_column_int64(q, 20);
    return column_bytes(q, 18, &in->head_pkesk) |
           column_fixed(q, 19, in->head_blob.hash, HASH_LEN) |
           column_fixed(q, 21, in->head_blob.chunks_hash, HASH_LEN);
}

int in_get(struct db *db, int64_t n, struct incoming *in)
{
    *in = (struct incoming){0};
    sqlite3_stmt *q = db_query(
        db,
        "SELECT n,nid,state,sender,fpr," IN_PUBKEY ",trust,place,ns_key,ns_hash,p,skp,hash,"
        "blob_size,"
        "chunks_hash,m_hash,m_size,head,head_skp,head_hash,head_size,head_chunks_hash,from_text,"
        "subject,date,trace,expiry_s,arrived_ms,file,wanted,outcome,changed_ms,gone_ms,tries,why,"
        "fresh,master_fpr,lapsed"
        " FROM incoming WHERE n=?",
        "i", n);
    if (!db_row(q, NULL))
        return -1;
    in->n = n;
    in->state = (enum in_state)sqlite3_column_int(q, 2);
    in->trust = (enum in_trust)sqlite3_column_int(q, 6);
    in->place = (enum in_place)sqlite3_column_int(q, 7);
    in->blob.size = (uint64_t)sqlite3_column_int64(q, 13);
    in->m_size = (uint64_t)sqlite3_column_int64(q, 16);
    int rc =
        column_fixed(q, 1, in->nid, HASH_LEN) | column_text(q, 3, in->sender, sizeof in->sender) |
        column_fixed(q, 4, in->fpr, FPR_LEN) | column_bytes(q, 5, &in->pubkey) |
        column_text(q, 8, in->ns_key, sizeof in->ns_key) |
        column_fixed(q, 9, in->ns_hash, HASH_LEN) | column_fixed(q, 10, in->p, SECRET_LEN) |
        column_bytes(q, 11, &in->pkesk) | column_fixed(q, 12, in->blob.hash, HASH_LEN) |
        column_fixed(q, 14, in->blob.chunks_hash, HASH_LEN) |
        column_fixed(q, 15, in->m_hash, HASH_LEN) | column_bytes(q, 17, &in->head) |
        read_head_blob(q, in) | column_bytes(q, 22, &in->from) | column_bytes(q, 23, &in->subject) |
        column_bytes(q, 24, &in->date) | column_bytes(q, 25, &in->trace) |
        column_text(q, 28, in->file, sizeof in->file) | column_bytes(q, 34, &in->why);
    in->expiry_s = sqlite3_column_int64(q, 26);
    in->arrived_ms = sqlite3_column_int64(q, 27);
    in->wanted = sqlite3_column_int(q, 29) != 0;
    in->outcome = sqlite3_column_int(q, 30);
    in->changed_ms = sqlite3_column_int64(q, 31);
    in->gone_ms = sqlite3_column_int64(q, 32);
    in->tries = sqlite3_column_int64(q, 33);
    in->fresh = sqlite3_column_int(q, 35) != 0;
    in->has_master = column_fixed(q, 36, in->master_fpr, FPR_LEN) == 0;
    in->expiry_noticed = sqlite3_column_int(q, 37) != 0;
    (void)sqlite3_reset(q);
    if (rc != 0)
        incoming_free(in);
    return rc != 0 ? -1 : 0;
}

int64_t in_find(struct db *db, const uint8_t nid[HASH_LEN])
{
    return db_int(db, 0, "SELECT n FROM incoming WHERE nid=?", "b", nid, (size_t)HASH_LEN);
}

int64_t in_find_prefix(struct db *db, const char *hex)
{
    int64_t found = 0;
    sqlite3_stmt *q = db_query(
        db, "SELECT n FROM incoming WHERE substr(lower(hex(nid)),1,length(?1))=lower(?1) LIMIT 2",
        "t", hex);
    while (db_row(q, NULL))
        found = found == 0 ? sqlite3_column_int64(q, 0) : -1;
    return found;
}

int in_set_head(struct db *db, int64_t n, const void *head, size_t len)
{
    return db_run(db, "UPDATE incoming SET head=?,due_ms=0,tries=0 WHERE n=?", "bi", head, len, n);
}

static int move(struct db *db, int64_t n, enum in_state from, enum in_state to, int64_t due_ms)
{
    return db_run(db,
                  "UPDATE incoming SET state=?,due_ms=?,tries=0,changed_ms=? WHERE n=? AND state=?",
                  "iiiii", (int64_t)to, due_ms, clock_wall_ms(), n, (int64_t)from);
}

int in_set_stub(struct db *db, int64_t n, const char *file, const struct bytes *trace,
                enum in_place place)
{
    if (db_exec(db,
                "UPDATE incoming SET file=?,trace=?,place=? WHERE n=? AND state=1/*IN_NOTICED*/",
                "tbii", file, trace->p, trace->n, (int64_t)place, n) < 0)
        return -1;
    return move(db, n, IN_NOTICED, IN_STUB, 0);
}

int in_set_fresh(struct db *db, int64_t n)
{
    return db_run(db, "UPDATE incoming SET fresh=1 WHERE n=?", "i", n);
}

int in_set_wanted(struct db *db, int64_t n, bool wanted)
{
    return db_run(db,
                  "UPDATE incoming SET wanted=?,due_ms=0,tries=0 WHERE n=? AND state<=2/*IN_STUB*/",
                  "ii", (int64_t)wanted, n);
}

int in_decide(struct db *db, int64_t n, enum outcome o)
{
    /* the header is needed until the stub is filled; what is over keeps only what a late look needs
     */
    return db_exec(
        db,
        "UPDATE incoming SET outcome=?1,state=?2,wanted=0,due_ms=0,tries=0,why=NULL,"
        "changed_ms=?3 WHERE n=?4 AND outcome IS NULL AND state IN (1/*IN_NOTICED*/,2/*IN_STUB*/)",
        "iiii", (int64_t)o, (int64_t)(o == OUTCOME_PULLED ? IN_PULLED : IN_ANSWER), clock_wall_ms(),
        n);
}

int in_set_answer(struct db *db, int64_t n)
{
    return move(db, n, IN_PULLED, IN_ANSWER, 0);
}

int in_set_answered(struct db *db, int64_t n, int64_t next_ms)
{
    if (db_exec(db, "UPDATE incoming SET head=NULL WHERE n=?", "i", n) < 0 ||
        move(db, n, IN_ANSWER, IN_ANSWERED, next_ms) < 0)
        return -1;
    return db_run(db, "UPDATE incoming SET due_ms=? WHERE n=? AND state=5/*IN_ANSWERED*/", "ii",
                  next_ms, n);
}

int in_set_settled(struct db *db, int64_t n)
{
    return move(db, n, IN_ANSWERED, IN_SETTLED, 0);
}

int in_set_pushed(struct db *db, int64_t n, const uint8_t p[SECRET_LEN],
                  const uint8_t ns_id[ENTRY_ID_LEN], int64_t again_s)
{
    int changed = db_exec(
        db,
        "UPDATE incoming SET state=?,head=NULL,due_ms=0,tries=0,why=NULL,changed_ms=? WHERE n=? AND"
        " state=? AND p=?",
        "iiiib", (int64_t)IN_SETTLED, clock_wall_ms(), n, (int64_t)IN_ANSWER, p,
        (size_t)SECRET_LEN);
    if (changed == 1 && db_exec(db, "UPDATE looked SET until_s=min(until_s,?) WHERE id=?", "ib",
                                again_s, ns_id, (size_t)ENTRY_ID_LEN) < 0)
        return -1;
    return changed;
}

int in_set_expired(struct db *db, int64_t n)
{
    return db_exec(
        db,
        "UPDATE incoming SET state=?,wanted=0,due_ms=0,tries=0,changed_ms=? WHERE n=? AND"
        " state IN (1/*IN_NOTICED*/,2/*IN_STUB*/)",
        "iii", (int64_t)IN_EXPIRED, clock_wall_ms(), n);
}

int in_set_expiry_noticed(struct db *db, int64_t n)
{
    return db_run(db, "UPDATE incoming SET lapsed=1,head=NULL WHERE n=? AND state=7/*IN_EXPIRED*/",
                  "i", n);
}

int in_set_prefetch(struct db *db, int64_t n)
{
    return db_run(
        db,
        "UPDATE incoming SET hastened=1,wanted=1,due_ms=0,tries=0 WHERE n=? AND state=2/*IN_STUB*/",
        "i", n);
}

int in_set_gone(struct db *db, int64_t n, int64_t gone_ms)
{
    return db_run(db, "UPDATE incoming SET gone_ms=NULLIF(?1,0),person=person AND ?1<>0 WHERE n=?2",
                  "ii", gone_ms, n);
}

int in_set_person(struct db *db, const uint8_t nid[HASH_LEN])
{
    return db_run(db, "UPDATE incoming SET person=1 WHERE nid=? AND state=2/*IN_STUB*/", "b", nid,
                  (size_t)HASH_LEN);
}

int64_t in_held(struct db *db, int64_t n_max)
{
    return db_int(db, 0,
                  "SELECT count(*) FROM incoming WHERE state=2/*IN_STUB*/ AND gone_ms IS NOT NULL "
                  "AND person=0"
                  " AND n<=?",
                  "i", n_max);
}

int in_set_person_gone(struct db *db, int64_t n_max)
{
    return db_exec(
        db,
        "UPDATE incoming SET person=1 WHERE state=2/*IN_STUB*/ AND gone_ms IS NOT NULL AND n<=?",
        "i", n_max);
}
