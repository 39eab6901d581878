/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_outgoing.c - the sender's rows: which step is due when, how a receiver ends, what is
 * forgotten. */
#include "base/clock.h"
#include "store/cancel.h"
#include "one_db.h"
#include "store/queue.h"

QUEUE(announce);
QUEUE(blob_gc);
QUEUE(dht_gc);
QUEUE(dsn);
QUEUE(lookup);
QUEUE(publish);
QUEUE(reput);
QUEUE(seal);
QUEUE(sent);
QUEUE(spool_gc);

static const struct queue_rules NO_RULES = {0};

static const char *const two[] = {"bob@demo", "carol@demo", NULL};

/* The rows due for a step. */
static size_t due(const struct queue *what, int64_t now, int64_t *n, int64_t *next)
{
    int64_t at = INT64_MAX;
    size_t count = queue_due(&db, what, &NO_RULES, now, n, 16, &at);
    if (next != NULL)
        *next = at;
    return count;
}

static void test_way(void **state)
{
    int64_t n[16], next;
    int64_t m = test_message(&db, 1, false, two);
    assert_int_equal(due(&queue_lookup, 1, n, NULL), 2);
    assert_int_equal(due(&queue_seal, 1, n, NULL), 0);
    assert_int_equal(rcv_set_ready(&db, n[0]), 0);
    assert_int_equal(due(&queue_lookup, 1, n, NULL), 1);
    assert_int_equal(rcv_set_ready(&db, n[0]), 0);
    assert_int_equal(due(&queue_seal, 1, n, NULL), 1);
    assert_int_equal(n[0], m);
    test_seal(&db, m, 9, true);
    assert_int_equal(due(&queue_seal, 1, n, NULL), 0);
    assert_int_equal(due(&queue_announce, 1, n, NULL),
                     0); /* not before both blobs can be fetched */
    assert_int_equal(due(&queue_publish, 1, n, NULL), 2);
    int64_t first = n[0], second = n[1];
    assert_int_equal(blob_set_state(&db, first, BLOB_PUBLISHED), 0);
    assert_int_equal(due(&queue_announce, 1, n, NULL), 0);
    assert_int_equal(blob_set_state(&db, second, BLOB_PUBLISHED), 0);
    assert_int_equal(due(&queue_announce, 1, n, NULL), 2);
    assert_int_equal(rcv_set_announced(&db, n[0], 500), 0);
    assert_int_equal(rcv_set_announced(&db, n[1], 700), 0);
    assert_int_equal(due(&queue_reput, 1, n, &next), 0);
    assert_int_equal(next, 500);
    assert_int_equal(due(&queue_reput, 500, n, &next), 1);
    assert_int_equal(next, 700);
    assert_int_equal(due(&queue_blob_gc, 1, n, NULL), 0);
    struct out_counts c;
    out_count(&db, &c);
    assert_int_equal(c.messages, 1);
    assert_int_equal(c.receivers_pending, 2);
    assert_int_equal(c.bytes, 20);
}

/* A step that failed is due later; its tries count until it succeeds. */
static void test_delay(void **state)
{
    int64_t n[16], next;
    int64_t m = test_message(&db, 1, true, two);
    assert_int_equal(queue_delay(&db, &queue_seal, m, 900, NULL), 0);
    assert_int_equal(queue_delay(&db, &queue_seal, m, 900, NULL), 0);
    assert_int_equal(queue_tries(&db, &queue_seal, m), 2);
    assert_int_equal(due(&queue_seal, 899, n, &next), 0);
    assert_int_equal(next, 900);
    assert_int_equal(due(&queue_seal, 900, n, NULL), 1);
    test_seal(&db, m, 9, false);
    assert_int_equal(due(&queue_publish, 1, n, NULL), 1);
    assert_int_equal(queue_delay(&db, &queue_publish, n[0], 300, NULL), 0);
    assert_int_equal(queue_tries(&db, &queue_publish, n[0]), 1);
    assert_int_equal(due(&queue_publish, 1, n, NULL), 0);
    assert_int_equal(due(&queue_publish, 300, n, NULL), 1);
    assert_int_equal(blob_set_state(&db, n[0], BLOB_PUBLISHED), 0);
    assert_int_equal(queue_tries(&db, &queue_publish, n[0]), 0);
    assert_int_equal(due(&queue_announce, 1, n, NULL), 2);
    assert_int_equal(queue_delay(&db, &queue_announce, n[0], 400, NULL), 0);
    assert_int_equal(queue_tries(&db, &queue_announce, n[0]), 1);
    assert_int_equal(due(&queue_announce, 1, n, NULL), 1);
}

/* The first end stays, but pulled wins over every other one. */
static void test_ends(void **state)
{
    static const enum rcv_state end[] = {RCV_DECLINED, RCV_CANCELLED, RCV_EXPIRED, RCV_FAILED,
                                         RCV_ANSWERED};
    for (size_t i = 0; i < sizeof end / sizeof *end; i++) {
        int64_t n[16];
        int64_t m = test_message(&db, (uint8_t)(i + 1), true, two);
        test_seal(&db, m, (uint8_t)(i + 1), false);
        assert_int_equal(rcv_of_message(&db, m, RCV_SEALED, n, 16), 2);
        assert_int_equal(rcv_end(&db, n[0], end[i], true, "first"), 1);
        assert_int_equal(rcv_end(&db, n[0], end[i], true, "again"), 0);
        assert_int_equal(rcv_end(&db, n[0], i == 0 ? RCV_EXPIRED : RCV_DECLINED, true, NULL), 0);
        assert_int_equal(test_rcv_state(&db, n[0]), end[i]);
        struct out_receiver r;
        assert_int_equal(rcv_get(&db, n[0], &r), 0);
        assert_string_equal(r.why.p, "first");
        assert_string_equal(r.orcpt.p, TEST_ORCPT);
        out_receiver_free(&r);
        assert_int_equal(rcv_set_announced(&db, n[0], 1), 0); /* too late: it stays ended */
        assert_int_equal(test_rcv_state(&db, n[0]), end[i]);
        assert_int_equal(rcv_end(&db, n[0], RCV_PULLED, true, NULL), 1);
        assert_int_equal(rcv_end(&db, n[0], end[i], true, NULL), 0);
        assert_int_equal(test_rcv_state(&db, n[0]), RCV_PULLED);
        assert_int_equal(test_rcv_state(&db, n[1]), RCV_SEALED); /* nobody else's business */
        assert_int_equal(rcv_get(&db, n[1], &r), 0);
        assert_int_equal(r.orcpt.n, 0);
        out_receiver_free(&r);
    }
}

/* The blob leaves when the last receiver has ended; its entries in the DHT are cleaned once, and
 * again when a late receipt comes. */
static void test_clean_and_free(void **state)
{
    int64_t n[16], rows[2];
    int64_t m = test_message(&db, 1, true, two);
    test_seal(&db, m, 9, false);
    assert_int_equal(rcv_of_message(&db, m, RCV_SEALED, rows, 2), 2);
    assert_int_equal(rcv_end(&db, rows[0], RCV_PULLED, true, NULL), 1);
    assert_int_equal(due(&queue_blob_gc, 1, n, NULL), 0);
    assert_int_equal(rcv_end(&db, rows[1], RCV_FAILED, false, "no"), 1);
    assert_int_equal(due(&queue_blob_gc, 1, n, NULL), 1);
    assert_int_equal(blob_set_state(&db, n[0], BLOB_GONE), 0);
    assert_int_equal(due(&queue_blob_gc, 1, n, NULL), 0);
    assert_int_equal(due(&queue_dht_gc, 1, n, NULL), 1);
    assert_int_equal(n[0], rows[0]);
    int64_t before = clock_wall_ms() - 1;
    assert_int_equal(rcv_set_dht_gone(&db, rows[0]), 0);
    assert_int_equal(due(&queue_dht_gc, 1, n, NULL), 0);
    assert_int_equal(rcv_again(&db, rows[0], before), 0); /* that was just done */
    assert_int_equal(due(&queue_dht_gc, 1, n, NULL), 0);
    assert_int_equal(rcv_again(&db, rows[0], INT64_MAX), 0);
    assert_int_equal(due(&queue_dht_gc, 1, n, NULL), 1);
    assert_int_equal(rcv_again(&db, rows[1], INT64_MAX),
                     0); /* was never cleaned: nothing to do again */
    assert_int_equal(due(&queue_dht_gc, 1, n, NULL), 1);
}

/* P-6.9: a receipt that was handed over stands nowhere, unless it also came through the DHT; one
 * that says what is known changes nothing. */
static void test_handed(void **state)
{
    int64_t rows[2], before = clock_wall_ms() - 1;
    int64_t m = test_message(&db, 1, true, two);
    struct out_receiver r;
    test_seal(&db, m, 9, false);
    assert_int_equal(rcv_of_message(&db, m, RCV_SEALED, rows, 2), 2);
    assert_false(rcv_knows(&db, rows[0], OUTCOME_PULLED, before));
    assert_int_equal(rcv_end(&db, rows[0], RCV_PULLED, true, NULL), 1);
    assert_false(rcv_knows(&db, rows[0], OUTCOME_PULLED, before)); /* by whom is not known */
    assert_int_equal(cancel_answered(&db, rows[0], OUTCOME_PULLED, true), 0);
    assert_true(rcv_knows(&db, rows[0], OUTCOME_PULLED, before)); /* to be cleaned anyway */
    assert_int_equal(rcv_set_dht_gone(&db, rows[0]), 0);
    assert_true(rcv_knows(&db, rows[0], OUTCOME_PULLED, before));
    assert_false(rcv_knows(&db, rows[0], OUTCOME_DECLINED, before));
    assert_false(rcv_knows(&db, rows[0], OUTCOME_PULLED, INT64_MAX)); /* cleaned long ago */
    assert_int_equal(rcv_get(&db, rows[0], &r), 0);
    assert_true(r.pushed);
    out_receiver_free(&r);
    assert_int_equal(cancel_answered(&db, rows[0], OUTCOME_PULLED, false), 0);
    assert_int_equal(cancel_answered(&db, rows[0], OUTCOME_PULLED, true), 0);
    assert_int_equal(rcv_get(&db, rows[0], &r), 0);
    assert_false(r.pushed);
    out_receiver_free(&r);
}

static void test_expected(void **state)
{
    int64_t rows[2];
    uint8_t id[ENTRY_ID_LEN];
    enum outcome o = 0;
    int64_t m = test_message(&db, 1, true, two);
    test_seal(&db, m, 9, false);
    assert_int_equal(rcv_of_message(&db, m, RCV_SEALED, rows, 2), 2);
    memset(id, 9, sizeof id);
    for (uint8_t i = 0; i < 2; i++) {
        for (uint8_t k = 0; k < 3; k++) {
            id[0] = (uint8_t)rows[i];
            id[1] = k;
            assert_int_equal(expected_find(&db, id, &o), rows[i]);
            assert_int_equal(o, k + 1);
        }
    }
    id[1] = 3;
    assert_int_equal(expected_find(&db, id, &o), 0);
}

/* Sealing is one transaction: when one receiver is not READY any more, nothing of it is taken. */
static void test_sealed_once(void **state)
{
    int64_t rows[2];
    int64_t m = test_message(&db, 1, true, two);
    assert_int_equal(rcv_of_message(&db, m, RCV_READY, rows, 2), 2);
    assert_int_equal(rcv_end(&db, rows[1], RCV_CANCELLED, false, NULL), 1);
    struct sealed_receiver r[2] = {{.n = rows[0], .ns = BUF_INIT(8)},
                                   {.n = rows[1], .ns = BUF_INIT(8)}};
    struct sealed_blob b = {.size = 1, .chunks = (const uint8_t *)"c", .chunks_len = 1};
    for (uint8_t i = 0; i < 6; i++)
        r[i / 3].expected[i % 3][0] = i;
    assert_int_equal(out_set_sealed(&db, m, &b, NULL, r, 2), -1);
}

static void test_sent(void **state)
{
    int64_t n[16], next;
    int64_t m = test_message(&db, 1, true, two);
    assert_int_equal(due(&queue_sent, 4999, n, &next), 0);
    assert_int_equal(next, 5000);
    assert_int_equal(due(&queue_sent, 5000, n, NULL), 1);
    assert_int_equal(queue_delay(&db, &queue_sent, m, 6000, NULL), 0);
    assert_int_equal(due(&queue_sent, 5999, n, NULL), 0);
    assert_int_equal(due(&queue_spool_gc, 9000, n, NULL),
                     0); /* the copy in Sent still needs the spool */
    assert_int_equal(sent_set(&db, m, SENT_OURS), 1);
    assert_int_equal(sent_find(&db, "<id@demo>", n, 16), 1);
    assert_int_equal(sent_find(&db, "<other@demo>", n, 16), 0);
    assert_int_equal(sent_set(&db, m, SENT_CLIENT), 1);
    assert_int_equal(sent_set(&db, m, SENT_OURS), 0); /* the client's came first: it stays */
    assert_int_equal(sent_find(&db, "<id@demo>", n, 16), 0);
    assert_int_equal(due(&queue_spool_gc, 9000, n, NULL), 0); /* to be sealed */
    test_seal(&db, m, 9, false);
    uint8_t id[MESSAGE_ID_LEN];
    memset(id, 1, sizeof id);
    assert_true(out_needs_spool(&db, id));
    assert_int_equal(due(&queue_spool_gc, 9000, n, NULL), 1);
    assert_int_equal(out_set_done(&db, m), 0);
    assert_false(out_needs_spool(&db, id));
    assert_int_equal(due(&queue_spool_gc, 9000, n, NULL), 0);
}

/* Forgotten is only what ended long ago, in all its parts. */
static void test_forget(void **state)
{
    int64_t rows[2], n[16];
    struct out_message got;
    int64_t m = test_message(&db, 1, true, two);
    test_seal(&db, m, 9, false);
    assert_int_equal(rcv_of_message(&db, m, RCV_SEALED, rows, 2), 2);
    assert_int_equal(rcv_end(&db, rows[0], RCV_PULLED, true, NULL), 1);
    assert_int_equal(rcv_set_dht_gone(&db, rows[0]), 0);
    assert_int_equal(out_set_done(&db, m), 0);
    assert_int_equal(out_forget(&db, INT64_MAX), 0);
    assert_int_equal(out_get(&db, m, &got), 0); /* one receiver is waited for */
    assert_string_equal(got.envid.p, "envelope");
    out_message_free(&got);
    assert_int_equal(rcv_end(&db, rows[1], RCV_PULLED, true, NULL), 1);
    assert_int_equal(out_forget(&db, INT64_MAX), 0);
    assert_int_equal(out_get(&db, m, &got), 0); /* its entries are to be cleaned */
    out_message_free(&got);
    assert_int_equal(rcv_set_dht_gone(&db, rows[1]), 0);
    assert_int_equal(out_forget(&db, INT64_MAX), 0);
    assert_int_equal(out_get(&db, m, &got), 0); /* its blob stands */
    out_message_free(&got);
    assert_int_equal(due(&queue_blob_gc, 1, n, NULL), 1);
    assert_int_equal(blob_set_state(&db, n[0], BLOB_GONE), 0);
    assert_int_equal(out_forget(&db, 1), 0);
    assert_int_equal(out_get(&db, m, &got), 0); /* too young */
    out_message_free(&got);
    assert_int_equal(out_forget(&db, INT64_MAX), 0);
    assert_int_equal(out_get(&db, m, &got), -1);
    assert_int_equal(db_int(&db, -1,
                            "SELECT (SELECT count(*) FROM receiver)+(SELECT count(*) FROM"
                            " blob)+(SELECT count(*) FROM expected)",
                            ""),
                     0);
}

/* Of whose end the user is told: NOTIFY (P-13.1). */
static void test_reports(void **state)
{
    static const char *const four[] = {"a@demo", "b@demo", "c@demo", "d@demo", NULL};
    int64_t n[16], m = test_message(&db, 1, true, four);
    test_seal(&db, m, 1, false);
    assert_int_equal(rcv_of_message(&db, m, RCV_SEALED, n, 16), 4);
    for (int64_t i = 0; i < 4; i++) /* never, success, failure, both */
        assert_int_equal(db_exec(&db, "UPDATE receiver SET notify=? WHERE n=?", "ii", i, n[i]), 1);
    int64_t row[16];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(rcv_end(&db, n[i], i % 2 ? RCV_PULLED : RCV_FAILED, true, "why"), 1);
    assert_int_equal(due(&queue_dsn, 1, row, NULL), 1);
    assert_int_equal(dsn_begin(&db, m), 0);
    assert_int_equal(dsn_rcpts(&db, m, row, 16), 3);
    assert_memory_equal(row, n + 1, 3 * sizeof *row);
    assert_int_equal(dsn_told(&db, m), 0);
    assert_int_equal(due(&queue_dsn, 1, row, NULL), 0);
}

static void pin(struct contact *c, uint8_t key, uint64_t seq, int64_t at)
{
    *c = (struct contact){.trust = TRUST_SEEN, .shards = 1, .seq = seq, .checked_ms = at};
    (void)strcpy(c->address, "bob@demo");
    memset(c->fpr, key, FPR_LEN);
    assert_int_equal(bytes_set(&c->pubkey, &key, 1), 0);
    assert_int_equal(contact_pin(&db, c), 0);
    contact_free(c);
    assert_int_equal(contact_get(&db, "bob@demo", c), 0);
}

/* A pinned key stays: another one only marks the contact as changed. */
static void test_contacts(void **state)
{
    struct contact c;
    assert_int_equal(contact_get(&db, "bob@demo", &c), -1);
    pin(&c, 1, 10, 100);
    assert_int_equal(c.fpr[0], 1);
    assert_false(c.changed);
    contact_free(&c);
    pin(&c, 1, 9, 200); /* an older record does not take it back */
    assert_int_equal(c.seq, 10);
    contact_free(&c);
    pin(&c, 2, 99, 300);
    assert_int_equal(c.fpr[0], 1);
    assert_int_equal(c.pubkey.p[0], 1);
    assert_true(c.changed);
    assert_int_equal(c.changed_fpr[0], 2);
    contact_free(&c);
    uint8_t same[FPR_LEN];
    memset(same, 1, sizeof same);
    assert_int_equal(db_exec(&db, "UPDATE contact SET changed_fpr=NULL", ""), 1);
    assert_int_equal(contact_set_changed(&db, "bob@demo", same), 0); /* its own: no change */
    assert_int_equal(contact_get(&db, "bob@demo", &c), 0);
    assert_false(c.changed);
    contact_free(&c);
}

QUEUE(delay_notice);

/* P-13.7: a message of which a delay is to be told is due a day later, until that is told; whoever
 * ended is left out, and others make no row. */
static void test_delay_notice(void **state)
{
    static const struct queue_rules rules = {0};
    struct out_message m = {.state = OUT_SUBMITTED, .created_ms = 1000, .size = 1};
    struct out_rcpt to[3] = {{"bob@demo", .known = true, .notify = NOTIFY_DELAY},
                             {"carol@demo", .known = true, .notify = NOTIFY_FAILURE},
                             {"dora@demo", .known = true, .notify = NOTIFY_DELAY | NOTIFY_FAILURE}};
    int64_t rows[4], next = INT64_MAX, at = m.created_ms + DELAY_NOTICE_MS;
    memset(m.id, 1, sizeof m.id);
    assert_int_equal(out_add(&db, &m, &to[1], 1, 0), 0);
    memset(m.id, 2, sizeof m.id);
    assert_int_equal(out_add(&db, &m, to, 3, 0), 0);
    assert_int_equal(queue_due(&db, &queue_delay_notice, &rules, at - 1, rows, 4, &next), 0);
    assert_int_equal(next, at);
    assert_int_equal(queue_due(&db, &queue_delay_notice, &rules, at, rows, 4, NULL), 1);
    assert_int_equal(rows[0], m.n);
    assert_int_equal(dsn_delayed(&db, m.n, rows, 4), 2);
    assert_int_equal(rcv_end(&db, rows[0], RCV_PULLED, false, NULL), 1);
    assert_int_equal(dsn_delayed(&db, m.n, rows, 4), 1);
    assert_int_equal(queue_delay(&db, &queue_delay_notice, m.n, at + 5, NULL), 0);
    assert_int_equal(queue_due(&db, &queue_delay_notice, &rules, at + 4, rows, 4, NULL), 0);
    assert_int_equal(queue_due(&db, &queue_delay_notice, &rules, at + 5, rows, 4, NULL), 1);
    assert_int_equal(dsn_delayed_done(&db, m.n), 0);
    assert_int_equal(queue_due(&db, &queue_delay_notice, &rules, INT64_MAX, rows, 4, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_delay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clean_and_free, setup, teardown),
        cmocka_unit_test_setup_teardown(test_handed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_expected, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sealed_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forget, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reports, setup, teardown),
        cmocka_unit_test_setup_teardown(test_delay_notice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_contacts, setup, teardown),
    };
    return cmocka_run_group_tests(tests, test_dir_make, test_dir_remove);
}
