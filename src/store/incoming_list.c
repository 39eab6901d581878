/* SPDX-License-Identifier: GPL-3.0-or-later */
/* incoming_list.c - what is due on the receiver's side, and what a person sees of it. */
#include "base/clock.h"
#include "store/column.h"
#include "store/db.h"
#include "store/incoming.h"
#include <string.h>

/* Each of these runs at every look of the loop, and stubs can be very many: none may read through
 * them. */

/* A contact's stub of at most ?4 octets that stands where the user would see it, and when it is to
 * be pulled at the latest, ?3 being the time before the expiry. Those of which that time has begun
 * are found by the index. */
#define STANDS " state=2 AND wanted=0 AND hastened=0 AND gone_ms IS NULL AND m_size<=?4"
#define TO_HASTEN                                                                                  \
    " FROM incoming i INDEXED BY incoming_hasten WHERE" STANDS                                     \
    " AND expiry_s<=(?1+?3)/1000 AND EXISTS(SELECT 1 FROM contact c WHERE c.address=i.sender AND"  \
    " c.fpr=i.fpr)"
#define HASTEN_AT " max(expiry_s*1000-?3,(arrived_ms+expiry_s*1000)/2)"

static const char *const due_sql[] = {
    [IN_DUE_STUB] =
        "SELECT n FROM incoming WHERE state=1 AND due_ms<=?1 ORDER BY due_ms,n LIMIT ?2",
    [IN_DUE_PULL] = "SELECT n FROM incoming INDEXED BY incoming_wanted WHERE wanted=1 AND state=2"
                    " AND due_ms<=?1 ORDER BY due_ms,n LIMIT ?2",
    [IN_DUE_DELIVER] = "SELECT n FROM incoming WHERE state=3 AND due_ms<=?1 ORDER BY due_ms,n"
                       " LIMIT ?2",
    [IN_DUE_ANSWER] = "SELECT n FROM incoming WHERE state=4 AND due_ms<=?1 ORDER BY due_ms,n"
                      " LIMIT ?2",
    [IN_DUE_SETTLE] = "SELECT n FROM incoming WHERE state=5 AND due_ms<=?1 ORDER BY due_ms,n"
                      " LIMIT ?2",
    [IN_DUE_HASTEN] = "SELECT n" TO_HASTEN " AND" HASTEN_AT "<=?1 LIMIT ?2",
    [IN_DUE_EXPIRE] = "SELECT n FROM incoming INDEXED BY incoming_expiry WHERE state<3 AND"
                      " expiry_s<=(?1-?3)/1000 LIMIT ?2",
    [IN_DUE_LAPSE] = "SELECT n FROM incoming INDEXED BY incoming_lapse WHERE state=7 AND lapsed=0 "
                     "AND due_ms<=?1 LIMIT ?2",
    [IN_DUE_CANCEL] = "SELECT i.n FROM cancelled c CROSS JOIN incoming i ON i.nid=c.nid AND"
                      " i.fpr=c.fpr WHERE i.state=2 AND i.due_ms<=?1 LIMIT ?2",
};
static const char *const next_sql[] = {
    [IN_DUE_STUB] = "SELECT min(due_ms) FROM incoming WHERE state=1 AND due_ms>?",
    [IN_DUE_PULL] = "SELECT min(due_ms) FROM incoming INDEXED BY incoming_wanted WHERE wanted=1 AND"
                    " state=2 AND due_ms>?",
    [IN_DUE_DELIVER] = "SELECT min(due_ms) FROM incoming WHERE state=3 AND due_ms>?",
    [IN_DUE_ANSWER] = "SELECT min(due_ms) FROM incoming WHERE state=4 AND due_ms>?",
    [IN_DUE_SETTLE] = "SELECT min(due_ms) FROM incoming WHERE state=5 AND due_ms>?",
    [IN_DUE_HASTEN] =
        "SELECT min(t) FROM (SELECT min(" HASTEN_AT ") AS t" TO_HASTEN " AND" HASTEN_AT ">?1"
        " UNION ALL SELECT min(expiry_s)*1000-?3 FROM incoming INDEXED BY incoming_hasten "
        "WHERE" STANDS " AND expiry_s>(?1+?3)/1000)",
    [IN_DUE_EXPIRE] = "SELECT min(expiry_s)*1000+?3 FROM incoming INDEXED BY incoming_expiry WHERE"
                      " state<3 AND expiry_s>(?1-?3)/1000",
    [IN_DUE_LAPSE] = "SELECT min(due_ms) FROM incoming INDEXED BY incoming_lapse WHERE state=7 AND "
                     "lapsed=0 AND due_ms>?",
    [IN_DUE_CANCEL] = "SELECT min(i.due_ms) FROM cancelled c CROSS JOIN incoming i ON i.nid=c.nid"
                      " WHERE i.state=2 AND i.due_ms>?",
};

/* How many of the two numbers that the rules give does the statement of this kind take? */
static const char *more_args(enum in_due what)
{
    return what == IN_DUE_HASTEN ? "iiii" : what == IN_DUE_EXPIRE ? "iii" : "ii";
}

size_t in_due(struct db *db, enum in_due what, const struct in_rules *rules, int64_t now_ms,
              int64_t *n_r, size_t max, int64_t *next_ms)
{
    size_t n = 0;
    if (what == IN_DUE_HASTEN && rules->pull_before <= 0)
        return 0;
    int64_t time = what == IN_DUE_HASTEN ? rules->pull_before : rules->expiry_grace;
    int64_t size = rules->pull_before > 0 ? rules->pull_before_max : -1;
    sqlite3_stmt *q =
        db_query(db, due_sql[what], more_args(what), now_ms, (int64_t)max, time, size);
    while (db_row(q, NULL))
        n_r[n++] = sqlite3_column_int64(q, 0);
    bool ruled = what == IN_DUE_HASTEN || what == IN_DUE_EXPIRE;
    if (next_ms == NULL)
        return n;
    int64_t next = db_int(db, INT64_MAX, next_sql[what], ruled ? more_args(what) : "i", now_ms,
                          (int64_t)0, time, size);
    if (next > now_ms && next < *next_ms) /* 0: there is none */
        *next_ms = next;
    return n;
}

void in_count(struct db *db, struct in_counts *c)
{
    c->stubs = db_int(db, 0, "SELECT count(*) FROM incoming WHERE state=2", "");
    c->wanted = db_int(db, 0, "SELECT count(*) FROM incoming WHERE wanted=1 AND state=2", "");
    c->receipts_pending = db_int(db, 0, "SELECT count(*) FROM incoming WHERE state IN (4,5)", "");
    c->work = c->wanted + c->receipts_pending +
              db_int(db, 0,
                     "SELECT count(*) FROM incoming WHERE state IN (1,3) OR (state=7 AND"
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
    sqlite3_stmt *q =
        db_query(db,
                 "SELECT n,nid,gone_ms,person FROM incoming WHERE state=2 AND n>? ORDER BY n LIMIT"
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
    int gone =
        db_exec(db, "DELETE FROM incoming WHERE state IN (6,7,8) AND expiry_s<?", "i", before_s);
    if (gone <= 0)
        return gone;
    return db_run(db, "DELETE FROM signer WHERE fpr NOT IN (SELECT fpr FROM incoming)", "");
}

int64_t in_tries(struct db *db, int64_t n)
{
    return db_int(db, 0, "SELECT tries FROM incoming WHERE n=?", "i", n);
}
