/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outgoing.c - the sender's rows; see outgoing.h. Lists and counts stand in outgoing_list.c, what
 * the sender itself is shown in outgoing_shown.c. */
#include "store/outgoing.h"
#include "base/clock.h"
#include "store/column.h"
#include "store/db.h"
#include <string.h>

const char *rcv_state_name(enum rcv_state s)
{
    static const char *const name[] = {
        "?",         "waiting", "waiting", "sealed",   "announced",   "pulled",     "declined",
        "cancelled", "expired", "failed",  "answered", "withdrawing", "unconfirmed"};
    return (size_t)s < sizeof name / sizeof *name ? name[s] : "?";
}

void out_message_free(struct out_message *m)
{
    bytes_free(&m->msgid);
    bytes_free(&m->subject);
    bytes_free(&m->date);
    bytes_free(&m->from);
    bytes_free(&m->refs);
    bytes_free(&m->to);
    bytes_free(&m->head);
    bytes_free(&m->envid);
}

void out_receiver_free(struct out_receiver *r)
{
    bytes_free(&r->ns);
    bytes_free(&r->why);
    bytes_free(&r->orcpt);
    wipe(r->p, sizeof r->p);
}

int out_add(struct db *db, struct out_message *m, const struct out_rcpt *rcpts, size_t count,
            int64_t sent_due_ms)
{
    bool delay = false;
    int64_t now = clock_wall_ms();
    if (db_exec(db,
                "INSERT INTO message(id,state,created_ms,size,hash,msgid,subject,date,sender_from,"
                "refs,receivers_to,head,sent,sent_due_ms,expires_s,envid,due_ms)"
                " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,0)",
                "biiibbbbbbbbiiib", m->id, (size_t)MESSAGE_ID_LEN, (int64_t)OUT_SUBMITTED,
                m->created_ms, (int64_t)m->size, m->hash, (size_t)HASH_LEN, m->msgid.p, m->msgid.n,
                m->subject.p, m->subject.n, m->date.p, m->date.n, m->from.p, m->from.n, m->refs.p,
                m->refs.n, m->to.p, m->to.n, m->head.p, m->head.n, (int64_t)SENT_WAIT, sent_due_ms,
                m->expires_s, m->envid.p, m->envid.n) < 0)
        return -1;
    m->n = db_last_id(db);
    for (size_t i = 0; i < count; i++)
        if ((rcpts[i].notify & NOTIFY_DELAY) != 0)
            delay = true;
    if (delay && db_exec(db, "INSERT INTO meta(name,value) VALUES('delay:'||?,?)", "ii", m->n,
                         m->created_ms + DELAY_NOTICE_MS) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (db_exec(db,
                    "INSERT OR IGNORE INTO receiver(message,address,state,own,due_ms,changed_ms,"
                    "notify,orcpt) VALUES(?,?,?,?,0,?,?,?)",
                    "itiiiib", m->n, rcpts[i].address,
                    (int64_t)(rcpts[i].known || rcpts[i].own ? RCV_READY : RCV_WAITING),
                    (int64_t)rcpts[i].own, now, (int64_t)rcpts[i].notify, rcpts[i].orcpt,
                    rcpts[i].orcpt == NULL ? (size_t)0 : strlen(rcpts[i].orcpt)) < 0)
            return -1;
    return 0;
}

int out_get(struct db *db, int64_t n, struct out_message *m)
{
    *m = (struct out_message){0};
    sqlite3_stmt *q =
        db_query(db,
                 "SELECT n,id,state,created_ms,size,hash,msgid,subject,date,sender_from,refs,"
                 "receivers_to,head,sent,tries,expires_s,envid FROM message WHERE n=?",
                 "i", n);
    if (!db_row(q, NULL))
        return -1;
    int rc = 0;
    m->n = sqlite3_column_int64(q, 0);
    rc |= column_fixed(q, 1, m->id, sizeof m->id);
    m->state = (enum out_state)sqlite3_column_int(q, 2);
    m->created_ms = sqlite3_column_int64(q, 3);
    m->size = (uint64_t)sqlite3_column_int64(q, 4);
    rc |= column_fixed(q, 5, m->hash, sizeof m->hash);
    struct bytes *const field[] = {&m->msgid, &m->subject, &m->date, &m->from,
                                   &m->refs,  &m->to,      &m->head};
    for (int i = 0; i < 7; i++)
        rc |= column_bytes(q, 6 + i, field[i]);
    m->sent = (enum sent_state)sqlite3_column_int(q, 13);
    m->tries = sqlite3_column_int64(q, 14);
    m->expires_s = sqlite3_column_int64(q, 15);
    rc |= column_bytes(q, 16, &m->envid);
    (void)sqlite3_reset(q);
    if (rc != 0)
        out_message_free(m);
    return rc;
}

bool out_needs_spool(struct db *db, const uint8_t id[MESSAGE_ID_LEN])
{
    return db_int(db, 0, "SELECT 1 FROM message WHERE id=? AND state=?", "bi", id,
                  (size_t)MESSAGE_ID_LEN, (int64_t)OUT_SUBMITTED) == 1;
}

int out_drop_head(struct db *db, int64_t message)
{
    return db_run(db,
                  "UPDATE message SET head=NULL WHERE n=?1 AND state=2/*OUT_DONE*/ AND NOT "
                  "EXISTS(SELECT 1 FROM"
                  " receiver WHERE message=?1 AND (state<5/*RCV_PULLED*/ OR (told<>1/*TOLD*/ "
                  "AND " RCV_REPORTED ")))",
                  "i", message);
}

int out_set_done(struct db *db, int64_t n)
{
    if (db_exec(db, "UPDATE message SET state=? WHERE n=?", "ii", (int64_t)OUT_DONE, n) < 0)
        return -1;
    return out_drop_head(db, n);
}

int rcv_get(struct db *db, int64_t n, struct out_receiver *r)
{
    *r = (struct out_receiver){0};
    sqlite3_stmt *q = db_query(db,
                               "SELECT n,message,blob,head,address,state,nid,p,lock,ns,expiry_s,"
                               "tries,changed_ms,why,shard,orcpt,handed FROM receiver WHERE n=?",
                               "i", n);
    if (!db_row(q, NULL))
        return -1;
    int rc = 0;
    r->n = sqlite3_column_int64(q, 0);
    r->message = sqlite3_column_int64(q, 1);
    r->blob = sqlite3_column_int64(q, 2);
    r->head = sqlite3_column_int64(q, 3);
    rc |= column_text(q, 4, r->address, sizeof r->address);
    r->state = (enum rcv_state)sqlite3_column_int(q, 5);
    if (sqlite3_column_type(q, 6) != SQLITE_NULL) {
        rc |= column_fixed(q, 6, r->nid, sizeof r->nid);
        rc |= column_fixed(q, 7, r->p, sizeof r->p);
        rc |= column_fixed(q, 8, r->lock, sizeof r->lock);
        rc |= column_bytes(q, 9, &r->ns);
    }
    r->expiry_s = sqlite3_column_int64(q, 10);
    r->tries = sqlite3_column_int64(q, 11);
    r->changed_ms = sqlite3_column_int64(q, 12);
    rc |= column_bytes(q, 13, &r->why);
    r->shard = (uint32_t)sqlite3_column_int64(q, 14);
    rc |= column_bytes(q, 15, &r->orcpt);
    r->pushed = sqlite3_column_int(q, 16) != 0;
    (void)sqlite3_reset(q);
    if (rc != 0)
        out_receiver_free(r);
    return rc;
}

size_t rcv_of_message(struct db *db, int64_t message, enum rcv_state state, int64_t *n_r,
                      size_t max)
{
    size_t n = 0;
    sqlite3_stmt *q = db_query(
        db, "SELECT n FROM receiver WHERE message=? AND state=? AND own=0 ORDER BY n LIMIT ?",
        "iii", message, (int64_t)state, (int64_t)max);
    while (db_row(q, NULL))
        n_r[n++] = sqlite3_column_int64(q, 0);
    return n;
}

static int64_t add_blob(struct db *db, int64_t message, const struct sealed_blob *b, bool needed)
{
    if (db_exec(db,
                "INSERT INTO blob(hash,message,size,chunks,state,may_go,due_ms)"
                " VALUES(?,?,?,?,?,?,0)",
                "biibii", b->hash, (size_t)HASH_LEN, message, (int64_t)b->size, b->chunks,
                b->chunks_len, (int64_t)(b->published ? BLOB_PUBLISHED : BLOB_SEALED),
                (int64_t)!needed) < 0)
        return -1;
    return db_last_id(db);
}

static int set_one_sealed(struct db *db, const struct sealed_receiver *r, int64_t blob,
                          int64_t head)
{
    int changed = db_exec(
        db,
        "UPDATE receiver SET state=?,blob=?,head=NULLIF(?,0),nid=?,p=?,ns=?,lock=?,expiry_s=?,"
        "shard=?,due_ms=0,tries=0,changed_ms=? WHERE n=? AND state=?",
        "iiibbbbiiiii", (int64_t)RCV_SEALED, blob, head, r->nid, (size_t)HASH_LEN, r->p,
        (size_t)SECRET_LEN, r->ns.data, r->ns.len, r->lock, (size_t)HASH_LEN, r->expiry_s,
        (int64_t)r->shard, clock_wall_ms(), r->n, (int64_t)RCV_READY);
    if (changed != 1)
        return -1;
    for (int64_t o = 1; o <= 3; o++)
        if (db_exec(db, "INSERT INTO expected(id,receiver,outcome) VALUES(?,?,?)", "bii",
                    r->expected[o - 1], (size_t)ENTRY_ID_LEN, r->n, o) < 0)
            return -1;
    return 0;
}

int out_set_sealed(struct db *db, int64_t message, const struct sealed_blob *blob,
                   const struct sealed_blob *head, const struct sealed_receiver *r, size_t count)
{
    int64_t b = add_blob(db, message, blob, count > 0);
    int64_t h = head == NULL ? 0 : add_blob(db, message, head, count > 0);
    if (b < 0 || h < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (set_one_sealed(db, &r[i], b, h) < 0)
            return -1;
    return 0;
}

static int blob_row(sqlite3_stmt *q, struct out_blob *b)
{
    *b = (struct out_blob){0};
    if (!db_row(q, NULL))
        return -1;
    b->n = sqlite3_column_int64(q, 0);
    b->message = sqlite3_column_int64(q, 1);
    b->tries = sqlite3_column_int64(q, 2);
    int rc = column_fixed(q, 3, b->hash, sizeof b->hash);
    b->size = (uint64_t)sqlite3_column_int64(q, 4);
    rc |= column_bytes(q, 5, &b->chunks);
    b->state = (enum blob_state)sqlite3_column_int(q, 6);
    (void)sqlite3_reset(q);
    return rc;
}

int blob_get(struct db *db, int64_t n, struct out_blob *b)
{
    return blob_row(
        db_query(db, "SELECT n,message,tries,hash,size,chunks,state FROM blob WHERE n=?", "i", n),
        b);
}

int blob_find(struct db *db, const uint8_t hash[HASH_LEN], struct out_blob *b)
{
    return blob_row(db_query(db,
                             "SELECT n,message,tries,hash,size,chunks,state FROM blob WHERE hash=?",
                             "b", hash, (size_t)HASH_LEN),
                    b);
}

int blob_set_state(struct db *db, int64_t n, enum blob_state state)
{
    if (db_exec(db, "UPDATE blob SET state=?,due_ms=0,tries=0 WHERE n=?", "ii", (int64_t)state, n) <
        0)
        return -1;
    if (state != BLOB_GONE)
        return 0;
    return out_drop_head(db, db_int(db, 0, "SELECT message FROM blob WHERE n=?", "i", n));
}

int blob_unpublish(struct db *db, const uint8_t hash[HASH_LEN])
{
    return db_run(db, "UPDATE blob SET state=?,due_ms=0,tries=0 WHERE hash=? AND state=?", "ibi",
                  (int64_t)BLOB_SEALED, hash, (size_t)HASH_LEN, (int64_t)BLOB_PUBLISHED);
}

int rcv_set_ready(struct db *db, int64_t n)
{
    return db_run(db,
                  "UPDATE receiver SET state=?,due_ms=0,tries=0,why=NULL,changed_ms=? WHERE n=? AND"
                  " state=?",
                  "iiii", (int64_t)RCV_READY, clock_wall_ms(), n, (int64_t)RCV_WAITING);
}

int rcv_set_why(struct db *db, int64_t n, const char *why)
{
    return db_run(db, "UPDATE receiver SET why=? WHERE n=? AND state=?", "tii", why, n,
                  (int64_t)RCV_WAITING);
}

int rcv_set_announced(struct db *db, int64_t n, int64_t reput_ms)
{
    return db_run(db,
                  "UPDATE receiver SET changed_ms=CASE state WHEN ? THEN ? ELSE changed_ms END,"
                  "state=?,due_ms=?,tries=0 WHERE n=? AND state IN (?,?)",
                  "iiiiiii", (int64_t)RCV_SEALED, clock_wall_ms(), (int64_t)RCV_ANNOUNCED, reput_ms,
                  n, (int64_t)RCV_SEALED, (int64_t)RCV_ANNOUNCED);
}

int rcv_end(struct db *db, int64_t n, enum rcv_state state, bool clean, const char *why)
{
    /* the first end stays, but "pulled" wins over all of them, and what is being taken back ends
     * only by an answer or its time */
    return db_exec(db,
                   "UPDATE receiver SET state=?,clean=?,why=?,changed_ms=?,due_ms=0,tries=0 WHERE"
                   " n=? AND state<>? AND (state<? OR ?=? OR (state IN "
                   "(11/*RCV_WITHDRAWING*/,12/*RCV_UNCONFIRMED*/) AND ? IN "
                   "(6/*RCV_DECLINED*/,7/*RCV_CANCELLED*/,12/*RCV_UNCONFIRMED*/)))",
                   "iitiiiiiii", (int64_t)state, (int64_t)clean, why, clock_wall_ms(), n,
                   (int64_t)state, (int64_t)RCV_PULLED, (int64_t)state, (int64_t)RCV_PULLED,
                   (int64_t)state);
}

int rcv_set_dht_gone(struct db *db, int64_t n)
{
    /* when, for rcv_again; at worst a report that failed is tried again sooner */
    return db_run(db, "UPDATE receiver SET clean=2/*CLEAN_DONE*/,due_ms=? WHERE n=?", "ii",
                  clock_wall_ms(), n);
}

int64_t expected_find(struct db *db, const uint8_t id[ENTRY_ID_LEN], enum outcome *o)
{
    int64_t n = 0;
    sqlite3_stmt *q = db_query(db, "SELECT receiver,outcome FROM expected WHERE id=?", "b", id,
                               (size_t)ENTRY_ID_LEN);
    if (db_row(q, NULL)) {
        n = sqlite3_column_int64(q, 0);
        *o = (enum outcome)sqlite3_column_int(q, 1);
        (void)sqlite3_reset(q);
    }
    return n;
}

int rcv_again(struct db *db, int64_t n, int64_t since_ms)
{
    return db_run(db,
                  "UPDATE receiver SET clean=1/*CLEAN_DUE*/,due_ms=0,tries=0 WHERE n=? AND "
                  "clean=2/*CLEAN_DONE*/ AND"
                  " due_ms<=?",
                  "ii", n, since_ms);
}

bool rcv_knows(struct db *db, int64_t n, enum outcome o, int64_t since_ms)
{
    return db_int(db, 0,
                  "SELECT 1 FROM receiver WHERE n=? AND outcome=? AND state>=5/*RCV_PULLED*/ AND "
                  "state<>11/*RCV_WITHDRAWING*/ AND"
                  " (clean=1/*CLEAN_DUE*/ OR (clean=2/*CLEAN_DONE*/ AND due_ms>?))",
                  "iii", n, (int64_t)o, since_ms) == 1;
}

int rcv_look_again(struct db *db)
{
    return db_run(db, "UPDATE receiver SET due_ms=0,tries=0 WHERE state=?", "i",
                  (int64_t)RCV_ANNOUNCED);
}
