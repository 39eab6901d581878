/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_cancel.c - taking messages back in the store (P-14.1, P-14.2, P-14.5, P-14.6). */
#include "store/cancel.h"
#include "store/queue.h"
#include "one_db.h"

QUEUE(blob_gc);
QUEUE(cancel);
QUEUE(dht_gc);
QUEUE(recall);

static const struct queue_rules NO_RULES = {0};

/* A message to two; sealed if told so. Its receivers are rows 1 and 2. */
static void make(bool sealed)
{
    struct out_message m = {.state = OUT_SUBMITTED, .created_ms = 1, .size = 1};
    struct out_rcpt to[2] = {{"bob@demo", true, NOTIFY_FAILURE, false, NULL},
                             {"carol@demo", true, NOTIFY_FAILURE, false, NULL}};
    memset(m.id, 0xab, sizeof m.id);
    assert_int_equal(out_add(&db, &m, to, 2, 0), 0);
    if (!sealed)
        return;
    struct sealed_blob b = {.size = 9, .chunks = (const uint8_t *)"c", .chunks_len = 1};
    struct sealed_receiver r[2] = {{.n = 1, .expiry_s = 99}, {.n = 2, .expiry_s = 99}};
    for (size_t i = 0; i < 2; i++) {
        r[i].ns = (struct buf)BUF_INIT(10);
        assert_int_equal(buf_append(&r[i].ns, "ns", 2), 0);
        memset(r[i].expected, (int)i + 1, sizeof r[i].expected);
        for (uint8_t o = 0; o < 3; o++)
            r[i].expected[o][0] = o;
    }
    assert_int_equal(out_set_sealed(&db, m.n, &b, NULL, r, 2), 0);
    for (size_t i = 0; i < 2; i++)
        buf_free(&r[i].ns);
}

static enum rcv_state state_of(int64_t n)
{
    struct out_receiver r;
    assert_int_equal(rcv_get(&db, n, &r), 0);
    enum rcv_state s = r.state;
    out_receiver_free(&r);
    return s;
}

static size_t due(const struct queue *what)
{
    int64_t rows[8], next = INT64_MAX;
    return queue_due(&db, what, &NO_RULES, INT64_MAX / 2, rows, 8, &next);
}

static void test_before_it_is_announced(void **state)
{
    make(false);
    assert_int_equal(cancel_begin(&db, 1), 1);
    assert_int_equal(state_of(1), RCV_CANCELLED);
    assert_int_equal(cancel_begin(&db, 1), 0);
    assert_int_equal(due(&queue_recall), 0);
    assert_int_equal(state_of(2), RCV_READY);
    int64_t rows[4];
    assert_int_equal(cancel_receivers(&db, 1, NULL, rows, 4), 2);
    assert_int_equal(cancel_receivers(&db, 1, "carol@demo", rows, 4), 1);
    assert_int_equal(rows[0], 2);
    assert_int_equal(out_find_prefix(&db, "ABab"), 1);
    assert_int_equal(out_find_prefix(&db, "abcd"), 0);
}

static void test_blob_waits_until_it_was_looked_at(void **state)
{
    make(true);
    assert_int_equal(cancel_begin(&db, 1), 1);
    assert_true(cancel_blob_wanted(&db, 1));
    assert_int_equal(cancel_closed(&db, 1, 1, false), 0);
    assert_int_equal(state_of(1), RCV_WITHDRAWING);
    assert_int_equal(due(&queue_cancel), 1);
    assert_int_equal(due(&queue_blob_gc), 0); /* carol waits */
    assert_int_equal(cancel_begin(&db, 2), 1);
    assert_false(cancel_blob_wanted(&db, 1));
    assert_true(cancel_deciding(&db, 1));
    assert_int_equal(due(&queue_blob_gc), 0); /* the note of fetches is still needed */
    assert_int_equal(cancel_closed(&db, 2, 1, true), 0);
    assert_false(cancel_deciding(&db, 1));
    assert_int_equal(due(&queue_blob_gc), 1);
    /* nobody began to fetch it: that is true for both */
    assert_int_equal(state_of(1), RCV_CANCELLED);
    assert_int_equal(state_of(2), RCV_CANCELLED);
}

static void test_which_reports_count(void **state)
{
    make(true);
    assert_int_equal(cancel_begin(&db, 1), 1);
    /* what the sender itself concludes from the absence of the notification does not end it */
    assert_int_equal(rcv_end(&db, 1, RCV_ANSWERED, true, NULL), 0);
    assert_int_equal(rcv_end(&db, 1, RCV_EXPIRED, true, NULL), 0);
    assert_int_equal(rcv_end(&db, 1, RCV_UNCONFIRMED, true, NULL), 1);
    assert_int_equal(rcv_end(&db, 1, RCV_CANCELLED, true, NULL), 1);
    assert_int_equal(rcv_end(&db, 1, RCV_DECLINED, true, NULL), 0);
    assert_int_equal(rcv_end(&db, 1, RCV_PULLED, true, NULL), 1);
    assert_int_equal(cancel_answered(&db, 1, OUTCOME_PULLED, false), 0);
    assert_int_equal(cancel_outcome(&db, 1), OUTCOME_PULLED);
    assert_int_equal(due(&queue_recall), 0);
    assert_int_equal(due(&queue_dht_gc), 1);
}

static void test_entry_is_made_once(void **state)
{
    struct bytes b;
    make(true);
    assert_int_equal(cancel_begin(&db, 1), 1);
    assert_int_equal(cancel_entry(&db, 1, &b), 0);
    assert_int_equal(b.n, 0);
    assert_int_equal(cancel_set_entry(&db, 1, "one", 3), 0);
    assert_int_equal(cancel_set_entry(&db, 1, "two", 3), -1);
    assert_int_equal(cancel_entry(&db, 1, &b), 0);
    assert_int_equal(b.n, 3);
    assert_memory_equal(b.p, "one", 3);
    bytes_free(&b);
}

static void test_same_signer_only(void **state)
{
    struct incoming in = {.state = IN_NOTICED, .expiry_s = 100};
    uint8_t other[FPR_LEN] = {1};
    (void)strcpy(in.sender, "eve@demo");
    (void)strcpy(in.ns_key, "ns:bob@demo");
    assert_int_equal(bytes_set(&in.pubkey, "k", 1), 0);
    assert_int_equal(bytes_set(&in.pkesk, "s", 1), 0);
    assert_int_equal(cancelled_add(&db, in.nid, other, 100), 0);
    assert_int_equal(in_add(&db, &in), 1);
    assert_false(cancelled_has(&db, 1));
    in.nid[0] = 7; /* the cancellation comes first */
    assert_int_equal(cancelled_add(&db, in.nid, in.fpr, 100), 0);
    assert_int_equal(in_add(&db, &in), 1);
    assert_true(cancelled_has(&db, 2));
    incoming_free(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_before_it_is_announced, setup, teardown),
        cmocka_unit_test_setup_teardown(test_blob_waits_until_it_was_looked_at, setup, teardown),
        cmocka_unit_test_setup_teardown(test_which_reports_count, setup, teardown),
        cmocka_unit_test_setup_teardown(test_entry_is_made_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_same_signer_only, setup, teardown),
    };
    return cmocka_run_group_tests(tests, test_dir_make, test_dir_remove);
}
