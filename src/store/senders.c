/* SPDX-License-Identifier: GPL-3.0-or-later */
/* senders.c - see senders.h. */
#include "store/senders.h"
#include "base/clock.h"
#include "store/column.h"
#include "store/contacts.h"
#include "store/db.h"
#include "store/policy.h"
#include <string.h>

enum sender_rule sender_rule(struct db *db, const char *address)
{
    return (enum sender_rule)db_int(db, SENDER_NONE, "SELECT rule FROM sender WHERE address=?", "t",
                                    address);
}

int sender_set(struct db *db, const char *address, enum sender_rule rule)
{
    if (sender_rule(db, address) == rule)
        return 0;
    return db_exec(db, "INSERT OR REPLACE INTO sender(address,rule,since_ms) VALUES(?,?,?)", "tii",
                   address, (int64_t)rule, clock_wall_ms());
}

int sender_unblock(struct db *db, const char *address)
{
    /* without a rule what lies in Junk would raise the question again */
    return sender_rule(db, address) == SENDER_BLOCKED ? sender_set(db, address, SENDER_ASKED) : 0;
}

void sender_blocked_each(struct db *db, bool (*fn)(void *ctx, const char *address), void *ctx)
{
    sqlite3_stmt *q = db_query(db, "SELECT address FROM sender WHERE rule=? ORDER BY address", "i",
                               (int64_t)SENDER_BLOCKED);
    while (db_row(q, NULL)) {
        if (!fn(ctx, (const char *)sqlite3_column_text(q, 0))) {
            (void)sqlite3_reset(q);
            return;
        }
    }
}

bool sender_known(struct db *db, const char *address, const uint8_t fpr[FPR_LEN])
{
    return db_int(db, 0, "SELECT 1 FROM contact WHERE address=? AND fpr=?", "tb", address, fpr,
                  (size_t)FPR_LEN) == 1;
}

static int sender_pin(struct db *db, const struct incoming *in)
{
    /* features and shards are learned from its identity when something is sent there */
    struct contact c = {.pubkey = in->pubkey, .trust = TRUST_SEEN, .shards = 1};
    (void)strcpy(c.address, in->sender);
    memcpy(c.fpr, in->fpr, FPR_LEN);
    return contact_pin(db, &c);
}

int sender_accept(struct db *db, int64_t n)
{
    struct incoming in;
    struct contact c;
    if (in_get(db, n, &in) < 0)
        return 0; /* forgotten meanwhile */
    int rc = 0;
    if (contact_get(db, in.sender, &c) == 0)
        contact_free(&c);
    else
        rc = sender_pin(db, &in);
    if (rc == 0)
        rc = sender_unblock(db, in.sender) < 0 ||
                     db_exec(db, "UPDATE incoming SET place=0/*PLACE_INBOX*/ WHERE n=?", "i", n) <
                         0 ||
                     policy_arrived(db, n) < 0
                 ? -1
                 : 0;
    incoming_free(&in);
    return rc;
}

size_t in_apart(struct db *db, uint8_t (*nid)[HASH_LEN], size_t max)
{
    size_t n = 0;
    sqlite3_stmt *q =
        db_query(db,
                 "SELECT nid FROM incoming WHERE place>0/*PLACE_INBOX*/ AND state IN "
                 "(2/*IN_STUB*/,3/*IN_PULLED*/,4/*IN_ANSWER*/,5/*IN_ANSWERED*/,6/*IN_SETTLED*/)"
                 " ORDER BY n DESC LIMIT ?",
                 "i", (int64_t)max);
    while (db_row(q, NULL))
        if (column_fixed(q, 0, nid[n], HASH_LEN) == 0)
            n++;
    return n;
}
