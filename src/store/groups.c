/* SPDX-License-Identifier: GPL-3.0-or-later */
/* groups.c - see groups.h. */
#include "store/groups.h"
#include "base/clock.h"
#include "store/column.h"
#include "store/contacts.h"
#include "store/db.h"
#include <string.h>

#define COLUMNS                                                                                    \
    "SELECT name,master,master_fpr,master_key,role,accepted,seq,expiry_s,roster,signed,record,"    \
    "lock,old_hash,put_ms FROM peer_group "

void group_row_free(struct group_row *g)
{
    bytes_free(&g->master_key);
    bytes_free(&g->signed_);
    bytes_free(&g->record);
}

static int read_row(sqlite3_stmt *q, struct group_row *g)
{
    *g = (struct group_row){0};
    g->role = (enum group_role)sqlite3_column_int(q, 4);
    g->accepted = sqlite3_column_int(q, 5) != 0;
    g->seq = (uint64_t)sqlite3_column_int64(q, 6);
    g->expiry_s = sqlite3_column_int64(q, 7);
    g->has_old = column_fixed(q, 12, g->old_hash, HASH_LEN) == 0;
    g->put_ms = sqlite3_column_int64(q, 13);
    int rc = column_text(q, 0, g->name, sizeof g->name) |
             column_text(q, 1, g->master, sizeof g->master) |
             column_fixed(q, 2, g->master_fpr, FPR_LEN) | column_bytes(q, 3, &g->master_key) |
             column_fixed(q, 8, g->roster, HASH_LEN) | column_bytes(q, 9, &g->signed_) |
             column_bytes(q, 10, &g->record) | column_fixed(q, 11, g->lock, HASH_LEN);
    if (rc != 0)
        group_row_free(g);
    return rc != 0 ? -1 : 0;
}

static int group_row_read(sqlite3_stmt *q, struct group_row *g)
{
    if (!db_row(q, NULL))
        return -1;
    int rc = read_row(q, g);
    (void)sqlite3_reset(q);
    return rc;
}

int group_get_accepted(struct db *db, struct group_row *g)
{
    return group_row_read(db_query(db, COLUMNS "WHERE accepted=1", ""), g);
}

int group_get(struct db *db, const uint8_t master_fpr[FPR_LEN], struct group_row *g)
{
    return group_row_read(
        db_query(db, COLUMNS "WHERE master_fpr=?", "b", master_fpr, (size_t)FPR_LEN), g);
}

void group_list(struct db *db, bool (*fn)(void *ctx, const struct group_row *g), void *ctx)
{
    sqlite3_stmt *q = db_query(db, COLUMNS "ORDER BY accepted DESC, master", "");
    bool more = true;
    while (more && db_row(q, NULL)) {
        struct group_row g;
        if (read_row(q, &g) < 0)
            continue;
        more = fn(ctx, &g);
        group_row_free(&g);
    }
    if (!more)
        (void)sqlite3_reset(q);
}

/* Calls fn for the rows of a query whose columns are those of a member. */
static void each_member(sqlite3_stmt *q, bool (*fn)(void *ctx, const struct group_fellow *m),
                        void *ctx)
{
    bool more = true;
    while (more && db_row(q, NULL)) {
        struct group_fellow m = {0};
        m.role = (enum group_role)sqlite3_column_int(q, 2);
        m.joined = sqlite3_column_int(q, 4) != 0;
        m.checked_ms = sqlite3_column_int64(q, 5);
        if ((column_text(q, 0, m.address, sizeof m.address) | column_fixed(q, 1, m.fpr, FPR_LEN) |
             column_bytes(q, 3, &m.pubkey)) == 0)
            more = fn(ctx, &m);
        bytes_free(&m.pubkey);
    }
    if (!more)
        (void)sqlite3_reset(q);
}

void group_members(struct db *db, const uint8_t master_fpr[FPR_LEN],
                   bool (*fn)(void *ctx, const struct group_fellow *m), void *ctx)
{
    each_member(db_query(db,
                         "SELECT address,fpr,role,pubkey,joined,checked_ms FROM member"
                         " WHERE master_fpr=? ORDER BY address",
                         "b", master_fpr, (size_t)FPR_LEN),
                fn, ctx);
}

void group_fellows(struct db *db, const char *own,
                   bool (*fn)(void *ctx, const struct group_fellow *m), void *ctx)
{
    each_member(db_query(db,
                         "SELECT m.address,m.fpr,m.role,m.pubkey,m.joined,m.checked_ms FROM member"
                         " m JOIN peer_group g ON g.master_fpr=m.master_fpr WHERE g.accepted=1 AND"
                         " m.address<>? AND m.pubkey IS NOT NULL ORDER BY m.address",
                         "t", own),
                fn, ctx);
}

bool group_is_fellow(struct db *db, const char *own, const char *address,
                     const uint8_t fpr[FPR_LEN])
{
    return strcmp(own, address) != 0 &&
           db_int(db, 0,
                  "SELECT 1 FROM member m JOIN peer_group g ON g.master_fpr=m.master_fpr WHERE"
                  " g.accepted=1 AND m.address=? AND m.fpr=?",
                  "tb", address, fpr, (size_t)FPR_LEN) == 1;
}

int group_vouched_fpr(struct db *db, const char *address, uint8_t fpr[FPR_LEN])
{
    sqlite3_stmt *q = db_query(db,
                               "SELECT m.fpr FROM member m JOIN peer_group g ON"
                               " g.master_fpr=m.master_fpr WHERE g.accepted=1 AND m.address=?",
                               "t", address);
    if (!db_row(q, NULL))
        return -1;
    int rc = column_fixed(q, 0, fpr, FPR_LEN);
    (void)sqlite3_reset(q);
    return rc;
}

/* ---- what a descriptor changes */

static int make_room(struct db *db)
{
    if (db_exec(
            db,
            "DELETE FROM peer_group WHERE accepted=0 AND (role=0/*ROLE_NONE*/ OR expiry_s<?1) AND"
            " (SELECT count(*) FROM peer_group)>=?2",
            "ii", clock_wall_ms() / 1000, (int64_t)GROUPS_MAX) < 0 ||
        db_exec(db,
                "DELETE FROM member WHERE master_fpr NOT IN (SELECT master_fpr FROM peer_group)",
                "") < 0)
        return -1;
    return db_int(db, GROUPS_MAX, "SELECT count(*) FROM peer_group", "") < GROUPS_MAX ? 0 : 1;
}

static int put_members(struct db *db, const uint8_t master_fpr[FPR_LEN],
                       const struct group_record *r)
{
    /* role 0 marks those that the new list does not name; keys of the others stay */
    if (db_exec(db, "UPDATE member SET role=0/*ROLE_NONE*/ WHERE master_fpr=?", "b", master_fpr,
                (size_t)FPR_LEN) < 0)
        return -1;
    for (size_t i = 0; i < r->count; i++) {
        const struct group_member *m = &r->members[i];
        if (db_exec(db,
                    "INSERT INTO member(master_fpr,address,fpr,role) VALUES(?,?,?,?) ON CONFLICT DO"
                    " UPDATE SET pubkey=CASE WHEN fpr=excluded.fpr THEN pubkey END,"
                    "joined=CASE WHEN fpr=excluded.fpr THEN joined ELSE 0 END,"
                    "checked_ms=CASE WHEN fpr=excluded.fpr THEN checked_ms ELSE 0 END,"
                    "role=excluded.role,fpr=excluded.fpr",
                    "btbi", master_fpr, (size_t)FPR_LEN, m->address, m->fpr, (size_t)FPR_LEN,
                    (int64_t)m->role) < 0)
            return -1;
    }
    return db_run(db, "DELETE FROM member WHERE master_fpr=? AND role=0/*ROLE_NONE*/", "b",
                  master_fpr, (size_t)FPR_LEN);
}

static int put_row(struct db *db, const struct group_row *g, enum group_role role, bool accepted,
                   const uint8_t *old_hash)
{
    return db_run(db,
                  "INSERT INTO peer_group(master_fpr,name,master,master_key,role,accepted,seq,"
                  "expiry_s,roster,signed,record,lock,old_hash) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)"
                  " ON CONFLICT DO UPDATE SET master=excluded.master,role=excluded.role,"
                  "accepted=excluded.accepted,seq=excluded.seq,expiry_s=excluded.expiry_s,"
                  "roster=excluded.roster,signed=excluded.signed,record=excluded.record,"
                  "lock=excluded.lock,old_hash=ifnull(excluded.old_hash,old_hash),put_ms=0",
                  "bttbiiiibbbbb", g->master_fpr, (size_t)FPR_LEN, g->name, g->master,
                  g->master_key.p, g->master_key.n, (int64_t)role, (int64_t)accepted,
                  (int64_t)g->seq, g->expiry_s, g->roster, (size_t)HASH_LEN, g->signed_.p,
                  g->signed_.n, g->record.p, g->record.n, g->lock, (size_t)HASH_LEN, old_hash,
                  (size_t)HASH_LEN);
}

enum group_news group_apply(struct db *db, const struct group_row *g, const struct group_record *r,
                            const char *own, const uint8_t own_fpr[FPR_LEN], bool made_here)
{
    const struct group_member *me = group_find(r, own);
    const enum group_role role =
        me != NULL && memcmp(me->fpr, own_fpr, FPR_LEN) == 0 ? me->role : ROLE_NONE;
    struct group_row have;
    uint8_t old[HASH_LEN];
    bool mine = memcmp(g->master_fpr, own_fpr, FPR_LEN) == 0;
    bool known = group_get(db, g->master_fpr, &have) == 0, accepted = known && have.accepted;
    enum group_news news = GROUP_NEW;
    if (known) {
        if (g->seq < have.seq || (g->seq == have.seq && g->expiry_s <= have.expiry_s))
            news = GROUP_SAME;
        if (g->seq == have.seq && memcmp(g->roster, have.roster, HASH_LEN) != 0)
            news = GROUP_CONFLICT;
        sha256(have.record.p, have.record.n, old);
        group_row_free(&have);
    } else if (role == ROLE_NONE) {
        news = GROUP_REFUSED;
    } else {
        int full = make_room(db);
        news = full < 0 ? GROUP_ERROR : full > 0 ? GROUP_REFUSED : GROUP_NEW;
    }
    if (news != GROUP_NEW)
        return news;
    bool take = mine && !accepted && (made_here || !known);
    if (take && db_int(db, 0, "SELECT count(*) FROM peer_group WHERE accepted=1", ""))
        return GROUP_REFUSED;
    accepted = take || (accepted && role != ROLE_NONE);
    if (put_row(db, g, role, accepted, mine && made_here && known ? old : NULL) < 0 ||
        put_members(db, g->master_fpr, r) < 0)
        return GROUP_ERROR;
    return GROUP_NEW;
}

int group_accept(struct db *db, const uint8_t master_fpr[FPR_LEN])
{
    if (db_int(db, 0, "SELECT 1 FROM peer_group WHERE master_fpr=? AND role<>0/*ROLE_NONE*/", "b",
               master_fpr, (size_t)FPR_LEN) == 0)
        return 1;
    if (db_int(db, 0, "SELECT count(*) FROM peer_group WHERE accepted=1 AND master_fpr<>?", "b",
               master_fpr, (size_t)FPR_LEN) > 0)
        return 2;
    return db_exec(db, "UPDATE peer_group SET accepted=1,put_ms=0 WHERE master_fpr=?", "b",
                   master_fpr, (size_t)FPR_LEN) < 0 ||
                   db_exec(db, "UPDATE member SET checked_ms=0 WHERE master_fpr=?", "b", master_fpr,
                           (size_t)FPR_LEN) < 0
               ? -1
               : 0;
}

int group_leave(struct db *db, const uint8_t master_fpr[FPR_LEN])
{
    /* what only this group vouched for is an ordinary pin again */
    if (db_exec(db,
                "UPDATE contact SET trust=1/*TRUST_SEEN*/ WHERE trust=2/*TRUST_VOUCHED*/ AND "
                "address IN (SELECT address FROM"
                " member WHERE master_fpr=?)",
                "b", master_fpr, (size_t)FPR_LEN) < 0)
        return -1;
    return db_run(db, "UPDATE peer_group SET accepted=0 WHERE master_fpr=?", "b", master_fpr,
                  (size_t)FPR_LEN);
}

int group_set_put(struct db *db, const struct group_row *g, const uint8_t lock[HASH_LEN],
                  int64_t put_ms)
{
    return db_run(db, "UPDATE peer_group SET put_ms=?,lock=? WHERE master_fpr=? AND record=?",
                  "ibbb", put_ms, lock, (size_t)HASH_LEN, g->master_fpr, (size_t)FPR_LEN,
                  g->record.p, g->record.n);
}

int group_set_old_gone(struct db *db, const struct group_row *g)
{
    return db_run(db, "UPDATE peer_group SET old_hash=NULL WHERE master_fpr=? AND old_hash=?", "bb",
                  g->master_fpr, (size_t)FPR_LEN, g->old_hash, (size_t)HASH_LEN);
}

int group_set_key(struct db *db, const struct contact *c, bool joined)
{
    /* the sequence of identities is the contact's: seen here, it is renewed there too */
    if (db_exec(db,
                "UPDATE member SET joined=?,checked_ms=?,pubkey=ifnull(?,pubkey) WHERE address=?"
                " AND fpr=? AND master_fpr IN (SELECT master_fpr FROM peer_group WHERE accepted=1)",
                "iibtb", (int64_t)joined, c->checked_ms, c->pubkey.p, c->pubkey.n, c->address,
                c->fpr, (size_t)FPR_LEN) < 0)
        return -1;
    if (c->pubkey.p == NULL)
        return 0;
    if (contact_pin(db, c) < 0)
        return -1;
    return db_run(db,
                  "UPDATE contact SET trust=2/*TRUST_VOUCHED*/ WHERE address=? AND fpr=? AND "
                  "trust<2/*TRUST_VOUCHED*/",
                  "tb", c->address, c->fpr, (size_t)FPR_LEN);
}

int group_to_tell(struct db *db, struct group_named *g)
{
    *g = (struct group_named){0};
    sqlite3_stmt *q =
        db_query(db,
                 "SELECT master,master_fpr,seq FROM peer_group WHERE role IN "
                 "(1/*ROLE_MEMBER*/,2/*ROLE_DEPUTY*/) AND"
                 " accepted=0 AND told=0 AND NOT EXISTS(SELECT 1 FROM accepted a WHERE"
                 " a.address=master AND a.fpr=master_fpr AND a.team=1) LIMIT 1",
                 "");
    if (!db_row(q, NULL))
        return -1;
    int rc =
        column_text(q, 0, g->master, sizeof g->master) | column_fixed(q, 1, g->master_fpr, FPR_LEN);
    g->seq = (uint64_t)sqlite3_column_int64(q, 2);
    (void)sqlite3_reset(q);
    return rc;
}

int group_set_told(struct db *db, const uint8_t master_fpr[FPR_LEN])
{
    return db_run(db, "UPDATE peer_group SET told=1 WHERE master_fpr=?", "b", master_fpr,
                  (size_t)FPR_LEN);
}

bool group_own_master(struct db *db, uint8_t master_fpr[FPR_LEN])
{
    struct group_row g;
    memset(master_fpr, 0, FPR_LEN);
    if (group_get_accepted(db, &g) < 0)
        return false;
    memcpy(master_fpr, g.master_fpr, FPR_LEN);
    group_row_free(&g);
    return true;
}
