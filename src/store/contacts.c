/* SPDX-License-Identifier: GPL-3.0-or-later */
/* contacts.c - see contacts.h. */
#include "store/contacts.h"
#include "base/clock.h"
#include "store/column.h"
#include "store/db.h"
#include "store/outgoing.h"
#include <string.h>

void contact_free(struct contact *c)
{
    bytes_free(&c->pubkey);
}

int contact_get(struct db *db, const char *address, struct contact *c)
{
    *c = (struct contact){0};
    sqlite3_stmt *q = db_query(db,
                               "SELECT pubkey,fpr,trust,ocb,shards,seq,changed_fpr,checked_ms,"
                               "expiry_s,EXISTS(SELECT 1 FROM revoked r WHERE r.fpr=contact.fpr)"
                               " FROM contact WHERE address=?",
                               "t", address);
    if (!db_row(q, NULL))
        return -1;
    (void)strncpy(c->address, address, sizeof c->address - 1);
    int rc = column_bytes(q, 0, &c->pubkey) | column_fixed(q, 1, c->fpr, FPR_LEN);
    c->trust = (enum in_trust)sqlite3_column_int(q, 2);
    c->ocb = sqlite3_column_int(q, 3) != 0;
    c->shards = (uint32_t)sqlite3_column_int64(q, 4);
    c->seq = (uint64_t)sqlite3_column_int64(q, 5);
    c->changed = column_fixed(q, 6, c->changed_fpr, FPR_LEN) == 0;
    c->checked_ms = sqlite3_column_int64(q, 7);
    c->expiry_s = sqlite3_column_int64(q, 8);
    c->revoked = sqlite3_column_int(q, 9) != 0;
    c->held = c->revoked || (c->changed && c->expiry_s > 0 && c->expiry_s < clock_wall_ms() / 1000);
    (void)sqlite3_reset(q);
    if (rc != 0)
        contact_free(c);
    return rc;
}

int contact_pin(struct db *db, const struct contact *c)
{
    if (db_exec(db,
                "INSERT OR IGNORE INTO contact(address,pubkey,fpr,trust,ocb,shards,seq,checked_ms)"
                " SELECT ?1,?2,?3,CASE WHEN EXISTS(SELECT 1 FROM pin WHERE address=?1) THEN "
                "3/*TRUST_VERIFIED*/ ELSE"
                " ?4 END,?5,?6,?7,?8 WHERE NOT EXISTS(SELECT 1 FROM pin WHERE address=?1 AND"
                " fpr<>?3)",
                "tbbiiiii", c->address, c->pubkey.p, c->pubkey.n, c->fpr, (size_t)FPR_LEN,
                (int64_t)c->trust, (int64_t)c->ocb, (int64_t)c->shards, (int64_t)c->seq,
                c->checked_ms) < 0 ||
        db_exec(db, "DELETE FROM pin WHERE address=? AND fpr=?", "tb", c->address, c->fpr,
                (size_t)FPR_LEN) < 0 ||
        db_exec(db,
                "UPDATE contact SET changed_fpr=?2 WHERE address=?1 AND fpr<>?2 AND checked_ms<=?3",
                "tbi", c->address, c->fpr, (size_t)FPR_LEN, c->checked_ms) < 0)
        return -1;
    return db_run(db,
                  "UPDATE contact SET ocb=?,shards=?,seq=?,checked_ms=?,expiry_s=max(expiry_s,?),"
                  "changed_fpr=NULL WHERE address=? AND fpr=? AND seq<=?",
                  "iiiiitbi", (int64_t)c->ocb, (int64_t)c->shards, (int64_t)c->seq, c->checked_ms,
                  c->expiry_s, c->address, c->fpr, (size_t)FPR_LEN, (int64_t)c->seq);
}

/* Mail under the key that the user decided for leaves quarantine. */
static int release(struct db *db, const char *address, const uint8_t fpr[FPR_LEN],
                   enum in_trust trust)
{
    return db_run(db,
                  "UPDATE incoming SET state=?,trust=?,due_ms=0,tries=0,why=NULL,changed_ms=? WHERE"
                  " state=? AND sender=? AND fpr=?",
                  "iiiitb", (int64_t)IN_NOTICED, (int64_t)trust, clock_wall_ms(),
                  (int64_t)IN_QUARANTINED, address, fpr, (size_t)FPR_LEN);
}

/* A key that came with a message, or that a group's list names, is taken for the pin at once. */
static int take_known_key(struct db *db, const char *address, const uint8_t fpr[FPR_LEN])
{
    struct contact c = {.trust = TRUST_VERIFIED, .shards = 1};
    sqlite3_stmt *q = db_query(
        db,
        "SELECT " IN_PUBKEY " FROM incoming WHERE sender=?1 AND fpr=?2 UNION ALL SELECT pubkey FROM"
        " member WHERE address=?1 AND fpr=?2 AND pubkey IS NOT NULL LIMIT 1",
        "tb", address, fpr, (size_t)FPR_LEN);
    if (!db_row(q, NULL))
        return 0;
    int rc = column_bytes(q, 0, &c.pubkey);
    (void)sqlite3_reset(q);
    (void)strncpy(c.address, address, sizeof c.address - 1);
    memcpy(c.fpr, fpr, FPR_LEN);
    if (rc == 0)
        rc = contact_pin(db, &c);
    contact_free(&c);
    return rc;
}

int contact_verify(struct db *db, const char *address, const uint8_t fpr[FPR_LEN])
{
    int known = db_exec(
        db,
        "UPDATE contact SET trust=3/*TRUST_VERIFIED*/,changed_fpr=NULL WHERE address=? AND fpr=?",
        "tb", address, fpr, (size_t)FPR_LEN);
    if (known < 0)
        return -1;
    if (known == 0 && (contact_forget(db, address) < 0 ||
                       db_exec(db, "INSERT INTO pin(address,fpr,since_ms) VALUES(?,?,?)", "tbi",
                               address, fpr, (size_t)FPR_LEN, clock_wall_ms()) < 0 ||
                       take_known_key(db, address, fpr) < 0))
        return -1;
    if (db_exec(db, "UPDATE receiver SET due_ms=0,tries=0 WHERE address=? AND state=?", "ti",
                address, (int64_t)RCV_WAITING) < 0)
        return -1;
    return release(db, address, fpr, TRUST_VERIFIED);
}

int contact_pinned_fpr(struct db *db, const char *address, uint8_t fpr[FPR_LEN])
{
    sqlite3_stmt *q = db_query(
        db,
        "SELECT fpr FROM contact WHERE address=?1 UNION ALL SELECT fpr FROM pin WHERE address=?1",
        "t", address);
    if (!db_row(q, NULL))
        return -1;
    int rc = column_fixed(q, 0, fpr, FPR_LEN);
    (void)sqlite3_reset(q);
    return rc;
}

int contact_set_changed(struct db *db, const char *address, const uint8_t fpr[FPR_LEN])
{
    return db_run(db, "UPDATE contact SET changed_fpr=? WHERE address=? AND fpr<>?", "btb", fpr,
                  (size_t)FPR_LEN, address, fpr, (size_t)FPR_LEN);
}

void contact_each(struct db *db,
                  bool (*fn)(void *ctx, const struct contact *c, const uint8_t *other), void *ctx)
{
    sqlite3_stmt *q = db_query(
        db,
        "SELECT address,fpr,trust,checked_ms,coalesce(changed_fpr,(SELECT i.fpr FROM incoming i"
        " WHERE i.state=8/*IN_QUARANTINED*/ AND i.sender=contact.address AND i.fpr<>contact.fpr "
        "AND i.fpr NOT IN"
        " (SELECT r.fpr FROM revoked r) ORDER BY i.n DESC"
        " LIMIT 1)) FROM contact UNION ALL SELECT address,fpr,3/*TRUST_VERIFIED*/,0,NULL FROM pin "
        "ORDER BY address",
        "");
    while (db_row(q, NULL)) {
        struct contact c = {0};
        uint8_t other[FPR_LEN];
        int rc =
            column_text(q, 0, c.address, sizeof c.address) | column_fixed(q, 1, c.fpr, FPR_LEN);
        c.trust = (enum in_trust)sqlite3_column_int(q, 2);
        c.checked_ms = sqlite3_column_int64(q, 3);
        c.changed = column_fixed(q, 4, other, FPR_LEN) == 0;
        if (rc == 0 && !fn(ctx, &c, c.changed ? other : NULL)) {
            (void)sqlite3_reset(q);
            return;
        }
    }
}

int contact_forget(struct db *db, const char *address)
{
    int pins = db_exec(db, "DELETE FROM pin WHERE address=?", "t", address);
    int keys = pins < 0 ? -1 : db_exec(db, "DELETE FROM contact WHERE address=?", "t", address);
    return keys < 0 ? -1 : pins > 0 || keys > 0;
}

int contact_replace(struct db *db, const struct contact *c)
{
    if (contact_forget(db, c->address) < 0 || contact_pin(db, c) < 0)
        return -1;
    return release(db, c->address, c->fpr, c->trust);
}

size_t contact_others(struct db *db, const char *address, uint8_t (*fpr_r)[FPR_LEN], size_t max)
{
    size_t n = 0;
    sqlite3_stmt *q = db_query(
        db,
        "SELECT fpr FROM (SELECT changed_fpr AS fpr,9e18 AS at FROM contact WHERE address=?1 AND"
        " changed_fpr IS NOT NULL UNION ALL SELECT fpr,n AS at FROM incoming WHERE "
        "state=8/*IN_QUARANTINED*/ AND"
        " sender=?1) WHERE fpr NOT IN (SELECT r.fpr FROM revoked r) GROUP BY fpr ORDER BY max(at) "
        "DESC LIMIT ?2",
        "ti", address, (int64_t)max);
    while (db_row(q, NULL))
        if (column_fixed(q, 0, fpr_r[n], FPR_LEN) == 0)
            n++;
    return n;
}

int contact_quarantined_key(struct db *db, const char *address, const uint8_t fpr[FPR_LEN],
                            struct bytes *pubkey)
{
    *pubkey = (struct bytes){0};
    sqlite3_stmt *q =
        db_query(db,
                 "SELECT " IN_PUBKEY
                 " FROM incoming WHERE state=8/*IN_QUARANTINED*/ AND sender=? AND fpr=? LIMIT 1",
                 "tb", address, fpr, (size_t)FPR_LEN);
    if (!db_row(q, NULL))
        return -1;
    int rc = column_bytes(q, 0, pubkey);
    (void)sqlite3_reset(q);
    return rc;
}

int64_t contact_newest_ms(struct db *db, char address_r[ADDRESS_MAX + 1])
{
    int64_t newest = 0;
    sqlite3_stmt *q =
        db_query(db,
                 "SELECT address,seq FROM contact UNION ALL SELECT master,seq FROM peer_group WHERE"
                 " accepted=1 ORDER BY 2 DESC LIMIT 1",
                 "");
    if (!db_row(q, NULL))
        return 0;
    if (column_text(q, 0, address_r, ADDRESS_MAX + 1) == 0)
        newest = sqlite3_column_int64(q, 1);
    (void)sqlite3_reset(q);
    return newest;
}

bool contact_may_witness(struct db *db, const uint8_t fpr[FPR_LEN])
{
    return db_int(db, 0,
                  "SELECT 1 FROM contact WHERE fpr=?1 UNION ALL SELECT 1 FROM member m JOIN"
                  " peer_group g ON g.master_fpr=m.master_fpr WHERE g.accepted=1 AND m.fpr=?1",
                  "b", fpr, (size_t)FPR_LEN) == 1;
}
