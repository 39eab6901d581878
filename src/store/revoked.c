/* SPDX-License-Identifier: GPL-3.0-or-later */
/* revoked.c - see revoked.h. */
#include "store/revoked.h"
#include "base/clock.h"
#include "store/column.h"
#include "store/db.h"

int revoked_add(struct db *db, const char *address, const uint8_t fpr[FPR_LEN],
                const struct bytes *record, bool own)
{
    return db_run(db,
                  "INSERT INTO revoked(fpr,address,record,own,since_ms) VALUES(?,?,?,?,?)"
                  " ON CONFLICT(fpr) DO UPDATE SET own=max(own,excluded.own)",
                  "btbii", fpr, (size_t)FPR_LEN, address, record->p, record->n, (int64_t)own,
                  clock_wall_ms());
}

bool revoked_known(struct db *db, const uint8_t fpr[FPR_LEN])
{
    return db_int(db, 0, "SELECT 1 FROM revoked WHERE fpr=?", "b", fpr, (size_t)FPR_LEN) == 1;
}

void revoked_each(struct db *db, int64_t since_ms, size_t max,
                  void (*fn)(void *ctx, const char *address, const struct bytes *record), void *ctx)
{
    sqlite3_stmt *q = db_query(db,
                               "SELECT address,record FROM revoked WHERE own=1 OR since_ms>? ORDER"
                               " BY own DESC,since_ms DESC LIMIT ?",
                               "ii", since_ms, (int64_t)max);
    while (db_row(q, NULL)) {
        char address[ADDRESS_MAX + 1];
        struct bytes record = {0};
        if (column_text(q, 0, address, sizeof address) == 0 && column_bytes(q, 1, &record) == 0)
            fn(ctx, address, &record);
        bytes_free(&record);
    }
}
