/* SPDX-License-Identifier: GPL-3.0-or-later */
/* invites.c - see invites.h. */
#include "store/invites.h"
#include "proto/limits.h"
#include "store/column.h"
#include "store/contacts.h"
#include "store/db.h"
#include "store/outgoing.h"
#include <string.h>

#define FORGET_S (60 * 86400LL)

int invite_add(struct db *db, const struct invite_row *v)
{
    return db_run(
        db, "INSERT INTO invite(id,secret,team,uses_max,made_ms,expiry_s) VALUES(?,?,?,?,?,?)",
        "bbiiii", v->id, (size_t)INVITE_ID_LEN, v->secret, (size_t)INVITE_SECRET_LEN,
        (int64_t)v->group, v->uses_max, v->made_ms, v->expiry_s);
}

int invite_revoke(struct db *db, const uint8_t id[INVITE_ID_LEN])
{
    return db_exec(db, "UPDATE invite SET revoked=1 WHERE id=? AND revoked=0", "b", id,
                   (size_t)INVITE_ID_LEN);
}

int invite_find(struct db *db, const char *hex, uint8_t id[INVITE_ID_LEN])
{
    int found = 0;
    sqlite3_stmt *q = db_query(
        db, "SELECT id FROM invite WHERE substr(hex(id),1,length(?1))=upper(?1) LIMIT 2", "t", hex);
    while (db_row(q, NULL))
        if (column_fixed(q, 0, id, INVITE_ID_LEN) == 0)
            found++;
    return found == 1 ? 0 : found == 0 ? 1 : 2;
}

#define ROW                                                                                        \
    "SELECT id,secret,team,uses_max,made_ms,expiry_s,revoked,(SELECT count(*) FROM invite_use u "  \
    "WHERE u.id=invite.id AND u.step<2/*INVITE_REFUSED*/) FROM invite "

static int row(sqlite3_stmt *q, struct invite_row *v)
{
    *v = (struct invite_row){0};
    int rc =
        column_fixed(q, 0, v->id, INVITE_ID_LEN) | column_fixed(q, 1, v->secret, INVITE_SECRET_LEN);
    v->group = sqlite3_column_int(q, 2) != 0;
    v->uses_max = sqlite3_column_int64(q, 3);
    v->made_ms = sqlite3_column_int64(q, 4);
    v->expiry_s = sqlite3_column_int64(q, 5);
    v->revoked = sqlite3_column_int(q, 6) != 0;
    v->uses = sqlite3_column_int64(q, 7);
    return rc;
}

void invite_each(struct db *db, bool (*fn)(void *ctx, const struct invite_row *v), void *ctx)
{
    sqlite3_stmt *q = db_query(db, ROW "ORDER BY made_ms DESC", "");
    while (db_row(q, NULL)) {
        struct invite_row v;
        int rc = row(q, &v);
        wipe(v.secret, sizeof v.secret);
        if (rc == 0 && !fn(ctx, &v)) {
            (void)sqlite3_reset(q);
            return;
        }
    }
}

void invite_users(struct db *db, const uint8_t *id,
                  bool (*fn)(void *ctx, const struct invite_user *u), void *ctx)
{
    sqlite3_stmt *q = db_query(
        db, "SELECT id,address,at_ms,step FROM invite_use WHERE ?1 IS NULL OR id=?1 ORDER BY at_ms",
        "b", id, id == NULL ? (size_t)0 : (size_t)INVITE_ID_LEN);
    while (db_row(q, NULL)) {
        struct invite_user u = {.at_ms = sqlite3_column_int64(q, 2),
                                .step = (enum invite_step)sqlite3_column_int(q, 3)};
        int rc = column_fixed(q, 0, u.id, INVITE_ID_LEN) |
                 column_text(q, 1, u.address, sizeof u.address);
        if (rc == 0 && !fn(ctx, &u)) {
            (void)sqlite3_reset(q);
            return;
        }
    }
}

int invite_set_step(struct db *db, const char *address, enum invite_step step)
{
    return db_run(db, "UPDATE invite_use SET step=? WHERE address=?", "it", (int64_t)step, address);
}

/* ---- a proof came */

const char *invite_verdict_text(enum invite_verdict v)
{
    switch (v) {
    case INVITE_REVOKED:
        return "that invitation was revoked";
    case INVITE_EXPIRED:
        return "that invitation has expired";
    case INVITE_USED:
        return "that invitation was used as often as it may be";
    case INVITE_OTHER_GROUP:
        return "that invitation is into the group, and this address is of another one";
    case INVITE_OTHER_KEY:
        return "another key is pinned for this address, and stays";
    case INVITE_UNKNOWN:
        return "no such invitation was made here";
    case INVITE_FORGED:
        return "its proof is somebody else's";
    default:
        return NULL;
    }
}

static enum invite_verdict claim_judge(struct db *db, const struct invite_claim *c, const char *own,
                                       const struct invite_row *v, int64_t now_ms)
{
    uint8_t proof[HASH_LEN];
    invite_prove(c, v->secret, proof);
    if (!equal_ct(proof, c->proof, HASH_LEN))
        return INVITE_FORGED;
    if (db_int(db, 0,
               "SELECT count(*) FROM invite_use WHERE id=? AND address=? AND fpr=? AND"
               " step<2/*INVITE_REFUSED*/",
               "btb", c->id, (size_t)INVITE_ID_LEN, c->address, c->fpr, (size_t)FPR_LEN) > 0)
        return INVITE_AGAIN;
    if (v->revoked)
        return INVITE_REVOKED;
    if (now_ms / 1000 > v->expiry_s + LIFE_SLACK)
        return INVITE_EXPIRED;
    if (v->uses >= v->uses_max)
        return INVITE_USED;
    if (v->group && strcmp(address_group(c->address), address_group(own)) != 0)
        return INVITE_OTHER_GROUP;
    uint8_t pinned[FPR_LEN];
    if (contact_pinned_fpr(db, c->address, pinned) == 0 && memcmp(pinned, c->fpr, FPR_LEN) != 0)
        return INVITE_OTHER_KEY;
    return INVITE_TAKEN;
}

static int invite_pin(struct db *db, const struct invite_claim *c, const struct bytes *pubkey)
{
    struct contact k = {.pubkey = *pubkey, .trust = TRUST_VERIFIED, .shards = 1};
    (void)strcpy(k.address, c->address);
    memcpy(k.fpr, c->fpr, FPR_LEN);
    return contact_pin(db, &k) < 0 ? -1 : contact_verify(db, c->address, c->fpr);
}

enum invite_verdict invite_use(struct db *db, const struct invite_claim *c,
                               const struct bytes *pubkey, const char *own, int64_t now_ms)
{
    struct invite_row v;
    sqlite3_stmt *q = db_query(db, ROW "WHERE id=?", "b", c->id, (size_t)INVITE_ID_LEN);
    if (!db_row(q, NULL))
        return INVITE_UNKNOWN;
    int rc = row(q, &v);
    (void)sqlite3_reset(q);
    enum invite_verdict verdict = rc != 0 ? INVITE_ERROR : claim_judge(db, c, own, &v, now_ms);
    wipe(v.secret, sizeof v.secret);
    if (verdict == INVITE_ERROR || verdict == INVITE_AGAIN || verdict == INVITE_FORGED)
        return verdict;
    if (verdict == INVITE_TAKEN && invite_pin(db, c, pubkey) < 0)
        return INVITE_ERROR;
    int64_t step = verdict != INVITE_TAKEN ? INVITE_REFUSED + (int64_t)verdict
                   : v.group               ? INVITE_TO_NAME
                                           : INVITE_DONE;
    /* what an address did with it once is not undone by what another key says for it */
    const char *sql = verdict == INVITE_TAKEN
                          ? "INSERT OR REPLACE INTO invite_use(id,address,fpr,at_ms,step)"
                            " VALUES(?,?,?,?,?)"
                          : "INSERT OR IGNORE INTO invite_use(id,address,fpr,at_ms,step)"
                            " VALUES(?,?,?,?,?)";
    if (db_exec(db, sql, "btbii", c->id, (size_t)INVITE_ID_LEN, c->address, c->fpr, (size_t)FPR_LEN,
                now_ms, step) < 0)
        return INVITE_ERROR;
    return verdict;
}

int invite_to_tell(struct db *db, struct invite_refusal *r)
{
    *r = (struct invite_refusal){0};
    sqlite3_stmt *q = db_query(db,
                               "SELECT id,address,step,at_ms FROM invite_use WHERE "
                               "step>2/*INVITE_REFUSED*/ AND told=0 LIMIT 1",
                               "");
    if (!db_row(q, NULL))
        return -1;
    int rc =
        column_fixed(q, 0, r->id, INVITE_ID_LEN) | column_text(q, 1, r->address, sizeof r->address);
    r->verdict = (enum invite_verdict)(sqlite3_column_int(q, 2) - INVITE_REFUSED);
    r->at_ms = sqlite3_column_int64(q, 3);
    (void)sqlite3_reset(q);
    return rc;
}

int invite_set_told(struct db *db, const struct invite_refusal *r)
{
    return db_run(db, "UPDATE invite_use SET told=1 WHERE id=? AND address=?", "bt", r->id,
                  (size_t)INVITE_ID_LEN, r->address);
}

int invite_forget(struct db *db, int64_t now_ms)
{
    int64_t before_s = now_ms / 1000 - FORGET_S;
    if (db_exec(db,
                "DELETE FROM invite_use WHERE step<>1/*INVITE_TO_NAME*/ AND id IN (SELECT id FROM "
                "invite WHERE"
                " expiry_s<?)",
                "i", before_s) < 0 ||
        db_exec(db,
                "DELETE FROM invite WHERE expiry_s<? AND NOT EXISTS(SELECT 1 FROM invite_use u"
                " WHERE u.id=invite.id)",
                "i", before_s) < 0)
        return -1;
    /* its mail's row is gone with its end */
    return db_run(db,
                  "DELETE FROM accepted WHERE expiry_s<? AND joined=1 AND message IS NOT NULL AND"
                  " NOT EXISTS(SELECT 1 FROM message m WHERE m.id=accepted.message)",
                  "i", before_s);
}

/* ---- accepted */

void accepted_invite_free(struct accepted_invite *a)
{
    bytes_free(&a->text);
    wipe(a->invite.secret, sizeof a->invite.secret);
}

int accepted_add(struct db *db, const struct invite *v, const struct bytes *text, int64_t now_ms)
{
    if (db_exec(db,
                "INSERT OR REPLACE INTO accepted(address,fpr,id,secret,team,network,expiry_s,at_ms,"
                "joined,body) VALUES(?,?,?,?,?,?,?,?,?,?)",
                "tbbbiiiiib", v->address, v->fpr, (size_t)FPR_LEN, v->id, (size_t)INVITE_ID_LEN,
                v->secret, (size_t)INVITE_SECRET_LEN, (int64_t)v->group, (int64_t)v->network,
                v->expiry_s, now_ms, (int64_t)!v->group, text->p, text->n) < 0)
        return -1;
    if (contact_verify(db, v->address, v->fpr) < 0)
        return -1;
    for (size_t i = 0; i < v->nodes; i++)
        if (db_exec(db, "INSERT OR REPLACE INTO bootstrap(node,since_ms) VALUES(?,?)", "ti",
                    v->node[i], now_ms) < 0)
            return -1;
    return 0;
}

int accepted_set_written(struct db *db, const char *address, const void *message, size_t n)
{
    return db_run(db, "UPDATE accepted SET message=? WHERE address=?", "bt", message, n, address);
}

int accepted_set_joined(struct db *db, const char *address)
{
    return db_run(db, "UPDATE accepted SET joined=1 WHERE address=?", "t", address);
}

#define ACCEPTED                                                                                   \
    "SELECT a.address,a.fpr,a.id,a.secret,a.team,a.network,a.expiry_s,a.at_ms,a.message IS NOT "   \
    "NULL,a.joined,a.body,(SELECT r.state FROM receiver r JOIN message m ON m.n=r.message WHERE "  \
    "m.id=a.message AND r.address=a.address) FROM accepted a "

static int accepted_row(sqlite3_stmt *q, struct accepted_invite *a)
{
    *a = (struct accepted_invite){0};
    struct invite *v = &a->invite;
    int rc = column_text(q, 0, a->address, sizeof a->address) |
             column_fixed(q, 1, v->fpr, FPR_LEN) | column_fixed(q, 2, v->id, INVITE_ID_LEN) |
             column_fixed(q, 3, v->secret, INVITE_SECRET_LEN) | column_bytes(q, 10, &a->text);
    (void)strcpy(v->address, a->address);
    v->group = sqlite3_column_int(q, 4) != 0;
    v->network = (uint32_t)sqlite3_column_int64(q, 5);
    v->expiry_s = sqlite3_column_int64(q, 6);
    a->at_ms = sqlite3_column_int64(q, 7);
    a->written = sqlite3_column_int(q, 8) != 0;
    a->joined = sqlite3_column_int(q, 9) != 0;
    a->mail = sqlite3_column_int(q, 11);
    return rc;
}

void accepted_each(struct db *db, bool (*fn)(void *ctx, const struct accepted_invite *a), void *ctx)
{
    sqlite3_stmt *q = db_query(db, ACCEPTED "ORDER BY a.at_ms", "");
    while (db_row(q, NULL)) {
        struct accepted_invite a;
        bool go_on = accepted_row(q, &a) < 0 || fn(ctx, &a);
        accepted_invite_free(&a);
        if (!go_on) {
            (void)sqlite3_reset(q);
            return;
        }
    }
}

static int accepted_one(sqlite3_stmt *q, struct accepted_invite *a)
{
    if (!db_row(q, NULL))
        return -1;
    int rc = accepted_row(q, a);
    (void)sqlite3_reset(q);
    if (rc < 0)
        accepted_invite_free(a);
    return rc;
}

int accepted_to_write(struct db *db, struct accepted_invite *a)
{
    return accepted_one(
        db_query(db, ACCEPTED "WHERE a.message IS NULL ORDER BY a.at_ms LIMIT 1", ""), a);
}

int accepted_to_join(struct db *db, struct accepted_invite *a)
{
    return accepted_one(
        db_query(db,
                 ACCEPTED "JOIN peer_group g ON g.master=a.address AND g.master_fpr=a.fpr"
                          " WHERE a.team=1 AND a.joined=0 AND g.role<>0/*ROLE_NONE*/ LIMIT 1",
                 ""),
        a);
}

size_t invite_nodes(struct db *db, char (*node)[INVITE_NODE_MAX + 1], size_t max)
{
    size_t n = 0;
    sqlite3_stmt *q = db_query(db, "SELECT node FROM bootstrap ORDER BY since_ms DESC LIMIT ?", "i",
                               (int64_t)max);
    while (db_row(q, NULL))
        if (column_text(q, 0, node[n], sizeof node[n]) == 0)
            n++;
    return n;
}

void invite_count(struct db *db, int64_t now_ms, struct invite_counts *c)
{
    c->open = db_int(
        db, 0,
        "SELECT count(*) FROM invite WHERE revoked=0 AND expiry_s>? AND uses_max>"
        "(SELECT count(*) FROM invite_use u WHERE u.id=invite.id AND u.step<2/*INVITE_REFUSED*/)",
        "i", now_ms / 1000);
    c->pending = db_int(db, 0,
                        "SELECT count(*) FROM accepted a WHERE a.joined=0 OR a.message IS NULL OR"
                        " EXISTS(SELECT 1 FROM receiver r JOIN message m ON m.n=r.message WHERE"
                        " m.id=a.message AND r.address=a.address AND r.state<5/*RCV_PULLED*/)",
                        "");
    c->to_name =
        db_int(db, 0, "SELECT count(*) FROM invite_use WHERE step=1/*INVITE_TO_NAME*/", "");
}
