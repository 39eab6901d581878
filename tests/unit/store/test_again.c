/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_again.c - a notification that comes again (P-10.20), and rows that are forgotten (P-10.21).
 */
#include "base/clock.h"
#include "one_db.h"

#define DAY_MS (86400LL * 1000)

static struct incoming notice(uint8_t p)
{
    struct incoming in = {.state = IN_NOTICED, .m_size = 10, .arrived_ms = clock_wall_ms()};
    memset(in.nid, 1, HASH_LEN);
    memset(in.fpr, 2, FPR_LEN);
    memset(in.m_hash, 3, HASH_LEN);
    memset(in.p, p, SECRET_LEN);
    memset(in.blob.hash, p, HASH_LEN);
    in.expiry_s = in.arrived_ms / 1000 + 1000;
    (void)strcpy(in.sender, "alice@demo");
    (void)strcpy(in.ns_key, "ns:bob@demo");
    assert_int_equal(bytes_set(&in.pubkey, "k", 1) | bytes_set(&in.pkesk, "s", 1) |
                         bytes_set(&in.head, "h", 1),
                     0);
    return in;
}

static struct incoming row(void)
{
    struct incoming in;
    assert_int_equal(in_get(&db, 1, &in), 0);
    incoming_free(&in); /* p is wiped with it: the rest is what the tests look at */
    return in;
}

static void same_again(void **state)
{
    struct incoming in = notice(7);
    int64_t now = clock_wall_ms();
    assert_int_equal(in_add(&db, &in), 1);
    assert_int_equal(in_add(&db, &in), 0);
    assert_int_equal(in_again(&db, &in, now), 0); /* nothing is decided */
    assert_int_equal(in_decide(&db, 1, OUTCOME_DECLINED), 1);
    assert_int_equal(in_set_answered(&db, 1, 0), 0);
    assert_int_equal(in_again(&db, &in, now + 10), 0); /* at most hourly */
    assert_int_equal(row().state, IN_ANSWERED);
    assert_int_equal(in_again(&db, &in, now + 2 * 3600 * 1000), 1);
    assert_int_equal(row().state, IN_ANSWER);
    assert_int_equal(row().outcome, OUTCOME_DECLINED);
    incoming_free(&in);
}

static void sealed_again(void **state)
{
    struct incoming in = notice(7), other = notice(8);
    int64_t now = clock_wall_ms();
    assert_int_equal(in_add(&db, &in), 1);
    assert_int_equal(in_again(&db, &other, now), 1); /* not pulled yet: the new blob */
    assert_int_equal(row().state, IN_NOTICED);
    assert_memory_equal(row().blob.hash, other.blob.hash, HASH_LEN);
    assert_int_equal(in_again(&db, &other, now), 0);
    assert_int_equal(in_decide(&db, 1, OUTCOME_PULLED), 1);
    assert_int_equal(in_set_answer(&db, 1), 0);
    assert_int_equal(in_set_answered(&db, 1, 0), 0);
    assert_int_equal(in_again(&db, &in, now), 1); /* pulled: told under the other p, at once */
    assert_int_equal(row().state, IN_ANSWER);
    assert_int_equal(row().outcome, OUTCOME_PULLED);
    assert_memory_equal(row().blob.hash, in.blob.hash, HASH_LEN);
    memset(other.m_hash, 9, HASH_LEN); /* other octets under a known id: ignored */
    assert_int_equal(in_again(&db, &other, now), 0);
    memset(other.m_hash, 3, HASH_LEN);
    memset(other.fpr, 9, FPR_LEN); /* another signer: ignored */
    assert_int_equal(in_again(&db, &other, now), 0);
    incoming_free(&in);
    incoming_free(&other);
}

/* P-10.6: settled at once, but only for the p that was answered; and the notification is looked at
 * again if its sender leaves it there. */
static void receipt_endpoint_over(void **state)
{
    struct incoming in = notice(7), other = notice(8);
    uint8_t id[ENTRY_ID_LEN] = {1};
    int64_t now = clock_wall_ms();
    assert_int_equal(in_add(&db, &in), 1);
    assert_int_equal(looked_add(&db, id, now / 1000 + 86400), 0);
    assert_int_equal(in_set_pushed(&db, 1, in.p, id, now / 1000 + 60), 0); /* nothing to answer */
    assert_int_equal(in_decide(&db, 1, OUTCOME_DECLINED), 1);
    assert_int_equal(in_set_pushed(&db, 1, other.p, id, now / 1000 + 60), 0);
    assert_int_equal(row().state, IN_ANSWER);
    assert_int_equal(in_set_pushed(&db, 1, in.p, id, now / 1000 + 60), 1);
    assert_int_equal(row().state, IN_SETTLED);
    assert_int_equal(row().head.n, 0);
    assert_true(looked_has(&db, id));
    assert_int_equal(in_again(&db, &in, now + 2 * 3600 * 1000), 1); /* it stood there still */
    assert_int_equal(row().state, IN_ANSWER);
    assert_int_equal(in_set_pushed(&db, 1, in.p, id, now / 1000), 1);
    assert_false(looked_has(&db, id));
    incoming_free(&in);
    incoming_free(&other);
}

static void incoming_forgotten(void **state)
{
    struct incoming in = notice(7);
    uint8_t id[ENTRY_ID_LEN] = {1};
    int64_t now = clock_wall_ms(), later = now + 31 * DAY_MS;
    assert_int_equal(in_add(&db, &in), 1);
    assert_int_equal(looked_add(&db, id, now / 1000 + 10), 0);
    assert_int_equal(in_forget(&db, now), 0);
    assert_true(looked_has(&db, id));
    assert_int_equal(in_forget(&db, later), 0);
    assert_false(looked_has(&db, id));
    assert_int_equal(in_find(&db, in.nid), 1); /* it is not ended */
    assert_int_equal(in_decide(&db, 1, OUTCOME_DECLINED), 1);
    assert_int_equal(in_set_answered(&db, 1, 0) | in_set_settled(&db, 1), 0);
    assert_int_equal(in_forget(&db, later - 2 * DAY_MS), 0);
    assert_int_equal(in_find(&db, in.nid), 1);
    assert_int_equal(in_forget(&db, later), 0);
    assert_int_equal(in_find(&db, in.nid), 0);
    incoming_free(&in);
}

static void outgoing_forgotten(void **state)
{
    struct out_message m = {.created_ms = 1};
    struct out_rcpt to[2] = {{"a@demo", true, NOTIFY_FAILURE, false, NULL},
                             {"b@demo", false, NOTIFY_FAILURE, false, NULL}};
    int64_t later = clock_wall_ms() + 1000;
    struct out_receiver r;
    assert_int_equal(out_add(&db, &m, to, 2, 0), 0);
    assert_int_equal(rcv_end(&db, 1, RCV_FAILED, false, "why"), 1);
    assert_int_equal(out_set_done(&db, m.n), 0);
    assert_int_equal(out_forget(&db, later), 0); /* b waits */
    assert_int_equal(rcv_get(&db, 1, &r), 0);
    out_receiver_free(&r);
    assert_int_equal(rcv_end(&db, 2, RCV_FAILED, false, "why"), 1);
    assert_int_equal(out_forget(&db, later - 60 * DAY_MS), 0); /* not long enough ago */
    assert_int_equal(rcv_get(&db, 1, &r), 0);
    out_receiver_free(&r);
    assert_int_equal(out_forget(&db, later), 0);
    assert_int_equal(rcv_get(&db, 1, &r), -1);
    assert_int_equal(out_get(&db, m.n, &m), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(same_again, setup, teardown),
        cmocka_unit_test_setup_teardown(sealed_again, setup, teardown),
        cmocka_unit_test_setup_teardown(receipt_endpoint_over, setup, teardown),
        cmocka_unit_test_setup_teardown(incoming_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(outgoing_forgotten, setup, teardown),
    };
    return cmocka_run_group_tests(tests, test_dir_make, test_dir_remove);
}
