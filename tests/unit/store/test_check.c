/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_check.c - which rows need their files, and what becomes of a row whose file is gone; blobs
 * that no row names any more (P-10.23, P-10.24). */
#include "store/check.h"
#include "store/queue.h"
#include "base/clock.h"
#include "store_test.h"

QUEUE(announce);
QUEUE(blob_gc);
QUEUE(blob_recovery);
QUEUE(dsn);
QUEUE(publish);
QUEUE(replicate);

static const struct queue_rules NO_RULES = {0};

static const char *const two[] = {"bob@demo", "carol@demo", NULL};

static bool count_message(void *ctx, int64_t n, const uint8_t id[MESSAGE_ID_LEN])
{
    ++*(int *)ctx;
    return true;
}

static bool count_blob(void *ctx, const struct out_blob *b)
{
    ++*(int *)ctx;
    return true;
}

static bool count_replica(void *ctx, const struct replica *r)
{
    ++*(int *)ctx;
    return true;
}

static bool count_incoming(void *ctx, int64_t n, const uint8_t nid[HASH_LEN], enum in_state s,
                           bool fresh)
{
    *(int *)ctx += s == IN_PULLED ? 100 : 1;
    return true;
}

static bool count_row(void *ctx, int64_t n)
{
    ++*(int *)ctx;
    return true;
}

static bool first_only(void *ctx, int64_t n)
{
    ++*(int *)ctx;
    return false;
}

static int messages(struct db *db)
{
    int n = 0;
    check_messages(db, count_message, &n);
    return n;
}

static int blobs(struct db *db)
{
    int n = 0;
    check_blobs(db, count_blob, &n);
    return n;
}

static size_t due(struct db *db, const struct queue *what)
{
    int64_t rows[8], next = INT64_MAX;
    return queue_due(db, what, &NO_RULES, clock_wall_ms() + 1000, rows, 8, &next);
}

static void test_outgoing(void **state)
{
    struct db db;
    struct error e = {""};
    uint8_t id[MESSAGE_ID_LEN];
    int64_t rows[4];
    test_db(&db);
    assert_int_equal(check_database(&db, &e), 0);
    int64_t lost = test_message(&db, 1, true, two), m = test_message(&db, 2, true, two);
    memset(id, 1, sizeof id);
    assert_true(out_known(&db, id));
    id[0] = 9;
    assert_false(out_known(&db, id));
    assert_int_equal(messages(&db), 2);
    /* its spool file is gone: both fail, and nothing needs it any more */
    assert_int_equal(rcv_of_message(&db, lost, RCV_READY, rows, 4), 2);
    assert_int_equal(check_spool_lost(&db, lost, "gone"), 0);
    assert_int_equal(test_rcv_state(&db, rows[1]), RCV_FAILED);
    assert_int_equal(messages(&db), 1);
    assert_int_equal(due(&db, &queue_dsn), 1);

    test_seal(&db, m, 3, false);
    assert_int_equal(blobs(&db), 1);
    struct out_blob b;
    uint8_t hash[HASH_LEN];
    memset(hash, 3, HASH_LEN);
    assert_int_equal(blob_find(&db, hash, &b), 0);
    bytes_free(&b.chunks);
    assert_int_equal(blob_set_state(&db, b.n, BLOB_PUBLISHED), 0);
    assert_int_equal(due(&db, &queue_announce), 2);
    /* missing: taken back before it is announced */
    assert_int_equal(check_blob_missing(&db, b.n), 0);
    assert_int_equal(blobs(&db), 0);
    assert_int_equal(due(&db, &queue_announce), 0);
    assert_int_equal(due(&db, &queue_blob_recovery), 1);
    assert_true(restored_untried(&db, "alice@demo"));
    assert_int_equal(queue_delay(&db, &queue_publish, b.n, 0, NULL), 0);
    assert_false(restored_untried(&db, "alice@demo"));
    assert_int_equal(rcv_of_message(&db, m, RCV_SEALED, rows, 4), 2);
    assert_int_equal(rcv_end(&db, rows[0], RCV_PULLED, true, NULL), 1);
    assert_int_equal(due(&db, &queue_blob_gc), 0);
    /* nobody has it: who pulled it stays, the other fails, and it is freed */
    assert_int_equal(check_blob_lost(&db, b.n, "gone"), 0);
    assert_int_equal(test_rcv_state(&db, rows[0]), RCV_PULLED);
    assert_int_equal(test_rcv_state(&db, rows[1]), RCV_FAILED);
    assert_int_equal(due(&db, &queue_blob_recovery), 0);
    assert_int_equal(due(&db, &queue_blob_gc), 1);
    assert_int_equal(blob_set_state(&db, b.n, BLOB_GONE), 0);
    assert_int_equal(check_blob_missing(&db, b.n), 0); /* too late */
    assert_int_equal(due(&db, &queue_blob_recovery), 0);

    int posted = 0;
    check_posted(&db, 1, count_row, &posted);
    assert_int_equal(posted, 0); /* still to be cleaned */
    assert_int_equal(rcv_set_dht_gone(&db, rows[0]), 0);
    assert_int_equal(rcv_set_dht_gone(&db, rows[1]), 0);
    check_posted(&db, 1, count_row, &posted);
    assert_int_equal(posted, 2);
    check_posted(&db, 1, first_only, &posted);
    assert_int_equal(posted, 3);
    check_posted(&db, 2100000000, count_row, &posted);
    assert_int_equal(posted, 3); /* its time is over */
    db_close(&db);
}

static void test_incoming_rows(void **state)
{
    struct db db;
    struct bytes trace = {(uint8_t *)"t", 1};
    int n = 0;
    test_db(&db);
    int64_t a = test_incoming(&db, 1, 2000000000), b = test_incoming(&db, 2, 2000000000);
    check_incoming(&db, count_incoming, &n);
    assert_int_equal(n, 0); /* neither has its stub yet */
    assert_int_equal(in_set_stub(&db, a, "file", &trace, PLACE_INBOX), 0);
    assert_int_equal(in_set_stub(&db, b, "file", &trace, PLACE_INBOX), 0);
    assert_int_equal(in_decide(&db, b, OUTCOME_PULLED), 1);
    check_incoming(&db, count_incoming, &n);
    assert_int_equal(n, 101);
    assert_int_equal(check_stub_again(&db, b), 0); /* it is no stub */
    assert_int_equal(test_in_state(&db, b), IN_PULLED);
    assert_int_equal(check_stub_again(&db, a), 0);
    assert_int_equal(test_in_state(&db, a), IN_NOTICED);
    assert_int_equal(check_pull_again(&db, b, true), 0);
    assert_int_equal(test_in_state(&db, b), IN_STUB);
    assert_int_equal(in_decide(&db, b, OUTCOME_PULLED), 1); /* undecided again */
    assert_int_equal(check_pull_again(&db, b, false), 0);
    assert_int_equal(test_in_state(&db, b), IN_NOTICED);
    assert_int_equal(in_set_stub(&db, b, "file", &trace, PLACE_INBOX), 0);
    assert_int_equal(in_decide(&db, b, OUTCOME_PULLED), 1);
    assert_int_equal(in_set_answer(&db, b), 0);
    assert_int_equal(check_pull_again(&db, b, true), 0); /* told: for ever */
    assert_int_equal(test_in_state(&db, b), IN_ANSWER);
    n = 0;
    check_answered(&db, 1, count_row, &n);
    assert_int_equal(n, 0);
    assert_int_equal(in_set_answered(&db, b, 5), 0);
    check_answered(&db, 1, count_row, &n);
    assert_int_equal(n, 1);
    assert_int_equal(check_answer_again(&db, b), 0);
    assert_int_equal(test_in_state(&db, b), IN_ANSWER);
    db_close(&db);
}

/* What bob's list says he holds: this blob of alice's. */
static void holds(struct db *db, uint8_t tag, uint64_t size, int64_t expiry)
{
    struct msglist_held h = {.expiry = expiry, .ref = {.size = size}};
    struct msglist l = {.counter = tag, .held = &h, .held_count = 1};
    struct replica_news news;
    memset(h.ref.hash, tag, HASH_LEN);
    (void)strcpy(h.owner, "alice@demo");
    (void)snprintf(l.owner, sizeof l.owner, "b%u@demo", tag);
    int64_t now = clock_wall_ms();
    assert_int_equal(replica_apply(db, &l, 1000, "alice@demo", now, now, &news), 0);
}

static void test_restored(void **state)
{
    struct db db;
    int64_t now = clock_wall_ms();
    int n = 0;
    test_db(&db);
    assert_false(restored_since(&db, 0));
    assert_int_equal(meta_set(&db, "restored_ms", &now, sizeof now), 0);
    assert_true(restored_since(&db, now));
    assert_false(restored_since(&db, now + 1));
    test_seal(&db, test_message(&db, 1, true, two), 1, false);
    holds(&db, 1, 10, now / 1000 + 1000);          /* a row knows it */
    holds(&db, 2, 600, now / 1000 + 1000);         /* no row does */
    holds(&db, 3, 600, now / 1000 + 1000);         /* more than the quota */
    holds(&db, 4, 400, now / 1000 + 90LL * 86400); /* impossible */
    holds(&db, 5, 400, now / 1000 + 1000);
    assert_int_equal(adopt_held(&db, "alice@demo", 1000), 2);
    assert_int_equal(adopt_held(&db, "alice@demo", 1000), 0);
    assert_true(restored_untried(&db, "alice@demo"));
    check_replicas(&db, 0, count_replica, &n);
    assert_int_equal(n, 0); /* none is held yet */
    int64_t rows[8], next = INT64_MAX;
    assert_int_equal(queue_due(&db, &queue_replicate, &NO_RULES, now + 1000, rows, 8, &next), 2);
    assert_int_equal(replica_set_held(&db, rows[0]), 0);
    check_replicas(&db, 0, count_replica, &n);
    assert_int_equal(n, 1);
    assert_int_equal(check_replica_again(&db, rows[0]), 0);
    check_replicas(&db, 0, count_replica, &n);
    assert_int_equal(n, 1);
    db_close(&db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outgoing),
        cmocka_unit_test(test_incoming_rows),
        cmocka_unit_test(test_restored),
    };
    return cmocka_run_group_tests(tests, test_dir_make, test_dir_remove);
}
