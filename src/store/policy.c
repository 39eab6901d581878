/* SPDX-License-Identifier: GPL-3.0-or-later */
/* policy.c - see policy.h. */
#include "store/policy.h"
#include "proto/records.h"
#include "store/column.h"
#include "store/db.h"
#include "store/incoming.h"
#include <string.h>

static const char *const names[] = {"", "on-open", "refuse-background", "pull-all"};
#define POLICIES (sizeof names / sizeof *names)

const char *policy_name(enum policy p)
{
    return (size_t)p < POLICIES ? names[p] : "";
}

enum policy policy_of_name(const char *name)
{
    for (size_t i = 1; i < POLICIES; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum policy)i;
    return POLICY_NONE;
}

enum policy policy_get(struct db *db, enum policy_kind kind, const char *name)
{
    return (enum policy)db_int(db, POLICY_NONE, "SELECT value FROM policy WHERE kind=? AND name=?",
                               "it", (int64_t)kind, name);
}

int policy_set(struct db *db, enum policy_kind kind, const char *name, int64_t value)
{
    return db_run(db, "INSERT OR REPLACE INTO policy(kind,name,value) VALUES(?,?,?)", "iti",
                  (int64_t)kind, name, value);
}

int policy_forget(struct db *db, enum policy_kind kind, const char *name)
{
    return db_exec(db, "DELETE FROM policy WHERE kind=? AND name=?", "it", (int64_t)kind, name);
}

void policy_each(struct db *db,
                 bool (*fn)(void *ctx, enum policy_kind kind, const char *name, int64_t value),
                 void *ctx)
{
    sqlite3_stmt *q = db_query(db, "SELECT kind,name,value FROM policy ORDER BY kind,name", "");
    while (db_row(q, NULL)) {
        if (!fn(ctx, (enum policy_kind)sqlite3_column_int(q, 0),
                (const char *)sqlite3_column_text(q, 1), sqlite3_column_int64(q, 2))) {
            (void)sqlite3_reset(q);
            return;
        }
    }
}

int policy_arrived(struct db *db, int64_t n)
{
    return db_exec(
        db,
        "UPDATE incoming SET wanted=1 WHERE n=?1 AND state=2/*IN_STUB*/ AND place=0/*PLACE_INBOX*/ "
        "AND wanted=0 AND m_size<="
        "coalesce((SELECT value FROM policy WHERE kind=3/*POLICY_ARRIVAL*/ AND "
        "name=incoming.sender),"
        "(SELECT value FROM policy p WHERE kind=3/*POLICY_ARRIVAL*/ AND "
        "p.name='" POLICY_ARRIVAL_CONTACTS "' AND"
        " EXISTS(SELECT 1 FROM contact c WHERE c.address=incoming.sender AND c.fpr=incoming.fpr)),"
        "(SELECT value FROM policy WHERE kind=3/*POLICY_ARRIVAL*/ AND name='" POLICY_ARRIVAL_ALL
        "'),-1)",
        "i", n);
}

bool policy_sender(struct db *db, const uint8_t nid[32], char *sender_r, size_t cap)
{
    sqlite3_stmt *q = db_query(
        db, "SELECT sender FROM incoming WHERE nid=? AND state IN (1/*IN_NOTICED*/,2/*IN_STUB*/)",
        "b", nid, (size_t)HASH_LEN);
    if (!db_row(q, NULL))
        return false;
    int rc = column_text(q, 0, sender_r, cap);
    (void)sqlite3_reset(q);
    return rc == 0;
}

int policy_want_all(struct db *db)
{
    return db_run(db,
                  "UPDATE incoming SET wanted=1,due_ms=0,tries=0 WHERE state IN "
                  "(1/*IN_NOTICED*/,2/*IN_STUB*/) AND gone_ms"
                  " IS NULL AND NOT EXISTS(SELECT 1 FROM cancelled c WHERE c.nid=incoming.nid)",
                  "");
}

size_t policy_wanted(struct db *db, int64_t after_n, int64_t *n_r, size_t max)
{
    size_t n = 0;
    sqlite3_stmt *q = db_query(db,
                               "SELECT n FROM incoming WHERE wanted=1 AND state IN "
                               "(1/*IN_NOTICED*/,2/*IN_STUB*/) AND n>? ORDER BY n LIMIT ?",
                               "ii", after_n, (int64_t)max);
    while (db_row(q, NULL))
        n_r[n++] = sqlite3_column_int64(q, 0);
    return n;
}

void policy_progress(struct db *db, int64_t n, struct policy_progress *p)
{
    *p = (struct policy_progress){.ended = true};
    sqlite3_stmt *q =
        db_query(db, "SELECT nid,blob_size,state,wanted,tries FROM incoming WHERE n=?", "i", n);
    if (!db_row(q, NULL))
        return;
    int state = sqlite3_column_int(q, 2);
    bool wanted = sqlite3_column_int(q, 3) != 0;
    (void)column_fixed(q, 0, p->nid, HASH_LEN);
    p->octets = sqlite3_column_int64(q, 1);
    p->ended = state >= IN_ANSWER;
    /* a step that gives up wants it no more */
    p->failing = state <= IN_STUB && (!wanted || sqlite3_column_int64(q, 4) > 0);
    (void)sqlite3_reset(q);
}
