/* SPDX-License-Identifier: GPL-3.0-or-later */
/* db.c - see db.h. */
#include "store/db.h"
#include "base/log.h"
#include "base/trouble.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LOG_AREA "store"

static _Thread_local unsigned failed_reads; /* store.h says what for */

static _Thread_local char cause[DB_CAUSE_CAP];

unsigned db_failed_reads(void)
{
    return failed_reads;
}

const char *db_cause(void)
{
    return cause;
}

void db_cause_forget(void)
{
    cause[0] = '\0';
}

/* SQLite's text about what it just refused, kept and logged. */
static const char *keep_cause(sqlite3 *sql)
{
    (void)snprintf(cause, sizeof cause, "%s", sqlite3_errmsg(sql));
    return cause;
}

int db_open(struct db *db, const char *path, bool read_only, struct error *e)
{
    *db = (struct db){0};
    int flags = read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    if (sqlite3_open_v2(path, &db->sql, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        (void)error_set(e, "Cannot open the database %s: %s.", path,
                        db->sql != NULL ? sqlite3_errmsg(db->sql) : "out of memory");
        db_close(db);
        return -1;
    }
    (void)sqlite3_busy_timeout(db->sql, 10000);
    (void)sqlite3_extended_result_codes(db->sql, 1);
    if (read_only)
        return db_script(
            db, "PRAGMA query_only=1; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-8000;", e);
    return db_script(
        db,
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=1;"
        "PRAGMA secure_delete=FAST; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-8000;",
        e);
}

void db_close(struct db *db)
{
    for (size_t i = 0; i < db->cached; i++)
        (void)sqlite3_finalize(db->cache[i].stmt);
    db->cached = 0;
    (void)sqlite3_close(db->sql);
    db->sql = NULL;
}

int db_script(struct db *db, const char *text, struct error *e)
{
    char *why = NULL;
    if (sqlite3_exec(db->sql, text, NULL, NULL, &why) == SQLITE_OK)
        return 0;
    int code = sqlite3_errcode(db->sql) & 0xff;
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        (void)error_set(e,
                        "The database %s is damaged (%s): put it back from a backup (`restante "
                        "restore`).",
                        sqlite3_db_filename(db->sql, "main"), why != NULL ? why : "unknown");
    else
        (void)error_set(e, "The database refuses a statement: %s.", why != NULL ? why : "unknown");
    sqlite3_free(why);
    return -1;
}

static sqlite3_stmt *prepared(struct db *db, const char *text)
{
    for (size_t i = 0; i < db->cached; i++)
        if (db->cache[i].text == text)
            return db->cache[i].stmt;
    sqlite3_stmt *stmt = NULL;
    if (db->cached == DB_STMTS || sqlite3_prepare_v3(db->sql, text, -1, SQLITE_PREPARE_PERSISTENT,
                                                     &stmt, NULL) != SQLITE_OK) {
        failed_reads++;
        log_error("cannot prepare \"%.200s\": %s", text, keep_cause(db->sql));
        return NULL;
    }
    db->cache[db->cached].text = text;
    db->cache[db->cached++].stmt = stmt;
    return stmt;
}

static sqlite3_stmt *bind(struct db *db, const char *text, const char *fmt, va_list ap)
{
    sqlite3_stmt *stmt = prepared(db, text);
    if (stmt == NULL)
        return NULL;
    (void)sqlite3_reset(stmt);
    int rc = SQLITE_OK;
    for (int i = 1; *fmt != '\0' && rc == SQLITE_OK; fmt++, i++) {
        if (*fmt == 'i') {
            rc = sqlite3_bind_int64(stmt, i, va_arg(ap, int64_t));
        } else if (*fmt == 'b') {
            const void *p = va_arg(ap, const void *);
            size_t n = va_arg(ap, size_t);
            rc = p == NULL ? sqlite3_bind_null(stmt, i)
                           : sqlite3_bind_blob64(stmt, i, p, n, SQLITE_TRANSIENT);
        } else {
            rc = sqlite3_bind_text(stmt, i, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
        }
    }
    if (rc != SQLITE_OK) {
        failed_reads++;
        log_error("cannot bind \"%.200s\": %s", text, keep_cause(db->sql));
        return NULL;
    }
    return stmt;
}

sqlite3_stmt *db_query(struct db *db, const char *text, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    sqlite3_stmt *stmt = bind(db, text, fmt, ap);
    va_end(ap);
    return stmt;
}

bool db_row(sqlite3_stmt *stmt, bool *ok)
{
    if (stmt == NULL) {
        if (ok != NULL)
            *ok = false;
        return false;
    }
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        return true;
    if (rc != SQLITE_DONE) {
        failed_reads++;
        log_error("cannot read: %s", keep_cause(sqlite3_db_handle(stmt)));
        if (ok != NULL)
            *ok = false;
    }
    (void)sqlite3_reset(stmt);
    return false;
}

int db_exec(struct db *db, const char *text, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    sqlite3_stmt *stmt = bind(db, text, fmt, ap);
    va_end(ap);
    if (stmt == NULL)
        return -1;
    int rc = sqlite3_step(stmt);
    int changed = sqlite3_changes(db->sql);
    if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
        log_error("cannot write \"%.200s\": %s", text, keep_cause(db->sql));
        if ((rc & 0xff) == SQLITE_FULL || (rc & 0xff) == SQLITE_IOERR ||
            (rc & 0xff) == SQLITE_READONLY || (rc & 0xff) == SQLITE_CANTOPEN)
            trouble_note("the database", cause);
        changed = -1;
    }
    (void)sqlite3_reset(stmt);
    return changed;
}

int64_t db_last_id(struct db *db)
{
    return sqlite3_last_insert_rowid(db->sql);
}

int64_t db_int(struct db *db, int64_t missing, const char *text, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    sqlite3_stmt *stmt = bind(db, text, fmt, ap);
    va_end(ap);
    if (stmt == NULL)
        return missing;
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW && sqlite3_column_type(stmt, 0) != SQLITE_NULL)
        missing = sqlite3_column_int64(stmt, 0);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        failed_reads++;
        log_error("cannot read \"%.200s\": %s", text, keep_cause(db->sql));
    }
    (void)sqlite3_reset(stmt);
    return missing;
}
