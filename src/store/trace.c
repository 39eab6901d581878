/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trace.c - see trace.h. Ids are compared as text, so that the beginning of one is enough: each
 * look reads through whole tables, which a person who asks has time for. */
#include "store/trace.h"
#include "base/file.h"
#include "base/mem.h"
#include "store/column.h"
#include "store/db.h"
#include "store/schema.h"
#include <stdlib.h>
#include <string.h>

struct db *trace_open(const char *path, struct error *e)
{
    if (!file_exists(path)) {
        (void)error_set(e, "There is no database %s: this peer was never started.", path);
        return NULL;
    }
    struct db *db = mem_new(sizeof *db);
    if (db_open(db, path, true, e) < 0) { /* which closed it */
        free(db);
        return NULL;
    }
    if (schema_is_newest(db, e) < 0)
        trace_close(&db);
    return db;
}

void trace_close(struct db **db)
{
    if (*db == NULL)
        return;
    db_close(*db);
    free(*db);
    *db = NULL;
}

static size_t rows(sqlite3_stmt *q, struct trace_row *row_r, size_t max)
{
    size_t n = 0;
    while (db_row(q, NULL)) {
        if (n == max) {
            (void)sqlite3_reset(q);
            break;
        }
        row_r[n].kind = (enum trace_kind)sqlite3_column_int(q, 0);
        row_r[n].n = sqlite3_column_int64(q, 1);
        if (column_text(q, 2, row_r[n].id, sizeof row_r[n].id) == 0)
            n++;
    }
    return n;
}

#define SENT "1/*TRACE_SENT*/"
#define CAME "2/*TRACE_CAME*/"
#define HELD "3/*TRACE_HELD*/"
#define FIND(kind, row, id, table)                                                                 \
    "SELECT " kind "," row ",lower(hex(" id ")) FROM " table " WHERE substr(lower(hex(" id         \
    ")),1,length(?1))=?1"
#define OR " UNION ALL "
static const char find[] = /* the message, its notifications, its blobs; what came; what is held */
    FIND(SENT, "n", "id", "message") OR FIND(SENT, "message", "nid", "receiver")
        OR FIND(SENT, "message", "hash", "blob") OR FIND(CAME, "n", "nid", "incoming")
            OR FIND(CAME, "n", "hash", "incoming") OR FIND(HELD, "n", "hash", "replica");

size_t trace_find(struct db *db, const char *hex, struct trace_row *row_r, size_t max)
{
    return rows(db_query(db, find, "t", hex), row_r, max);
}

size_t trace_find_msgid(struct db *db, const char *msgid, struct trace_row *row_r, size_t max)
{
    return rows(db_query(db, "SELECT " SENT ",n,lower(hex(id)) FROM message WHERE msgid=?", "b",
                         msgid, strlen(msgid)),
                row_r, max);
}

size_t trace_blobs(struct db *db, int64_t message, int64_t *n_r, size_t max)
{
    size_t n = 0;
    sqlite3_stmt *q = db_query(db, "SELECT n FROM blob WHERE message=? ORDER BY n LIMIT ?", "ii",
                               message, (int64_t)max);
    while (db_row(q, NULL))
        n_r[n++] = sqlite3_column_int64(q, 0);
    return n;
}

const char *trace_blob_state(enum blob_state s)
{
    switch (s) {
    case BLOB_SEALED:
        return "sealed";
    case BLOB_PUBLISHED:
        return "published";
    case BLOB_GONE:
        return "deleted, nobody waits for it";
    case BLOB_MISSING:
        return "missing";
    }
    return "?";
}

const char *trace_replica_state(enum replica_state s)
{
    switch (s) {
    case REPLICA_WANTED:
        return "to be fetched";
    case REPLICA_HELD:
        return "held";
    case REPLICA_REFUSED:
        return "over its owner's quota";
    case REPLICA_DROP:
        return "removed by its owner";
    case REPLICA_UNWANTED:
        return "not held, by this peer's rule";
    case REPLICA_LET_GO:
        return "being deleted, by this peer's rule";
    }
    return "?";
}
