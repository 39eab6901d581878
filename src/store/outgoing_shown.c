/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outgoing_shown.c - what the sender itself gets to see of a message, besides its line in the
 * Outgoing: reports, and the copy in Sent; see outgoing.h. */
#include "store/outgoing.h"
#include "store/column.h"
#include "store/db.h"
#include <string.h>

int dsn_begin(struct db *db, int64_t message)
{
    return db_run(
        db,
        "UPDATE receiver SET told=2/*TOLD_BEGUN*/ WHERE message=?1 AND told=0/*TOLD_NOT*/ "
        "AND " RCV_REPORTED " AND"
        " NOT EXISTS(SELECT 1 FROM receiver o WHERE o.message=?1 AND o.told=2/*TOLD_BEGUN*/)",
        "i", message);
}

size_t dsn_rcpts(struct db *db, int64_t message, int64_t *n_r, size_t max)
{
    size_t n = 0;
    sqlite3_stmt *q =
        db_query(db,
                 "SELECT n FROM receiver WHERE message=? AND told=2/*TOLD_BEGUN*/ AND " RCV_REPORTED
                 " ORDER BY n LIMIT ?",
                 "ii", message, (int64_t)max);
    while (db_row(q, NULL))
        n_r[n++] = sqlite3_column_int64(q, 0);
    return n;
}

int dsn_told(struct db *db, int64_t message)
{
    if (db_exec(db, "UPDATE receiver SET told=1/*TOLD*/ WHERE message=? AND told=2/*TOLD_BEGUN*/",
                "i", message) < 0)
        return -1;
    return out_drop_head(db, message);
}

size_t dsn_delayed(struct db *db, int64_t message, int64_t *n_r, size_t max)
{
    size_t n = 0;
    sqlite3_stmt *q = db_query(db,
                               "SELECT n FROM receiver WHERE message=? AND state<5/*RCV_PULLED*/ "
                               "AND notify&4/*NOTIFY_DELAY*/ ORDER BY n LIMIT ?",
                               "ii", message, (int64_t)max);
    while (db_row(q, NULL))
        n_r[n++] = sqlite3_column_int64(q, 0);
    return n;
}

int dsn_delayed_done(struct db *db, int64_t message)
{
    return db_run(db, "DELETE FROM meta WHERE name='delay:'||?", "i", message);
}

int sent_set(struct db *db, int64_t message, enum sent_state state)
{
    return db_exec(
        db, "UPDATE message SET sent=? WHERE n=? AND (sent=1/*SENT_WAIT*/ OR ?=3/*SENT_CLIENT*/)",
        "iii", (int64_t)state, message, (int64_t)state);
}

size_t sent_find(struct db *db, const char *msgid, int64_t *n_r, size_t max)
{
    size_t n = 0;
    sqlite3_stmt *q = db_query(db, "SELECT n FROM message WHERE msgid=? AND sent<>? LIMIT ?", "bii",
                               msgid, strlen(msgid), (int64_t)SENT_CLIENT, (int64_t)max);
    while (db_row(q, NULL))
        n_r[n++] = sqlite3_column_int64(q, 0);
    return n;
}
