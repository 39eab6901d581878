/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cancel.c - see cancel.h. */
#include "store/cancel.h"
#include "base/clock.h"
#include "store/column.h"
#include "store/db.h"
#include <string.h>

#define STRANGERS_MAX 20000 /* remembered cancellations of notifications that are not here */

int cancel_begin(struct db *db, int64_t receiver)
{
    int64_t now = clock_wall_ms();
    int changed =
        db_exec(db,
                "UPDATE receiver SET state=?,why='It was not announced yet.',changed_ms=?,"
                "due_ms=0,tries=0 WHERE n=? AND state IN (1/*RCV_WAITING*/,2/*RCV_READY*/)",
                "iii", (int64_t)RCV_CANCELLED, now, receiver);
    if (changed != 0)
        return changed;
    return db_exec(db,
                   "UPDATE receiver SET state=?,changed_ms=?,cancel=?,cancel_due_ms=0,"
                   "cancel_tries=0 WHERE n=? AND state IN (3/*RCV_SEALED*/,4/*RCV_ANNOUNCED*/)",
                   "iiii", (int64_t)RCV_WITHDRAWING, now, (int64_t)CANCEL_CLOSE, receiver);
}

size_t cancel_receivers(struct db *db, int64_t message, const char *address, int64_t *n_r,
                        size_t max)
{
    size_t n = 0;
    sqlite3_stmt *q = db_query(db,
                               "SELECT n FROM receiver WHERE message=?1 AND (?2 IS NULL OR"
                               " address=?2) ORDER BY n LIMIT ?3",
                               "iti", message, address, (int64_t)max);
    while (db_row(q, NULL))
        n_r[n++] = sqlite3_column_int64(q, 0);
    return n;
}

bool cancel_blob_wanted(struct db *db, int64_t blob)
{
    return db_int(db, 1, "SELECT count(*) FROM receiver WHERE blob=? AND state<5/*RCV_PULLED*/",
                  "i", blob) > 0;
}

int cancel_closed(struct db *db, int64_t receiver, int64_t blob, bool never)
{
    if (never && db_exec(db,
                         "UPDATE receiver SET state=?,why='Nobody ever began to fetch it.',"
                         "changed_ms=? WHERE blob=? AND state=?",
                         "iiii", (int64_t)RCV_CANCELLED, clock_wall_ms(), blob,
                         (int64_t)RCV_WITHDRAWING) < 0)
        return -1;
    return db_run(db,
                  "UPDATE receiver SET cancel=?,cancel_due_ms=0,cancel_tries=0 WHERE n=? AND"
                  " cancel=?",
                  "iii", (int64_t)CANCEL_POST, receiver, (int64_t)CANCEL_CLOSE);
}

int cancel_entry(struct db *db, int64_t receiver, struct bytes *entry)
{
    *entry = (struct bytes){0};
    sqlite3_stmt *q = db_query(db, "SELECT cancel_entry FROM receiver WHERE n=?", "i", receiver);
    if (!db_row(q, NULL))
        return -1;
    int rc = column_bytes(q, 0, entry);
    (void)sqlite3_reset(q);
    return rc;
}

int cancel_set_entry(struct db *db, int64_t receiver, const void *p, size_t n)
{
    return db_exec(db, "UPDATE receiver SET cancel_entry=? WHERE n=? AND cancel_entry IS NULL",
                   "bi", p, n, receiver) == 1
               ? 0
               : -1;
}

int cancel_set_posted(struct db *db, int64_t receiver, int64_t next_ms)
{
    return db_run(db,
                  "UPDATE receiver SET cancel=?,cancel_due_ms=?,cancel_tries=0 WHERE n=? AND"
                  " cancel IN (2/*CANCEL_POST*/,3/*CANCEL_POSTED*/)",
                  "iii", (int64_t)CANCEL_POSTED, next_ms, receiver);
}

int cancel_set_over(struct db *db, int64_t receiver)
{
    return db_run(db, "UPDATE receiver SET cancel=? WHERE n=? AND cancel<>0/*CANCEL_NONE*/", "ii",
                  (int64_t)CANCEL_OVER, receiver);
}

int cancel_answered(struct db *db, int64_t receiver, enum outcome o, bool pushed)
{
    if (db_exec(db,
                "UPDATE receiver SET handed=?1 AND (handed OR outcome IS NULL),outcome=?2 WHERE"
                " n=?3",
                "iii", (int64_t)pushed, (int64_t)o, receiver) < 0)
        return -1;
    return db_run(db,
                  "UPDATE receiver SET cancel=?1,clean=1/*CLEAN_DUE*/,due_ms=0,tries=0 WHERE n=?2 "
                  "AND (cancel IN"
                  " (1/*CANCEL_CLOSE*/,2/*CANCEL_POST*/,3/*CANCEL_POSTED*/) OR (cancel=?1 AND "
                  "clean=0/*CLEAN_NONE*/))",
                  "ii", (int64_t)CANCEL_OVER, receiver);
}

int cancel_outcome(struct db *db, int64_t receiver)
{
    return (int)db_int(db, 0, "SELECT outcome FROM receiver WHERE n=?", "i", receiver);
}

bool cancel_deciding(struct db *db, int64_t message)
{
    return db_int(db, 0, "SELECT count(*) FROM receiver WHERE message=? AND cancel=?", "ii",
                  message, (int64_t)CANCEL_CLOSE) > 0;
}

int64_t out_find_prefix(struct db *db, const char *hex)
{
    int64_t found = 0;
    sqlite3_stmt *q = db_query(
        db, "SELECT n FROM message WHERE substr(lower(hex(id)),1,length(?1))=lower(?1) LIMIT 2",
        "t", hex);
    while (db_row(q, NULL))
        found = found == 0 ? sqlite3_column_int64(q, 0) : -1;
    return found;
}

int cancelled_add(struct db *db, const uint8_t nid[HASH_LEN], const uint8_t fpr[FPR_LEN],
                  int64_t until_s)
{
    bool known = in_find(db, nid) != 0;
    if (!known && db_int(db, 0, "SELECT count(*) FROM cancelled", "") >= STRANGERS_MAX)
        return 0;
    if (db_exec(db, "INSERT OR IGNORE INTO cancelled(nid,fpr,until_s) VALUES(?,?,?)", "bbi", nid,
                (size_t)HASH_LEN, fpr, (size_t)FPR_LEN, until_s) < 0)
        return -1;
    return db_run(db,
                  "UPDATE incoming SET due_ms=0,tries=0 WHERE nid=? AND state IN "
                  "(1/*IN_NOTICED*/,2/*IN_STUB*/)",
                  "b", nid, (size_t)HASH_LEN);
}

bool cancelled_has(struct db *db, int64_t incoming)
{
    return db_int(db, 0,
                  "SELECT 1 FROM incoming i JOIN cancelled c ON c.nid=i.nid AND c.fpr=i.fpr"
                  " WHERE i.n=?",
                  "i", incoming) == 1;
}
