/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_senders.c - contacts and blocked senders, as the user makes them (P-10.15, P-10.16). */
#include "store/policy.h"
#include "store/senders.h"
#include "store_test.h"

static struct db db;

static int64_t request_of(uint8_t tag, const char *sender, enum in_place place)
{
    struct bytes trace = {(uint8_t *)"t", 1};
    int64_t n = test_incoming(&db, tag, 99999);
    assert_int_equal(db_exec(&db, "UPDATE incoming SET sender=? WHERE n=?", "ti", sender, n), 1);
    assert_int_equal(in_set_stub(&db, n, "file", &trace, place), 0);
    return n;
}

static void accepted_is_pinned_once(void **state)
{
    struct contact c;
    struct incoming in;
    uint8_t nid[4][HASH_LEN];
    test_db(&db);
    int64_t n = request_of(1, "ada@demo", PLACE_REQUESTS);
    assert_int_equal(in_apart(&db, nid, 4), 1);
    assert_int_equal(in_get(&db, n, &in), 0);
    assert_false(sender_known(&db, "ada@demo", in.fpr));
    assert_int_equal(policy_set(&db, POLICY_ARRIVAL, POLICY_ARRIVAL_CONTACTS, POLICY_ANY_SIZE), 0);
    assert_int_equal(sender_accept(&db, n), 0);
    assert_int_equal(sender_accept(&db, n), 0); /* again, after a crash */
    assert_true(sender_known(&db, "ada@demo", in.fpr));
    assert_int_equal(contact_get(&db, "ada@demo", &c), 0);
    assert_int_equal(c.trust, TRUST_SEEN);
    assert_false(c.changed);
    contact_free(&c);
    assert_int_equal(in_apart(&db, nid, 4), 0);
    assert_int_equal(db_int(&db, 0, "SELECT wanted FROM incoming WHERE n=?", "i", n), 1);
    incoming_free(&in);
    /* another key of that address is pinned: it stays, and is not marked as changed */
    int64_t other = request_of(2, "ada@demo", PLACE_FOREIGN);
    assert_int_equal(db_exec(&db, "UPDATE incoming SET fpr=zeroblob(20) WHERE n=?", "i", other), 1);
    assert_int_equal(sender_accept(&db, other), 0);
    assert_int_equal(contact_get(&db, "ada@demo", &c), 0);
    assert_false(c.changed);
    contact_free(&c);
    assert_int_equal(sender_accept(&db, 777), 0); /* forgotten meanwhile */
    db_close(&db);
}

static bool first_blocked(void *ctx, const char *address)
{
    (void)strcpy(ctx, address);
    return false;
}

static void blocked_and_back(void **state)
{
    char found[ADDRESS_MAX + 1] = "";
    test_db(&db);
    assert_int_equal(sender_rule(&db, "spam@demo"), SENDER_NONE);
    assert_int_equal(sender_unblock(&db, "spam@demo"), 0);
    assert_int_equal(sender_set(&db, "spam@demo", SENDER_ASKED), 1);
    sender_blocked_each(&db, first_blocked, found);
    assert_string_equal(found, "");
    assert_int_equal(sender_set(&db, "spam@demo", SENDER_BLOCKED), 1);
    assert_int_equal(sender_set(&db, "spam@demo", SENDER_BLOCKED), 0);
    sender_blocked_each(&db, first_blocked, found);
    assert_string_equal(found, "spam@demo");
    assert_int_equal(sender_unblock(&db, "spam@demo"), 1);
    assert_int_equal(sender_rule(&db, "spam@demo"), SENDER_ASKED); /* not asked again */
    /* taking a message of a blocked one into the inbox takes the block back */
    assert_int_equal(sender_set(&db, "spam@demo", SENDER_BLOCKED), 1);
    assert_int_equal(sender_accept(&db, request_of(3, "spam@demo", PLACE_REQUESTS)), 0);
    assert_int_equal(sender_rule(&db, "spam@demo"), SENDER_ASKED);
    db_close(&db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted_is_pinned_once),
        cmocka_unit_test(blocked_and_back),
    };
    return cmocka_run_group_tests(tests, test_dir_make, test_dir_remove);
}
