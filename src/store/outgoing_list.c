/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outgoing_list.c - what a person sees of the sender's side. */
#include "base/clock.h"
#include "store/column.h"
#include "store/db.h"
#include "store/outgoing.h"
#include <string.h>

void out_count(struct db *db, struct out_counts *c)
{
    c->messages = db_int(db, 0,
                         "SELECT count(DISTINCT message) FROM receiver WHERE state<5/*RCV_PULLED*/ "
                         "OR state=11/*RCV_WITHDRAWING*/",
                         "");
    c->bytes = db_int(db, 0,
                      "SELECT sum(size) FROM blob WHERE state IN "
                      "(1/*BLOB_SEALED*/,2/*BLOB_PUBLISHED*/,4/*BLOB_MISSING*/)",
                      "");
    c->receivers_pending = db_int(
        db, 0,
        "SELECT count(*) FROM receiver WHERE state<5/*RCV_PULLED*/ OR state=11/*RCV_WITHDRAWING*/",
        "");
    c->work = c->receivers_pending +
              db_int(db, 0,
                     "SELECT count(*) FROM receiver WHERE clean=1/*CLEAN_DUE*/ OR cancel IN "
                     "(1/*CANCEL_CLOSE*/,2/*CANCEL_POST*/) OR (told<>1/*TOLD*/ "
                     "AND " RCV_REPORTED ")",
                     "") +
              db_int(db, 0, "SELECT count(*) FROM message WHERE state<2/*OUT_DONE*/", "") +
              db_int(db, 0,
                     "SELECT count(*) FROM blob WHERE state IN "
                     "(1/*BLOB_SEALED*/,2/*BLOB_PUBLISHED*/,4/*BLOB_MISSING*/)",
                     "");
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
                "INSERT INTO forgotten SELECT m.n FROM message m WHERE m.state=2/*OUT_DONE*/ AND "
                "NOT EXISTS"
                "(SELECT 1 FROM receiver r WHERE r.message=m.n AND (r.state<5/*RCV_PULLED*/ OR "
                "r.state=11/*RCV_WITHDRAWING*/ OR"
                " r.clean=1/*CLEAN_DUE*/ OR r.cancel IN "
                "(1/*CANCEL_CLOSE*/,2/*CANCEL_POST*/,3/*CANCEL_POSTED*/) OR"
                " r.changed_ms>=?)) AND NOT EXISTS(SELECT 1 FROM blob b WHERE b.message=m.n AND"
                " b.state<>3/*BLOB_GONE*/)",
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
