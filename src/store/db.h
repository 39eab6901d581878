/* SPDX-License-Identifier: GPL-3.0-or-later */
/* db.h - SQLite, kept small: cached statements, binding by a format, rows by column.
 * Only src/store includes this. A format has one letter per '?': i int64_t, b (const void *,
 * size_t), t (const char *, NULL allowed). */
#ifndef RESTANTE_STORE_DB_H
#define RESTANTE_STORE_DB_H

#include "base/error.h"
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DB_STMTS 512
#define DB_CAUSE_CAP 160

struct db {
    sqlite3 *sql;
    struct {
        const char *text; /* compared by address: texts are literals */
        sqlite3_stmt *stmt;
    } cache[DB_STMTS];
    size_t cached;
};

int db_open(struct db *db, const char *path, bool read_only, struct error *e);
void db_close(struct db *db);
/* Several statements without results. */
int db_script(struct db *db, const char *text, struct error *e);
/* A statement, bound and ready to step; NULL (and a log line) when it cannot be. */
sqlite3_stmt *db_query(struct db *db, const char *text, const char *fmt, ...);
/* true while there is a row; false at the end (then it is reset). *ok (may be NULL) is cleared on
 * error. */
bool db_row(sqlite3_stmt *stmt, bool *ok);
/* Runs a statement without rows. -1 and a log line on error; number of changed rows else. */
int db_exec(struct db *db, const char *text, const char *fmt, ...);
/* The same for a statement of which it does not matter how much it changes: 0, or -1. */
#define db_run(...) (db_exec(__VA_ARGS__) < 0 ? -1 : 0)
/* SQLite's text about the last statement that failed on this thread since db_cause_forget(); "":
 * none did. */
const char *db_cause(void);
void db_cause_forget(void);
/* See store_failed_reads in store.h. */
unsigned db_failed_reads(void);
int64_t db_last_id(struct db *db);
/* First column of the first row, or missing. */
int64_t db_int(struct db *db, int64_t missing, const char *text, const char *fmt, ...);

#endif
