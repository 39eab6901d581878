/* SPDX-License-Identifier: GPL-3.0-or-later */
/* incoming_list.c - what a person sees of the receiver's side. */
#include "base/clock.h"
#include "store/column.h"
#include "store/db.h"
#include "store/incoming.h"
#include <string.h>

void in_count(struct db *db, struct in_counts *c)
{
    c->stubs = db_int(db, 0, "SELECT count(*) FROM incoming WHERE state=2/*IN_STUB*/", "");
    c->wanted =
        db_int(db, 0, "SELECT count(*) FROM incoming WHERE wanted=1 AND state=2/*IN_STUB*/", "");
    c->receipts_pending = db_int(
        db, 0, "SELECT count(*) FROM incoming WHERE state IN (4/*IN_ANSWER*/,5/*IN_ANSWERED*/)",
        "");
    c->work = c->wanted + c->receipts_pending +
              db_int(db, 0,
                     "SELECT count(*) FROM incoming WHERE state IN "
                     "(1/*IN_NOTICED*/,3/*IN_PULLED*/) OR (state=7/*IN_EXPIRED*/ AND"
                     " lapsed=0)",
                     "");
}

void in_list(struct db *db, enum in_state state, bool (*fn)(void *ctx, const struct incoming *in),
             void *ctx)
{
    sqlite3_stmt *q = db_query(
        db,
        "SELECT n,nid,state,sender,m_size,from_text,subject,date,arrived_ms,outcome,"
        "changed_ms,why,wanted,expiry_s FROM incoming WHERE ?1=0 OR state=?1 ORDER BY n DESC",
        "i", (int64_t)state);
    while (db_row(q, NULL)) {
        struct incoming in = {.n = sqlite3_column_int64(q, 0)};
        in.state = (enum in_state)sqlite3_column_int(q, 2);
        in.m_size = (uint64_t)sqlite3_column_int64(q, 4);
        in.arrived_ms = sqlite3_column_int64(q, 8);
        in.outcome = sqlite3_column_int(q, 9);
        in.changed_ms = sqlite3_column_int64(q, 10);
        in.wanted = sqlite3_column_int(q, 12) != 0;
        in.expiry_s = sqlite3_column_int64(q, 13);
        int rc = column_fixed(q, 1, in.nid, HASH_LEN) |
                 column_text(q, 3, in.sender, sizeof in.sender) | column_bytes(q, 5, &in.from) |
                 column_bytes(q, 6, &in.subject) | column_bytes(q, 7, &in.date) |
                 column_bytes(q, 11, &in.why);
        bool more = rc != 0 || fn(ctx, &in);
        incoming_free(&in);
        if (!more) {
            (void)sqlite3_reset(q);
            return;
        }
    }
}

size_t in_stubs(struct db *db, int64_t after_n, int64_t *n_r, uint8_t (*nid_r)[HASH_LEN],
                int64_t *gone_r, bool *person_r, size_t max)
{
    size_t n = 0;
    sqlite3_stmt *q = db_query(db,
                               "SELECT n,nid,gone_ms,person FROM incoming WHERE state=2/*IN_STUB*/ "
                               "AND n>? ORDER BY n LIMIT"
                               " ?",
                               "ii", after_n, (int64_t)max);
    while (db_row(q, NULL)) {
        n_r[n] = sqlite3_column_int64(q, 0);
        gone_r[n] = sqlite3_column_int64(q, 2);
        if (person_r != NULL)
            person_r[n] = sqlite3_column_int(q, 3) != 0;
        if (column_fixed(q, 1, nid_r[n], HASH_LEN) == 0)
            n++;
    }
    return n;
}

int in_forget(struct db *db, int64_t now_ms)
{
    int64_t before_s = now_ms / 1000 - 30 * 86400;
    if (db_exec(db, "DELETE FROM cancelled WHERE until_s<?", "i", now_ms / 1000) < 0 ||
        db_exec(db, "DELETE FROM looked WHERE until_s<?", "i", now_ms / 1000) < 0)
        return -1;
    int gone = db_exec(db,
                       "DELETE FROM incoming WHERE state IN "
                       "(6/*IN_SETTLED*/,7/*IN_EXPIRED*/,8/*IN_QUARANTINED*/) AND expiry_s<?",
                       "i", before_s);
    if (gone <= 0)
        return gone;
    return db_run(db, "DELETE FROM signer WHERE fpr NOT IN (SELECT fpr FROM incoming)", "");
}
