/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outbox.c - see outbox.h. */
#include "store/outbox.h"
#include "store/column.h"
#include "store/db.h"

int outbox_line_get(struct db *db, int64_t message, struct outbox_line *l)
{
    *l = (struct outbox_line){.n = message};
    sqlite3_stmt *q =
        db_query(db,
                 "SELECT line,line_dirty,line_tries,EXISTS(SELECT 1 FROM receiver r WHERE"
                 " r.message=m.n AND (r.state<5/*RCV_PULLED*/ OR r.state=11/*RCV_WITHDRAWING*/)) "
                 "FROM message m WHERE n=?",
                 "i", message);
    if (!db_row(q, NULL))
        return -1;
    l->state = (enum line_state)sqlite3_column_int(q, 0);
    l->changes = sqlite3_column_int64(q, 1);
    l->tries = sqlite3_column_int64(q, 2);
    l->pending = sqlite3_column_int(q, 3) != 0;
    (void)sqlite3_reset(q);
    return 0;
}

void outbox_line_each(struct db *db, int64_t message,
                      bool (*fn)(void *ctx, const char *address, enum rcv_state s, bool looked,
                                 int64_t since_ms),
                      void *ctx)
{
    sqlite3_stmt *q =
        db_query(db,
                 "SELECT address,state,changed_ms,state<>1/*RCV_WAITING*/ OR why IS NOT NULL FROM "
                 "receiver WHERE message=? ORDER BY n",
                 "i", message);
    while (db_row(q, NULL)) {
        char address[ADDRESS_MAX + 1];
        if (column_text(q, 0, address, sizeof address) == 0 &&
            !fn(ctx, address, (enum rcv_state)sqlite3_column_int(q, 1),
                sqlite3_column_int(q, 3) != 0, sqlite3_column_int64(q, 2))) {
            (void)sqlite3_reset(q);
            return;
        }
    }
}

int outbox_line_set(struct db *db, const struct outbox_line *l, enum line_state state,
                    int64_t next_ms)
{
    return db_run(db,
                  "UPDATE message SET line=?1,line_dirty=CASE line_dirty WHEN ?2 THEN 0 ELSE"
                  " line_dirty END,line_due_ms=?3,line_tries=0,line_gone_ms=NULL WHERE n=?4 AND"
                  " line<>2/*LINE_DELETED*/",
                  "iiii", (int64_t)state, l->changes, next_ms, l->n);
}

size_t outbox_mailbox_standing(struct db *db, int64_t after, int64_t *n_r,
                               uint8_t (*id_r)[MESSAGE_ID_LEN], int64_t *gone_r, size_t max)
{
    size_t n = 0;
    sqlite3_stmt *q = db_query(db,
                               "SELECT n,id,line_gone_ms FROM message WHERE line=1/*LINE_STANDS*/ "
                               "AND n>? ORDER BY n LIMIT ?",
                               "ii", after, (int64_t)max);
    while (db_row(q, NULL)) {
        n_r[n] = sqlite3_column_int64(q, 0);
        gone_r[n] = sqlite3_column_int64(q, 2);
        if (column_fixed(q, 1, id_r[n], MESSAGE_ID_LEN) == 0)
            n++;
    }
    return n;
}

int outbox_line_set_gone(struct db *db, int64_t message, int64_t gone_ms)
{
    return db_run(db, "UPDATE message SET line_gone_ms=NULLIF(?,0) WHERE n=?", "ii", gone_ms,
                  message);
}

int outbox_line_set_deleted(struct db *db, int64_t message)
{
    return db_exec(db,
                   "UPDATE message SET line=2/*LINE_DELETED*/,line_dirty=0,line_gone_ms=NULL WHERE "
                   "n=? AND line=1/*LINE_STANDS*/",
                   "i", message);
}

int outbox_mailbox_again(struct db *db)
{
    return db_run(db,
                  "UPDATE message SET line=0/*LINE_NONE*/,line_dirty=line_dirty+1,line_due_ms=0,"
                  "line_gone_ms=NULL WHERE line=1/*LINE_STANDS*/",
                  "");
}

bool outbox_line_needed(struct db *db, const uint8_t id[MESSAGE_ID_LEN])
{
    return db_int(db, 0,
                  "SELECT 1 FROM message WHERE id=? AND (line=1/*LINE_STANDS*/ OR line_dirty>0)",
                  "b", id, (size_t)MESSAGE_ID_LEN) == 1;
}
