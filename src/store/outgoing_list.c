/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outgoing_list.c - what is due on the sender's side, and what a person sees of it. */
#include "base/clock.h"
#include "store/column.h"
#include "store/db.h"
#include "store/outgoing.h"
#include <string.h>

/* Each: rows due at ?1, at most ?2. The states are those of enum out_state, blob_state, rcv_state.
 */
static const char *const due_sql[] = {
    [DUE_LOOKUP] = "SELECT n FROM receiver WHERE state=1 AND due_ms<=?1 ORDER BY due_ms,n LIMIT ?2",
    [DUE_SEAL] =
        "SELECT m.n FROM message m WHERE m.state=1 AND m.due_ms<=?1 AND EXISTS(SELECT 1 FROM"
        " receiver r WHERE r.message=m.n AND r.state=2 AND r.own=0) ORDER BY m.due_ms,m.n LIMIT ?2",
    [DUE_OWN] =
        "SELECT n FROM receiver WHERE state=2 AND own=1 AND due_ms<=?1 ORDER BY due_ms,n LIMIT ?2",
    [DUE_PUBLISH] = "SELECT n FROM blob WHERE state=1 AND due_ms<=?1 ORDER BY due_ms,n LIMIT ?2",
    [DUE_ANNOUNCE] = "SELECT r.n FROM receiver r JOIN blob b ON b.n=r.blob WHERE r.state=3 AND"
                     " r.due_ms<=?1 AND b.state=2 AND NOT EXISTS(SELECT 1 FROM blob h WHERE"
                     " h.n=r.head AND h.state<>2) ORDER BY r.due_ms,r.n LIMIT ?2",
    [DUE_REPUT] = "SELECT n FROM receiver WHERE state=4 AND due_ms<=?1 ORDER BY due_ms,n LIMIT ?2",
    [DUE_CLEAN] = "SELECT n FROM receiver WHERE clean=1 AND due_ms<=?1 ORDER BY due_ms,n LIMIT ?2",
    [DUE_FREE] =
        "SELECT b.n FROM blob b INDEXED BY blob_may_go WHERE b.may_go=1 AND b.state<>3 AND"
        " b.due_ms<=?1 AND NOT EXISTS"
        "(SELECT 1 FROM receiver r WHERE (r.state<5 OR r.cancel=1) AND (r.blob=b.n OR r.head=b.n))"
        " LIMIT ?2",
    [DUE_SENT] = "SELECT n FROM message WHERE sent=1 AND sent_due_ms<=?1 ORDER BY sent_due_ms,n"
                 " LIMIT ?2",
    [DUE_TIDY] =
        "SELECT m.n FROM message m WHERE m.state=1 AND m.sent<>1 AND m.due_ms<=?1 AND NOT"
        " EXISTS(SELECT 1 FROM receiver r WHERE r.message=m.n AND r.state IN (1,2)) LIMIT ?2",
    [DUE_TELL] =
        "SELECT t.message FROM (SELECT message,max(CASE state WHEN 8 THEN expiry_s END) AS expiry"
        " FROM receiver INDEXED BY receiver_tell WHERE told<>1 AND " RCV_REPORTED
        " AND due_ms<=?1 GROUP BY message) t WHERE"
        " NOT EXISTS(SELECT 1 FROM receiver o WHERE o.message=t.message AND o.state<5 AND"
        " o.expiry_s<=t.expiry) LIMIT ?2",
    [DUE_LINE] = "SELECT n FROM message WHERE line_dirty>0 AND line_due_ms<=?1 LIMIT ?2",
    /* cancel>0 is what lets SQLite take the partial index */
    [DUE_WITHDRAW] =
        "SELECT n FROM receiver WHERE cancel>0 AND cancel=1 AND cancel_due_ms<=?1 ORDER BY"
        " cancel_due_ms,n LIMIT ?2",
    [DUE_CANCEL] =
        "SELECT n FROM receiver WHERE cancel>0 AND cancel IN (2,3) AND cancel_due_ms<=?1 ORDER BY"
        " cancel_due_ms,n LIMIT ?2",
    [DUE_REGAIN] = "SELECT b.n FROM blob b WHERE b.state=4 AND b.due_ms<=?1 AND EXISTS(SELECT 1"
                   " FROM receiver r WHERE r.state<5 AND (r.blob=b.n OR r.head=b.n)) LIMIT ?2",
};
static const char *const next_sql[] = {
    [DUE_LOOKUP] = "SELECT min(due_ms) FROM receiver WHERE state=1 AND due_ms>?",
    [DUE_SEAL] = "SELECT min(due_ms) FROM message WHERE state=1 AND due_ms>?",
    [DUE_OWN] = "SELECT min(due_ms) FROM receiver WHERE state=2 AND own=1 AND due_ms>?",
    [DUE_PUBLISH] = "SELECT min(due_ms) FROM blob WHERE state=1 AND due_ms>?",
    [DUE_ANNOUNCE] = "SELECT min(due_ms) FROM receiver WHERE state=3 AND due_ms>?",
    [DUE_REPUT] = "SELECT min(due_ms) FROM receiver WHERE state=4 AND due_ms>?",
    [DUE_CLEAN] = "SELECT min(due_ms) FROM receiver WHERE clean=1 AND due_ms>?",
    [DUE_FREE] = "SELECT min(due_ms) FROM blob INDEXED BY blob_may_go WHERE may_go=1 AND state<>3"
                 " AND due_ms>?",
    [DUE_SENT] = "SELECT min(sent_due_ms) FROM message WHERE sent=1 AND sent_due_ms>?",
    [DUE_TIDY] = "SELECT min(due_ms) FROM message WHERE state=1 AND due_ms>?",
    [DUE_TELL] =
        "SELECT min(due_ms) FROM receiver INDEXED BY receiver_tell WHERE told<>1 AND " RCV_REPORTED
        " AND due_ms>?",
    [DUE_LINE] = "SELECT min(line_due_ms) FROM message WHERE line_dirty>0 AND line_due_ms>?",
    [DUE_WITHDRAW] =
        "SELECT min(cancel_due_ms) FROM receiver WHERE cancel>0 AND cancel=1 AND cancel_due_ms>?",
    [DUE_CANCEL] = "SELECT min(cancel_due_ms) FROM receiver WHERE cancel>0 AND cancel IN (2,3) AND "
                   "cancel_due_ms>?",
    [DUE_REGAIN] = "SELECT min(due_ms) FROM blob WHERE state=4 AND due_ms>?",
};

size_t out_due(struct db *db, enum out_due what, int64_t now_ms, int64_t *n_r, size_t max,
               int64_t *next_ms)
{
    size_t n = 0;
    sqlite3_stmt *q = db_query(db, due_sql[what], "ii", now_ms, (int64_t)max);
    while (db_row(q, NULL))
        n_r[n++] = sqlite3_column_int64(q, 0);
    if (next_ms == NULL)
        return n;
    int64_t next = db_int(db, INT64_MAX, next_sql[what], "i", now_ms);
    if (next < *next_ms)
        *next_ms = next;
    return n;
}

void out_count(struct db *db, struct out_counts *c)
{
    c->messages =
        db_int(db, 0, "SELECT count(DISTINCT message) FROM receiver WHERE state<5 OR state=11", "");
    c->bytes = db_int(db, 0, "SELECT sum(size) FROM blob WHERE state IN (1,2,4)", "");
    c->receivers_pending =
        db_int(db, 0, "SELECT count(*) FROM receiver WHERE state<5 OR state=11", "");
    c->work = c->receivers_pending +
              db_int(db, 0,
                     "SELECT count(*) FROM receiver WHERE clean=1 OR cancel IN (1,2) OR (told<>1 "
                     "AND " RCV_REPORTED ")",
                     "") +
              db_int(db, 0, "SELECT count(*) FROM message WHERE state<2", "") +
              db_int(db, 0, "SELECT count(*) FROM blob WHERE state IN (1,2,4)", "");
}

void out_list(struct db *db, enum rcv_state only, bool (*fn)(void *ctx, const struct out_line *l),
              void *ctx)
{
    sqlite3_stmt *q = db_query(
        db,
        "SELECT m.id,b.hash,m.state,b.state,m.created_ms,r.changed_ms,m.size,m.subject,r.address,"
        "r.why,r.state,(SELECT count(*) FROM holding h WHERE h.hash=b.hash) FROM message m JOIN "
        "receiver r ON r.message=m.n LEFT JOIN blob b ON"
        " b.n=r.blob WHERE ?1=0 OR r.state=?1 ORDER BY m.n DESC,r.n",
        "i", (int64_t)only);
    while (db_row(q, NULL)) {
        struct out_line l = {0};
        char subject[SUMMARY_MAX + 1], address[ADDRESS_MAX + 1], why[400];
        (void)column_fixed(q, 0, l.id, sizeof l.id);
        l.has_hash = column_fixed(q, 1, l.hash, sizeof l.hash) == 0;
        l.state = (enum out_state)sqlite3_column_int(q, 2);
        l.blob = (enum blob_state)sqlite3_column_int(q, 3);
        l.created_ms = sqlite3_column_int64(q, 4);
        l.changed_ms = sqlite3_column_int64(q, 5);
        l.size = (uint64_t)sqlite3_column_int64(q, 6);
        l.subject = column_text(q, 7, subject, sizeof subject) == 0 ? subject : NULL;
        l.address = column_text(q, 8, address, sizeof address) == 0 ? address : "";
        l.why = column_text(q, 9, why, sizeof why) == 0 && why[0] != '\0' ? why : NULL;
        l.rcv = (enum rcv_state)sqlite3_column_int(q, 10);
        l.copies = (unsigned)sqlite3_column_int(q, 11);
        if (!fn(ctx, &l)) {
            (void)sqlite3_reset(q);
            return;
        }
    }
}

int out_forget(struct db *db, int64_t before_ms)
{
    static const char *const old =
        "CREATE TEMP TABLE IF NOT EXISTS forgotten(n INTEGER PRIMARY KEY)";
    if (db_exec(db, old, "") < 0 || db_exec(db, "DELETE FROM forgotten", "") < 0 ||
        db_exec(db,
                "INSERT INTO forgotten SELECT m.n FROM message m WHERE m.state=2 AND NOT EXISTS"
                "(SELECT 1 FROM receiver r WHERE r.message=m.n AND (r.state<5 OR r.state=11 OR"
                " r.clean=1 OR r.cancel IN (1,2,3) OR"
                " r.changed_ms>=?)) AND NOT EXISTS(SELECT 1 FROM blob b WHERE b.message=m.n AND"
                " b.state<>3)",
                "i", before_ms) < 0 ||
        db_exec(db,
                "DELETE FROM expected WHERE receiver IN (SELECT n FROM receiver WHERE message IN"
                " (SELECT n FROM forgotten))",
                "") < 0 ||
        db_exec(db, "DELETE FROM receiver WHERE message IN (SELECT n FROM forgotten)", "") < 0 ||
        db_exec(db, "DELETE FROM blob WHERE message IN (SELECT n FROM forgotten)", "") < 0 ||
        db_exec(db, "DELETE FROM message WHERE n IN (SELECT n FROM forgotten)", "") < 0)
        return -1;
    return 0;
}

int64_t out_tries(struct db *db, enum out_due what, int64_t n)
{
    if (what == DUE_SEAL || what == DUE_SENT || what == DUE_TIDY)
        return db_int(db, 0, "SELECT tries FROM message WHERE n=?", "i", n);
    if (what == DUE_TELL)
        return db_int(db, 0, "SELECT max(tries) FROM receiver WHERE message=? AND told<>1", "i", n);
    if (what == DUE_LINE)
        return db_int(db, 0, "SELECT line_tries FROM message WHERE n=?", "i", n);
    if (what == DUE_WITHDRAW || what == DUE_CANCEL)
        return db_int(db, 0, "SELECT cancel_tries FROM receiver WHERE n=?", "i", n);
    if (what == DUE_PUBLISH || what == DUE_FREE || what == DUE_REGAIN)
        return db_int(db, 0, "SELECT tries FROM blob WHERE n=?", "i", n);
    return db_int(db, 0, "SELECT tries FROM receiver WHERE n=?", "i", n);
}
