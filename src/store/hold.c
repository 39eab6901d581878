/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hold.c - see hold.h. The states are those of enum replica_state. */
#include "store/hold.h"
#include "store/column.h"
#include "store/db.h"
#include "store/replicas.h"
#include <stdlib.h>
#include <string.h>

#define FOR "for:" /* and a member's address, in the table's names */

void hold_get(struct db *db, struct hold *h)
{
    *h = (struct hold){.max = HOLD_ANY_SIZE};
    sqlite3_stmt *q = db_query(db, "SELECT name,value FROM hold ORDER BY name", "");
    while (db_row(q, NULL)) {
        char name[sizeof FOR + ADDRESS_MAX];
        int64_t value = sqlite3_column_int64(q, 1);
        if (column_text(q, 0, name, sizeof name) < 0)
            continue;
        if (strcmp(name, "mode") == 0)
            h->mode = (enum hold_mode)value;
        else if (strcmp(name, "max") == 0)
            h->max = value;
        else if (strncmp(name, FOR, strlen(FOR)) == 0 && h->count < GROUP_MEMBERS_MAX)
            (void)strcpy(h->who[h->count++], name + strlen(FOR));
    }
}

static bool covers(const struct hold *h, const char *owner, int64_t size, bool own)
{
    bool named = h->count == 0;
    for (size_t i = 0; i < h->count; i++)
        named = named || strcmp(h->who[i], owner) == 0;
    return named && h->mode != HOLD_NONE && size <= h->max && !(own && h->mode == HOLD_OTHERS);
}

struct blob_row {
    int64_t n, state, size;
    bool own; /* only this peer is waited for, as far as the owner's list says */
};

/* Rows of one owner that are to be decided; *held_r: octets that count already. */
static struct blob_row *read_rows(struct db *db, const char *owner, const char *own, bool held,
                                  size_t *count_r, uint64_t *held_r)
{
    size_t count = 0,
           cap = (size_t)db_int(db, 0, "SELECT count(*) FROM replica WHERE owner=?", "t", owner);
    struct blob_row *row = calloc(cap + 1, sizeof *row);
    if (row == NULL)
        return NULL;
    *held_r = (uint64_t)db_int(db, 0,
                               "SELECT sum(size) FROM replica WHERE owner=? AND state IN "
                               "(2/*REPLICA_HELD*/,4/*REPLICA_DROP*/,6/*REPLICA_LET_GO*/)",
                               "t", owner);
    sqlite3_stmt *q = db_query(
        db,
        "SELECT n,size,state,EXISTS(SELECT 1 FROM replica_ns s WHERE s.owner=r.owner AND"
        " s.blob=r.hash) AND NOT EXISTS(SELECT 1 FROM replica_ns s WHERE s.owner=r.owner AND"
        " s.blob=r.hash AND s.key<>'ns:'||?2 AND substr(s.key,1,length(?2)+4)<>'ns:'||?2||'/')"
        " FROM replica r WHERE owner=?1 AND (state IN "
        "(1/*REPLICA_WANTED*/,3/*REPLICA_REFUSED*/,5/*REPLICA_UNWANTED*/) OR (?3 AND "
        "state=2/*REPLICA_HELD*/)) ORDER BY n",
        "tti", owner, own, (int64_t)held);
    while (db_row(q, NULL)) {
        if (count < cap)
            row[count++] =
                (struct blob_row){sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 2),
                                  sqlite3_column_int64(q, 1), sqlite3_column_int(q, 3) != 0};
    }
    *count_r = count;
    return row;
}

/* held: what is held, or about to be, is let go if the rule does not cover it. */
static int hold_apply_one(struct db *db, const struct hold *h, const char *owner, const char *own,
                          uint64_t quota, bool held, struct replica_news *news)
{
    size_t count = 0;
    uint64_t sum = 0;
    struct blob_row *row = read_rows(db, owner, own, held, &count, &sum);
    int rc = row == NULL ? -1 : 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        uint64_t size = (uint64_t)row[i].size;
        int64_t state = row[i].state;
        if (!covers(h, owner, row[i].size, row[i].own)) {
            bool files = held && (state == REPLICA_HELD || state == REPLICA_WANTED);
            state = files ? REPLICA_LET_GO : REPLICA_UNWANTED;
        } else if (state != REPLICA_HELD) {
            bool fits = size <= quota && sum <= quota - size;
            state = fits ? REPLICA_WANTED : REPLICA_REFUSED;
            sum += fits ? size : 0;
            news->wanted += fits;
            news->refused += !fits;
        }
        if (state != row[i].state &&
            db_exec(db, "UPDATE replica SET state=?,due_ms=0,tries=0 WHERE n=?", "ii", state,
                    row[i].n) < 0)
            rc = -1;
    }
    free(row);
    return rc;
}

int hold_apply(struct db *db, const char *owner, const char *own, uint64_t quota,
               struct replica_news *news)
{
    struct hold h;
    hold_get(db, &h);
    return hold_apply_one(db, &h, owner, own, quota, false, news);
}

static int store_rule(struct db *db, const struct hold *h)
{
    static const char insert[] = "INSERT INTO hold(name,value) VALUES(?,?)";
    int rc = db_exec(db, "DELETE FROM hold", "") < 0 ||
             db_exec(db, insert, "ti", "mode", (int64_t)h->mode) < 0 ||
             db_exec(db, insert, "ti", "max", h->max) < 0;
    for (size_t i = 0; i < h->count && rc == 0; i++)
        rc = db_exec(db, "INSERT OR REPLACE INTO hold(name,value) VALUES('" FOR "'||?,1)", "t",
                     h->who[i]) < 0;
    return rc == 0 ? 0 : -1;
}

int hold_set(struct db *db, const struct hold *h, const char *own, uint64_t quota)
{
    struct replica_news news = {0};
    char owner[ADDRESS_MAX + 1] = "";
    int rc = store_rule(db, h);
    while (rc == 0) { /* own blobs that are taken back are nobody's rule */
        sqlite3_stmt *q = db_query(db,
                                   "SELECT owner FROM replica WHERE owner>? AND owner<>? ORDER BY"
                                   " owner LIMIT 1",
                                   "tt", owner, own);
        if (!db_row(q, NULL))
            break;
        rc = column_text(q, 0, owner, sizeof owner);
        (void)sqlite3_reset(q);
        if (rc == 0)
            rc = hold_apply_one(db, h, owner, own, quota, true, &news);
    }
    return rc;
}
