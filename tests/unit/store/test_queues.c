/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_queues.c - every queue on tables of 10,000 rows: what is due comes oldest first, what is not
 * yet due tells when it will be, neither reads the table, and a failed row waits for its delay. */
#include "store/queue.h"
#include "store_test.h"
#include <stdio.h>

#define ROWS 10000
#define DUE 20     /* of these rows are due, */
#define LATER 5000 /* and so many, of the same state, are not yet */
#define NOW_MS 2000000000000LL
#define LATER_MS (NOW_MS + 500000000)
#define ASKED 8 /* at most so many */

static struct db db;
static const struct queue_rules rules = {.expiry_grace = 3600000,
                                         .pull_before = 86400000,
                                         .pull_before_max = 1000,
                                         .trusted_ms = NOW_MS};

struct scenario {
    const struct queue *queue;
    const char *table;
    const char *is;     /* what makes a row wait there, as SET has it */
    const char *due_ms; /* the column that says since when */
    const char *also;   /* what else must be so, for the rows up to ?; or NULL */
    enum reads {
        READS_DUE,     /* no more than it returns */
        READS_WAITING, /* of the same state, those that are due later too */
        READS_ALL      /* the table */
    } reads;
};

#define QUEUES(X)                                                                                  \
    X(lookup, "receiver", "state=1", "due_ms", NULL, READS_DUE)                                    \
    X(local_delivery, "receiver", "state=2,own=1", "due_ms", NULL, READS_DUE)                      \
    X(announce, "receiver", "state=3", "due_ms", NULL, READS_DUE)                                  \
    X(reput, "receiver", "state=4", "due_ms", NULL, READS_DUE)                                     \
    X(dht_gc, "receiver", "clean=1", "due_ms", NULL, READS_DUE)                                    \
    X(recall, "receiver", "cancel=1", "cancel_due_ms", NULL, READS_DUE)                            \
    X(cancel, "receiver", "cancel=2", "cancel_due_ms", NULL, READS_DUE)                            \
    X(dsn, "receiver", "state=9,told=0,notify=2", "due_ms", NULL, READS_WAITING)                   \
    X(seal, "message", "state=1", "due_ms", "UPDATE receiver SET state=2 WHERE n<=?", READS_DUE)   \
    X(sent, "message", "sent=1", "sent_due_ms", NULL, READS_DUE)                                   \
    X(outbox_line, "message", "line_dirty=1", "line_due_ms", NULL, READS_DUE)                      \
    X(spool_gc, "message", "state=1", "due_ms", "UPDATE receiver SET state=1 WHERE n>?",           \
      READS_DUE)                                                                                   \
    X(publish, "blob", "state=1", "due_ms", NULL, READS_DUE)                                       \
    X(blob_gc, "blob", "may_go=1", "due_ms", NULL, READS_DUE)                                      \
    X(blob_recovery, "blob", "state=4", "due_ms", "UPDATE receiver SET state=4 WHERE n<=?",        \
      READS_DUE)                                                                                   \
    X(stub, "incoming", "state=1", "due_ms", NULL, READS_DUE)                                      \
    X(pull, "incoming", "state=2,wanted=1", "due_ms", NULL, READS_WAITING)                         \
    X(deliver, "incoming", "state=3", "due_ms", NULL, READS_DUE)                                   \
    X(answer, "incoming", "state=4", "due_ms", NULL, READS_DUE)                                    \
    X(receipt_refresh, "incoming", "state=5", "due_ms", NULL, READS_DUE)                           \
    X(expiry_notice, "incoming", "state=7,lapsed=0", "due_ms", NULL, READS_DUE)                    \
    X(recall_apply, "incoming", "state=2", "due_ms",                                               \
      "INSERT INTO cancelled SELECT nid,fpr,9000000000 FROM incoming WHERE n<=?", READS_WAITING)   \
    X(replicate, "replica", "state=1", "due_ms", NULL, READS_DUE)                                  \
    X(replica_drop, "replica", "state=4", "due_ms", NULL, READS_ALL)                               \
    X(member_ns, "replica_ns", "tries=0", "due_ms", NULL, READS_DUE)

QUEUE(prefetch);
QUEUE(expire);
QUEUE(delay_notice);
#define DECLARE(name, ...) QUEUE(name);
QUEUES(DECLARE)
#define SCENARIO(name, ...) {&queue_##name, __VA_ARGS__},

static const struct scenario scenarios[] = {QUEUES(SCENARIO)};
#define COUNT (sizeof scenarios / sizeof *scenarios)

__attribute__((format(printf, 1, 2))) static void run(const char *fmt, ...)
{
    char text[1200];
    struct error e = {""};
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (db_script(&db, text, &e) < 0)
        fail_msg("%s: %s", text, e.text);
}

/* Rows of all tables, with which nothing is to be done any more. */
static int fill(void **state)
{
    if (test_dir_make(state) < 0)
        return -1;
    test_db(&db);
    run("BEGIN");
    run("CREATE TEMP TABLE k AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c LIMIT "
        "%d) SELECT n, CAST(printf('%%032d',n) AS BLOB) AS id FROM c",
        ROWS);
    run("INSERT INTO message(n,id,state,created_ms,size,hash,sent,sent_due_ms,due_ms)"
        " SELECT n,id,2,1,1,id,3,0,0 FROM k; UPDATE message SET line_dirty=0");
    run("INSERT INTO blob(n,hash,message,size,chunks,state,due_ms,may_go)"
        " SELECT n,id,n,1,x'',2,0,0 FROM k");
    run("INSERT INTO receiver(n,message,address,state,blob,expiry_s,due_ms,changed_ms,told)"
        " SELECT n,n,'bob@demo',5,n,3000000000,0,0,1 FROM k; UPDATE message SET line_dirty=0");
    run("INSERT INTO contact(address,pubkey,fpr,trust,ocb,shards,seq,checked_ms)"
        " VALUES('alice@demo',x'00',x'01',1,0,1,1,0)");
    run("INSERT INTO incoming(n,nid,state,sender,fpr,pubkey,trust,place,ns_key,ns_hash,p,skp,hash,"
        "blob_size,chunks_hash,m_hash,m_size,expiry_s,arrived_ms,changed_ms,due_ms,lapsed) SELECT "
        "n,"
        "id,6,'alice@demo',x'01',x'',1,0,'ns:',x'',x'',x'',x'',1,x'',x'',100,%lld,0,0,0,1 FROM k",
        LATER_MS / 1000 * 2);
    run("INSERT INTO replica(n,owner,hash,size,chunks_hash,expiry_s,state,due_ms)"
        " SELECT n,'carol@demo',id,1,x'',3000000000,2,0 FROM k");
    run("INSERT INTO replica_ns(n,owner,blob,key,ns,lock,expiry_s,due_ms)"
        " SELECT n,'carol@demo',id,'ns:',x'',id,3000000000,%lld FROM k",
        LATER_MS * 2);
    run("COMMIT; DROP TABLE k");
    return 0;
}

static int empty(void **state)
{
    db_close(&db);
    return test_dir_remove(state);
}

/* ---- what a statement did, as SQLite counts it */

static struct work_done {
    int64_t steps, scanned, sorted;
} done;

static int on_profile(unsigned what, void *ctx, void *stmt, void *ns)
{
    done.steps += sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_VM_STEP, 1);
    done.scanned += sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_FULLSCAN_STEP, 1);
    done.sorted += sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_SORT, 1);
    return 0;
}

static size_t due(const struct queue *q, int64_t *rows, int64_t *next)
{
    done = (struct work_done){0};
    (void)sqlite3_trace_v2(db.sql, SQLITE_TRACE_PROFILE, on_profile, NULL);
    size_t n = queue_due(&db, q, &rules, NOW_MS, rows, ASKED, next);
    (void)sqlite3_trace_v2(db.sql, 0, NULL, NULL);
    return n;
}

/* A statement that reads a table from its beginning says so before it runs. */
static void check_plan(const struct queue *q, const char *text)
{
    char explain[1200];
    sqlite3_stmt *s = NULL;
    (void)snprintf(explain, sizeof explain, "EXPLAIN QUERY PLAN %s", text);
    assert_int_equal(sqlite3_prepare_v2(db.sql, explain, -1, &s, NULL), SQLITE_OK);
    while (sqlite3_step(s) == SQLITE_ROW) {
        const char *how = (const char *)sqlite3_column_text(s, 3);
        if (strncmp(how, "SCAN ", 5) == 0 && strstr(how, "INDEX") == NULL &&
            strstr(how, "SCAN t") == NULL && strstr(how, "CONSTANT") == NULL)
            fail_msg("%s reads a table: %s", q->name, how);
    }
    assert_int_equal(sqlite3_finalize(s), SQLITE_OK);
}

static void bounded(const struct queue *q, const char *when, size_t n)
{
    if (done.steps > 60 * ((int64_t)n + 3) || done.scanned > 0)
        fail_msg("%s, %s: %zu rows took %lld steps, %lld of them through a table", q->name, when, n,
                 (long long)done.steps, (long long)done.scanned);
}

/* Rows 1..LATER of the state are due later, the last before; the DUE after them are due now. */
static void put_there(const struct scenario *s)
{
    run("UPDATE %s SET %s,%s=CASE WHEN n>%d THEN %lld-n ELSE %lld+n END WHERE n<=%d", s->table,
        s->is, s->due_ms, LATER, NOW_MS, LATER_MS, DUE + LATER);
    if (s->also != NULL)
        assert_true(db_exec(&db, s->also, "i", (int64_t)(DUE + LATER)) > 0);
}

static void what_is_due(void **state)
{
    for (const struct scenario *s = scenarios; s < scenarios + COUNT; s++) {
        int64_t rows[ASKED], next = LATER_MS * 2;
        bool ordered = strstr(s->queue->due, "ORDER BY") != NULL;
        run("BEGIN");
        if (s->reads < READS_WAITING)
            bounded(s->queue, "nothing waits", due(s->queue, rows, NULL));
        put_there(s);
        size_t n = due(s->queue, rows, NULL);
        assert_int_equal(n, ASKED);
        for (size_t i = 0; i < n; i++) {
            assert_in_range(rows[i], LATER + 1, LATER + DUE);
            if (ordered) /* oldest first */
                assert_int_equal(rows[i], LATER + DUE - (int64_t)i);
        }
        if (s->reads == READS_DUE)
            bounded(s->queue, "some are due", n);
        (void)due(s->queue, rows, &next);
        assert_int_equal(next, LATER_MS + 1);
        if (s->reads == READS_DUE)
            bounded(s->queue, "some are due, and when others are", n);
        run("UPDATE %s SET %s=%lld+n WHERE n>%d AND n<=%d", s->table, s->due_ms, LATER_MS, LATER,
            LATER + DUE);
        assert_int_equal(due(s->queue, rows, NULL), 0);
        if (s->reads == READS_DUE)
            bounded(s->queue, "others are due later", 0);
        run("UPDATE %s SET %s=%lld WHERE n=7", s->table, s->due_ms, NOW_MS); /* to the ms */
        assert_int_equal(due(s->queue, rows, NULL), 1);
        assert_int_equal(rows[0], 7);
        run("ROLLBACK");
        if (s->reads == READS_DUE)
            check_plan(s->queue, s->queue->due);
        check_plan(s->queue, s->queue->next);
    }
}

/* A failed row is due again at its time, and not before; its tries are its own. */
static void a_delay(void **state)
{
    for (const struct scenario *s = scenarios; s < scenarios + COUNT; s++) {
        int64_t rows[ASKED], next = LATER_MS * 2;
        run("BEGIN");
        put_there(s);
        run("UPDATE %s SET %s=%lld WHERE n=3", s->table, s->due_ms, NOW_MS);
        run("UPDATE %s SET %s=%lld WHERE n>%d AND n<=%d", s->table, s->due_ms, LATER_MS, LATER,
            LATER + DUE);
        for (int64_t tries = 0; tries < 3; tries++) {
            assert_int_equal(queue_tries(&db, s->queue, 3), tries);
            assert_int_equal(queue_delay(&db, s->queue, 3, NOW_MS + 10, "It's \"why\"."), 0);
        }
        assert_int_equal(queue_tries(&db, s->queue, 3), 3);
        assert_int_equal(queue_tries(&db, s->queue, 4), 0);
        assert_int_equal(due(s->queue, rows, &next), 0);
        assert_int_equal(next, NOW_MS + 10);
        if (strcmp(s->table, "incoming") == 0)
            assert_int_equal(db_int(&db, 0,
                                    "SELECT count(*) FROM incoming WHERE CAST(why AS TEXT)='It''s "
                                    "\"why\".'",
                                    ""),
                             1);
        assert_int_equal(queue_delay(&db, s->queue, 3, NOW_MS, NULL), 0);
        assert_int_equal(due(s->queue, rows, NULL), 1);
        run("ROLLBACK");
    }
}

/* ---- those whose time is another than due_ms */

static void prefetch(void **state)
{
    int64_t rows[ASKED], next = LATER_MS * 2;
    const int64_t now_s = NOW_MS / 1000, later_s = now_s + 864000;
    run("BEGIN");
    run("UPDATE incoming SET state=2,arrived_ms=0,expiry_s=CASE WHEN n>%d THEN %lld+n ELSE %lld+n"
        " END WHERE n<=%d",
        LATER, (long long)now_s, (long long)later_s, LATER + DUE);
    size_t n = due(&queue_prefetch, rows, NULL);
    assert_int_equal(n, ASKED);
    bounded(&queue_prefetch, "some are due", 2 * n);
    for (size_t i = 0; i < n; i++)
        assert_in_range(rows[i], LATER + 1, LATER + DUE);
    (void)due(&queue_prefetch, rows, &next);
    assert_int_equal(next, (later_s + 1) * 1000 - rules.pull_before);
    static const char *const spared[] = {"wanted=1",    "hastened=1",        "gone_ms=5",
                                         "m_size=1001", "sender='eve@demo'", "fpr=x'02'"};
    for (size_t i = 0; i < sizeof spared / sizeof *spared; i++) {
        run("SAVEPOINT one; UPDATE incoming SET %s WHERE n<>%d", spared[i], LATER + 5);
        assert_int_equal(due(&queue_prefetch, rows, NULL), 1);
        assert_int_equal(rows[0], LATER + 5);
        run("ROLLBACK TO one; RELEASE one");
    }
    /* not in the first half of its life */
    run("UPDATE incoming SET arrived_ms=%lld WHERE n>%d", NOW_MS - 1000, LATER + 1);
    assert_int_equal(due(&queue_prefetch, rows, NULL), 1);
    const struct queue_rules never = {.pull_before_max = 1000, .trusted_ms = NOW_MS};
    assert_int_equal(queue_due(&db, &queue_prefetch, &never, NOW_MS, rows, ASKED, &next), 0);
    run("ROLLBACK");
}

static void expire(void **state)
{
    int64_t rows[ASKED], next = LATER_MS * 2;
    run("BEGIN");
    run("UPDATE incoming SET state=2,expiry_s=CASE WHEN n>%d THEN %lld ELSE %lld+n END WHERE "
        "n<=%d",
        LATER, (long long)((NOW_MS - rules.expiry_grace) / 1000),
        (long long)((NOW_MS - rules.expiry_grace) / 1000), LATER + DUE);
    size_t n = due(&queue_expire, rows, &next);
    assert_int_equal(n, ASKED);
    bounded(&queue_expire, "some are due", n);
    for (size_t i = 0; i < n; i++)
        assert_in_range(rows[i], LATER + 1, LATER + DUE);
    assert_int_equal(next, NOW_MS + 1000);
    run("UPDATE incoming SET state=3"); /* decided */
    assert_int_equal(due(&queue_expire, rows, NULL), 0);
    bounded(&queue_expire, "none", 0);
    run("ROLLBACK");
}

/* Of the rows of meta, those of messages alone, of which there are few. */
static void delay_notice(void **state)
{
    int64_t rows[ASKED], next = LATER_MS * 2;
    run("BEGIN");
    run("INSERT INTO meta(name,value) SELECT printf('other:%%d',n),0 FROM message;"
        "INSERT INTO meta(name,value) SELECT 'delay:'||n,CASE WHEN n>4 THEN %lld+n ELSE %lld-n END"
        " FROM message WHERE n<=8",
        LATER_MS, NOW_MS);
    size_t n = due(&queue_delay_notice, rows, &next);
    assert_int_equal(n, 4);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(rows[i], 4 - i);
    assert_int_equal(next, LATER_MS + 5);
    bounded(&queue_delay_notice, "some are due", 8 + 8);
    run("ROLLBACK");
}

/* What a queue is read from is what its SQL names: nobody keeps a list of it. */
static void parts(void **state)
{
    static const struct queue wrong = {
        .name = "wrong", .due = "SELECT n FROM nothing", .next = "SELECT 1"};
    assert_int_equal(queue_parts(&db, &queue_lookup), STORE_RECEIVER);
    assert_int_equal(queue_parts(&db, &queue_seal), STORE_MESSAGE | STORE_RECEIVER);
    assert_int_equal(queue_parts(&db, &queue_announce), STORE_RECEIVER | STORE_BLOB);
    assert_int_equal(queue_parts(&db, &queue_publish), STORE_BLOB);
    assert_int_equal(queue_parts(&db, &queue_pull), STORE_REST);
    assert_int_equal(queue_parts(&db, &queue_member_ns), STORE_REPLICA);
    assert_int_equal(queue_parts(&db, &wrong), 0);
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        assert_int_not_equal(queue_parts(&db, scenarios[i].queue), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_due), cmocka_unit_test(a_delay),      cmocka_unit_test(prefetch),
        cmocka_unit_test(expire),      cmocka_unit_test(delay_notice), cmocka_unit_test(parts),
    };
    return cmocka_run_group_tests(tests, fill, empty);
}
