/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_incoming.c - the receiver's rows: known once, decided once, due in order, forgotten late. */
#include "base/clock.h"
#include "one_db.h"
#include "store/contacts.h"
#include "store/schema.h"
#include "store/queue.h"
#include <stdio.h>

QUEUE(answer);
QUEUE(deliver);
QUEUE(expire);
QUEUE(expiry_notice);
QUEUE(prefetch);
QUEUE(pull);
QUEUE(recall_apply);
QUEUE(receipt_refresh);
QUEUE(stub);

#define FAR 4000000000LL

static size_t due(const struct queue *what, int64_t now, int64_t *n)
{
    int64_t next = INT64_MAX;
    const struct queue_rules rules = {.expiry_grace = 5000, .pull_before = 0};
    return queue_due(&db, what, &rules, now, n, 16, &next);
}

static int64_t stub(uint8_t tag, int64_t expiry_s)
{
    struct bytes trace = {(uint8_t *)"trace", 5};
    int64_t n = test_incoming(&db, tag, expiry_s);
    assert_int_equal(in_set_stub(&db, n, "file", &trace, PLACE_INBOX), 0);
    assert_int_equal(test_in_state(&db, n), IN_STUB);
    return n;
}

static void test_add_once(void **state)
{
    int64_t n = test_incoming(&db, 1, FAR);
    struct incoming in, again;
    assert_int_equal(in_get(&db, n, &in), 0);
    assert_string_equal(in.sender, "alice@demo");
    assert_int_equal(in.blob.size, 99);
    assert_int_equal(in.m_size, 77);
    assert_int_equal(in.head_pkesk.n, 0);
    again = in;
    assert_int_equal(in_add(&db, &again), 0); /* known: a copy or a replay */
    memset(again.nid, 2, HASH_LEN);
    again.head_pkesk = again.pkesk;
    again.head_blob.size = 55;
    assert_int_equal(in_add(&db, &again), 1);
    int64_t other = in_find(&db, again.nid);
    incoming_free(&in);
    assert_int_equal(in_get(&db, other, &in), 0);
    assert_int_equal(in.head_blob.size, 55);
    assert_int_equal(in.head_pkesk.n, 3);
    incoming_free(&in);
    assert_int_equal(in_get(&db, 4711, &in), -1);
}

static void assert_key(int64_t n, const char *key, bool own)
{
    struct incoming in;
    assert_int_equal(in_get(&db, n, &in), 0);
    assert_int_equal(in.pubkey.n, strlen(key));
    assert_memory_equal(in.pubkey.p, key, in.pubkey.n);
    incoming_free(&in);
    assert_int_equal(db_int(&db, -1, "SELECT length(pubkey)>0 FROM incoming WHERE n=?", "i", n),
                     own);
}

/* A signer's key is kept once, another form of it beside it, and no longer than its messages. */
static void test_signer(void **state)
{
    int64_t first = test_incoming(&db, 1, 1000), second = test_incoming(&db, 2, FAR);
    struct incoming in;
    assert_int_equal(in_get(&db, second, &in), 0);
    memset(in.nid, 3, HASH_LEN);
    in.pubkey.p[0] = 'K';
    assert_int_equal(in_add(&db, &in), 1);
    assert_key(first, "key", false);
    assert_key(second, "key", false);
    assert_key(in_find(&db, in.nid), "Key", true);
    memset(in.nid, 4, HASH_LEN);
    in.fpr[0] = 1;
    in.expiry_s = 1000;
    in.state = IN_QUARANTINED;
    assert_int_equal(in_add(&db, &in), 1);
    struct bytes key;
    assert_int_equal(contact_quarantined_key(&db, in.sender, in.fpr, &key), 0);
    assert_int_equal(key.n, 3);
    assert_memory_equal(key.p, "Key", 3);
    bytes_free(&key);
    incoming_free(&in);
    assert_int_equal(in_set_expired(&db, first), 1);
    assert_int_equal(db_int(&db, 0, "SELECT count(*) FROM signer", ""), 2);
    assert_int_equal(in_forget(&db, (1001 + 30 * 86400LL) * 1000), 0);
    assert_int_equal(db_int(&db, 0, "SELECT count(*) FROM incoming", ""), 2);
    assert_int_equal(db_int(&db, 0, "SELECT count(*) FROM signer", ""), 1);
    assert_key(second, "key", false);
}

#define SIGNER_STEP 11 /* the version of the database before keys had a table of their own */

/* Rows of an older database keep their keys. */
static void test_signer_before(void **state)
{
    struct error e = {""};
    int64_t old = test_incoming(&db, 1, FAR);
    assert_int_equal(db_script(&db,
                               "UPDATE incoming SET pubkey=(SELECT pubkey FROM signer);"
                               "DROP TABLE signer;",
                               &e),
                     0);
    assert_int_equal(schema_step(&db, SIGNER_STEP, &e), 0);
    assert_int_equal(db_int(&db, -1, "PRAGMA user_version", ""), SIGNER_STEP + 1);
    assert_key(old, "key", true);
    assert_key(test_incoming(&db, 2, FAR), "key", false);
}

static void test_prefix(void **state)
{
    int64_t n = test_incoming(&db, 0xab, FAR);
    assert_int_equal(in_find_prefix(&db, "abab"), n);
    assert_int_equal(in_find_prefix(&db, "ABABab"), n);
    assert_int_equal(in_find_prefix(&db, "abac"), 0);
    assert_int_equal(in_find_prefix(&db, "%"), 0); /* no pattern */
    (void)test_incoming(&db, 0xaa, FAR);
    assert_int_equal(in_find_prefix(&db, "a"), -1);
}

/* Decided in one transaction, and never changed. */
static void test_decide(void **state)
{
    int64_t rows[16];
    int64_t pulled = stub(1, FAR), declined = stub(2, FAR);
    assert_int_equal(in_set_wanted(&db, pulled, true), 0);
    assert_int_equal(due(&queue_pull, 1, rows), 1);
    assert_int_equal(in_decide(&db, pulled, OUTCOME_PULLED), 1);
    assert_int_equal(in_decide(&db, pulled, OUTCOME_DECLINED), 0);
    assert_int_equal(in_decide(&db, declined, OUTCOME_DECLINED), 1);
    assert_int_equal(in_decide(&db, declined, OUTCOME_PULLED), 0);
    assert_int_equal(test_in_state(&db, pulled), IN_PULLED);
    assert_int_equal(test_in_state(&db, declined), IN_ANSWER);
    assert_int_equal(due(&queue_pull, 1, rows), 0);
    assert_int_equal(due(&queue_deliver, 1, rows), 1);
    assert_int_equal(rows[0], pulled);
    assert_int_equal(due(&queue_answer, 1, rows), 1);
    assert_int_equal(rows[0], declined);
    assert_int_equal(in_set_wanted(&db, declined, true), 0); /* too late to want it */
    struct incoming in;
    assert_int_equal(in_get(&db, declined, &in), 0);
    assert_false(in.wanted);
    assert_int_equal(in.outcome, OUTCOME_DECLINED);
    incoming_free(&in);
    assert_int_equal(in_set_expired(&db, pulled), 0); /* what is decided does not expire */
    assert_int_equal(test_in_state(&db, pulled), IN_PULLED);
}

static void test_way(void **state)
{
    int64_t rows[16];
    int64_t n = test_incoming(&db, 1, FAR);
    struct bytes trace = {(uint8_t *)"trace", 5};
    assert_int_equal(due(&queue_stub, 1, rows), 1);
    assert_int_equal(queue_delay(&db, &queue_stub, n, 50, "not yet"), 0);
    assert_int_equal(queue_tries(&db, &queue_stub, n), 1);
    assert_int_equal(due(&queue_stub, 49, rows), 0);
    assert_int_equal(due(&queue_stub, 50, rows), 1);
    assert_int_equal(in_set_head(&db, n, "HEAD", 4), 0);
    assert_int_equal(in_set_stub(&db, n, "name", &trace, PLACE_REQUESTS), 0);
    struct incoming in;
    assert_int_equal(in_get(&db, n, &in), 0);
    assert_string_equal(in.file, "name");
    assert_int_equal(in.place, PLACE_REQUESTS);
    assert_int_equal(in.tries, 0);
    incoming_free(&in);
    assert_int_equal(in_set_stub(&db, n, "other", &trace, PLACE_INBOX), 0); /* once */
    assert_int_equal(in_get(&db, n, &in), 0);
    assert_string_equal(in.file, "name");
    incoming_free(&in);
    assert_int_equal(in_set_answer(&db, n), 0); /* not before it is pulled */
    assert_int_equal(test_in_state(&db, n), IN_STUB);
    assert_int_equal(in_decide(&db, n, OUTCOME_PULLED), 1);
    assert_int_equal(in_set_answer(&db, n), 0);
    assert_int_equal(in_set_answered(&db, n, 70), 0);
    assert_int_equal(due(&queue_receipt_refresh, 69, rows), 0);
    assert_int_equal(due(&queue_receipt_refresh, 70, rows), 1);
    assert_int_equal(in_set_settled(&db, n), 0);
    assert_int_equal(test_in_state(&db, n), IN_SETTLED);
    struct in_counts c;
    in_count(&db, &c);
    assert_int_equal(c.work, 0);
}

static void test_stubs_and_gone(void **state)
{
    int64_t n[2], gone[2], first = stub(1, FAR), second = stub(2, FAR), third = stub(3, FAR);
    uint8_t nid[2][HASH_LEN];
    assert_int_equal(in_set_gone(&db, second, 1234), 0);
    assert_int_equal(in_stubs(&db, 0, n, nid, gone, NULL, 2), 2);
    assert_int_equal(n[0], first);
    assert_int_equal(gone[0], 0);
    assert_int_equal(n[1], second);
    assert_int_equal(gone[1], 1234);
    assert_int_equal(nid[1][5], 2);
    assert_int_equal(in_stubs(&db, n[1], n, nid, gone, NULL, 2), 1);
    assert_int_equal(n[0], third);
    assert_int_equal(in_set_gone(&db, second, 0), 0);
    assert_int_equal(in_stubs(&db, first, n, nid, gone, NULL, 1), 1);
    assert_int_equal(gone[0], 0);
}

/* The steps of SQLite's machine for all that is asked at each look do not grow with the stubs. */
static void test_many_stubs(void **state)
{
    enum { STUBS = 3000, STEPS_MAX = 400 };
    const struct queue_rules rules = {
        .pull_before = 86400000, .pull_before_max = 1000000, .expiry_grace = 86400000};
    int64_t rows[16], next = INT64_MAX, now = 1000;
    assert_int_equal(db_run(&db, "BEGIN", ""), 0);
    int64_t first = stub(1, FAR);
    for (int i = 1; i < STUBS; i++) {
        assert_int_equal(
            db_exec(&db,
                    "INSERT INTO incoming(nid,state,sender,fpr,pubkey,trust,place,ns_key,ns_hash,p,"
                    "skp,hash,blob_size,chunks_hash,m_hash,m_size,expiry_s,arrived_ms,changed_ms,"
                    "due_ms) SELECT randomblob(32),state,sender,fpr,pubkey,trust,place,ns_key,"
                    "ns_hash,p,skp,hash,blob_size,chunks_hash,m_hash,m_size,expiry_s,arrived_ms,"
                    "changed_ms,due_ms FROM incoming WHERE n=?",
                    "i", first),
            1);
        if (i % 2 == 0)
            assert_int_equal(db_run(&db, "UPDATE incoming SET state=7, lapsed=1 WHERE n=?", "i",
                                    db_last_id(&db)),
                             0);
    }
    assert_int_equal(db_run(&db, "COMMIT", ""), 0);
    const struct queue *const all[] = {&queue_stub,
                                       &queue_pull,
                                       &queue_deliver,
                                       &queue_answer,
                                       &queue_receipt_refresh,
                                       &queue_prefetch,
                                       &queue_expire,
                                       &queue_expiry_notice,
                                       &queue_recall_apply};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        (void)queue_due(&db, all[i], &rules, now, rows, 16, &next);
    for (sqlite3_stmt *s = NULL; (s = sqlite3_next_stmt(db.sql, s)) != NULL;)
        if (strncmp(sqlite3_sql(s), "SELECT", 6) == 0)
            assert_in_range(sqlite3_stmt_status(s, SQLITE_STMTSTATUS_VM_STEP, 0), 0, STEPS_MAX);
}

static void test_looked(void **state)
{
    uint8_t id[ENTRY_ID_LEN] = {1};
    int64_t now = clock_wall_ms() / 1000;
    assert_false(looked_has(&db, id));
    assert_int_equal(looked_add(&db, id, now), 0);
    assert_false(looked_has(&db, id)); /* that is over */
    assert_int_equal(looked_add(&db, id, now + 100), 0);
    assert_int_equal(looked_add(&db, id, now + 200), 0);
    assert_true(looked_has(&db, id));
    assert_int_equal(in_forget(&db, (now + 150) * 1000), 0);
    assert_true(looked_has(&db, id));
    assert_int_equal(in_forget(&db, (now + 201) * 1000), 0);
    assert_false(looked_has(&db, id));
}

/* Remembered until expiry plus 30 days, so that a replay is known; the living never. */
static void test_forget(void **state)
{
    const int64_t month = 30 * 86400;
    int64_t ended = stub(1, 1000), living = stub(2, 1000);
    struct incoming in;
    assert_int_equal(in_decide(&db, ended, OUTCOME_DECLINED), 1);
    assert_int_equal(in_set_answered(&db, ended, 1), 0);
    assert_int_equal(in_set_settled(&db, ended), 0);
    assert_int_equal(in_forget(&db, (1000 + month) * 1000), 0);
    assert_int_equal(test_in_state(&db, ended), IN_SETTLED);
    assert_int_equal(in_forget(&db, (1001 + month) * 1000), 0);
    assert_int_equal(in_get(&db, ended, &in), -1);
    assert_int_equal(test_in_state(&db, living), IN_STUB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_add_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signer_before, setup, teardown),
        cmocka_unit_test_setup_teardown(test_prefix, setup, teardown),
        cmocka_unit_test_setup_teardown(test_decide, setup, teardown),
        cmocka_unit_test_setup_teardown(test_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stubs_and_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_stubs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_looked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forget, setup, teardown),
    };
    return cmocka_run_group_tests(tests, test_dir_make, test_dir_remove);
}
