/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_policy.c - rules about fetching (P-7.12, P-7.13). */
#include "store/policy.h"
#include "store_test.h"
#include "store/queue.h"
#include <stdio.h>

QUEUE(stub);

static struct db db;

static int64_t wanted(int64_t n)
{
    return db_int(&db, -1, "SELECT wanted FROM incoming WHERE n=?", "i", n);
}

/* A stub of so many octets from alice@demo, whose key is 0x11.. */
static int64_t stub_of(uint8_t tag, int64_t octets, enum in_place place)
{
    struct bytes trace = {(uint8_t *)"t", 1};
    int64_t n = test_incoming(&db, tag, 99999);
    assert_int_equal(
        db_exec(&db, "UPDATE incoming SET sender='alice@demo',m_size=? WHERE n=?", "ii", octets, n),
        1);
    assert_int_equal(in_set_stub(&db, n, "file", &trace, place), 0);
    return n;
}

static void rules_are_kept(void **state)
{
    test_db(&db);
    assert_int_equal(policy_get(&db, POLICY_CLIENT, "Thunderbird"), POLICY_NONE);
    assert_int_equal(policy_set(&db, POLICY_CLIENT, "Thunderbird", POLICY_PULL_ALL), 0);
    assert_int_equal(policy_set(&db, POLICY_CLIENT, "thunderBIRD", POLICY_REFUSE_BACKGROUND), 0);
    assert_int_equal(policy_get(&db, POLICY_CLIENT, "THUNDERBIRD"), POLICY_REFUSE_BACKGROUND);
    assert_int_equal(policy_get(&db, POLICY_CONTACT, "Thunderbird"), POLICY_NONE);
    assert_int_equal(db_int(&db, 0, "SELECT count(*) FROM policy", ""), 1);
    assert_int_equal(policy_forget(&db, POLICY_CLIENT, "thunderbird"), 1);
    assert_int_equal(policy_forget(&db, POLICY_CLIENT, "thunderbird"), 0);
    db_close(&db);
}

static void names(void **state)
{
    for (int p = POLICY_ON_OPEN; p <= POLICY_PULL_ALL; p++)
        assert_int_equal(policy_of_name(policy_name((enum policy)p)), p);
    assert_int_equal(policy_of_name(""), POLICY_NONE);
    assert_int_equal(policy_of_name("pull"), POLICY_NONE);
    assert_string_equal(policy_name((enum policy)9), "");
}

static void the_closest_rule_for_an_arrival(void **state)
{
    test_db(&db);
    int64_t n = stub_of(1, 500, PLACE_INBOX);
    assert_int_equal(policy_arrived(&db, n), 0);
    assert_int_equal(policy_set(&db, POLICY_ARRIVAL, POLICY_ARRIVAL_ALL, 499), 0);
    assert_int_equal(policy_arrived(&db, n), 0);
    assert_int_equal(policy_set(&db, POLICY_ARRIVAL, POLICY_ARRIVAL_CONTACTS, POLICY_ANY_SIZE), 0);
    assert_int_equal(policy_arrived(&db, n), 0); /* no contact */
    assert_int_equal(
        db_exec(&db,
                "INSERT INTO contact(address,pubkey,fpr,trust,ocb,shards,seq,checked_ms)"
                " SELECT sender,x'00',fpr,1,0,1,0,0 FROM incoming WHERE n=?",
                "i", n),
        1);
    assert_int_equal(policy_set(&db, POLICY_ARRIVAL, "alice@demo", 0), 0);
    assert_int_equal(policy_arrived(&db, n), 0); /* her own rule is closer */
    assert_int_equal(wanted(n), 0);
    assert_int_equal(policy_forget(&db, POLICY_ARRIVAL, "alice@demo"), 1);
    assert_int_equal(policy_arrived(&db, n), 1);
    assert_int_equal(wanted(n), 1);
    assert_int_equal(policy_set(&db, POLICY_ARRIVAL, POLICY_ARRIVAL_ALL, 500), 0);
    assert_int_equal(db_exec(&db, "DELETE FROM contact", ""), 1);
    assert_int_equal(policy_arrived(&db, stub_of(2, 500, PLACE_INBOX)), 1);
    assert_int_equal(policy_arrived(&db, stub_of(3, 500, PLACE_REQUESTS)), 0);
    db_close(&db);
}

static void all_of_it(void **state)
{
    int64_t rows[8];
    struct policy_progress p;
    test_db(&db);
    int64_t one = stub_of(1, 5, PLACE_INBOX), two = test_incoming(&db, 2, 99999);
    int64_t thrown = stub_of(3, 5, PLACE_INBOX), pulled = stub_of(4, 5, PLACE_INBOX);
    assert_int_equal(in_set_gone(&db, thrown, 77), 0);
    assert_int_equal(in_decide(&db, pulled, OUTCOME_PULLED), 1);
    assert_int_equal(policy_want_all(&db), 0);
    assert_int_equal(policy_wanted(&db, 0, rows, 8), 2);
    assert_true(rows[0] == one && rows[1] == two);
    assert_int_equal(wanted(thrown), 0);
    policy_progress(&db, one, &p);
    assert_true(!p.ended && !p.failing);
    assert_int_equal(queue_delay(&db, &queue_stub, one, 5, "away"), 0);
    policy_progress(&db, one, &p);
    assert_true(!p.ended && p.failing);
    policy_progress(&db, pulled, &p); /* decided, and not delivered yet */
    assert_true(!p.ended && !p.failing);
    assert_int_equal(in_set_answer(&db, pulled), 0);
    policy_progress(&db, pulled, &p);
    assert_true(p.ended && !p.failing);
    policy_progress(&db, 4711, &p);
    assert_true(p.ended);
    db_close(&db);
}

static void whom_a_policy_is_asked_about(void **state)
{
    char sender[ADDRESS_MAX + 1];
    uint8_t nid[HASH_LEN];
    struct incoming in;
    test_db(&db);
    int64_t n = stub_of(1, 5, PLACE_INBOX);
    assert_int_equal(in_get(&db, n, &in), 0);
    memcpy(nid, in.nid, HASH_LEN);
    incoming_free(&in);
    assert_true(policy_sender(&db, nid, sender, sizeof sender));
    assert_string_equal(sender, "alice@demo");
    assert_int_equal(in_decide(&db, n, OUTCOME_PULLED), 1);
    assert_false(policy_sender(&db, nid, sender, sizeof sender));
    memset(nid, 0xee, HASH_LEN);
    assert_false(policy_sender(&db, nid, sender, sizeof sender));
    db_close(&db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rules_are_kept, test_dir_make, test_dir_remove),
        cmocka_unit_test(names),
        cmocka_unit_test_setup_teardown(the_closest_rule_for_an_arrival, test_dir_make,
                                        test_dir_remove),
        cmocka_unit_test_setup_teardown(all_of_it, test_dir_make, test_dir_remove),
        cmocka_unit_test_setup_teardown(whom_a_policy_is_asked_about, test_dir_make,
                                        test_dir_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
