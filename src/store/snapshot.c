/* SPDX-License-Identifier: GPL-3.0-or-later */
/* snapshot.c - see snapshot.h. */
#include "store/snapshot.h"
#include "base/file.h"
#include "store/check.h"
#include "store/db.h"
#include "store/schema.h"
#include <stdio.h>

int snapshot_take(const char *path, const char *to, struct error *e)
{
    struct db db;
    if (!file_exists(path))
        return error_set(e, "There is no database %s.", path);
    if (db_open(&db, path, false, e) < 0)
        return -1;
    int rc = db_exec(&db, "VACUUM INTO ?", "t", to) < 0
                 ? error_set(e, "The database could not be copied to %s: %s.", to,
                             sqlite3_errmsg(db.sql))
                 : 0;
    db_close(&db);
    return rc;
}

int snapshot_check(const char *path, struct error *e)
{
    struct db db;
    if (!file_exists(path))
        return error_set(e, "There is no database %s.", path);
    if (db_open(&db, path, false, e) < 0)
        return -1;
    int rc = check_database(&db, e);
    if (rc == 0)
        rc = schema_migrate(&db, e);
    db_close(&db);
    return rc;
}

int snapshot_restored(const char *path, int64_t now_ms, struct error *e)
{
    struct db db;
    if (db_open(&db, path, false, e) < 0)
        return -1;
    int rc = db_exec(&db, "DELETE FROM meta WHERE name='instance'", "") < 0 ||
                     meta_set(&db, "restored_ms", &now_ms, sizeof now_ms) < 0 ||
                     rcv_look_again(&db) < 0
                 ? error_set(e, "The database %s cannot be changed.", path)
                 : 0;
    if (rc == 0) /* one file again */
        rc = db_script(&db, "PRAGMA wal_checkpoint(TRUNCATE);", e);
    db_close(&db);
    return rc;
}

bool snapshot_has_contacts(const char *path)
{
    struct db db;
    if (!file_exists(path) || db_open(&db, path, true, NULL) < 0)
        return false;
    int64_t n = db_int(&db, 0, "SELECT count(*) FROM contact", "");
    db_close(&db);
    return n > 0;
}
