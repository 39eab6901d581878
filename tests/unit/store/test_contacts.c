/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_contacts.c - fingerprints that the user names, before and after their key is known (P-10.11,
 * P-10.30). */
#include "one_db.h"
#include "store/revoked.h"

static const uint8_t right[FPR_LEN] = {1, 2, 3}, wrong[FPR_LEN] = {9, 9};

static struct contact found(const uint8_t *fpr)
{
    static uint8_t key[] = "key";
    struct contact c = {.pubkey = {key, 3}, .trust = TRUST_SEEN, .shards = 1, .checked_ms = 5};
    (void)strcpy(c.address, "ada@demo");
    memcpy(c.fpr, fpr, FPR_LEN);
    return c;
}

static enum in_trust trust_of(const uint8_t *fpr)
{
    struct contact c;
    if (contact_get(&db, "ada@demo", &c) < 0)
        return TRUST_UNKNOWN;
    enum in_trust t = memcmp(c.fpr, fpr, FPR_LEN) == 0 ? c.trust : TRUST_UNKNOWN;
    contact_free(&c);
    return t;
}

static void a_pin_waits_for_its_key(void **state)
{
    uint8_t fpr[FPR_LEN];
    struct contact rival = found(wrong), own = found(right);
    assert_int_equal(contact_pinned_fpr(&db, "ada@demo", fpr), -1);
    assert_int_equal(contact_verify(&db, "ada@demo", right), 0);
    assert_int_equal(contact_verify(&db, "ada@demo", right), 0); /* again, after a crash */
    assert_int_equal(contact_pinned_fpr(&db, "ada@demo", fpr), 0);
    assert_memory_equal(fpr, right, FPR_LEN);
    assert_int_equal(contact_pin(&db, &rival), 0); /* whoever comes first */
    assert_int_equal(trust_of(wrong), TRUST_UNKNOWN);
    assert_int_equal(contact_pin(&db, &own), 0);
    assert_int_equal(trust_of(right), TRUST_VERIFIED);
    assert_int_equal(db_int(&db, -1, "SELECT count(*) FROM pin", ""), 0);
}

static void a_named_fingerprint_replaces_a_pin(void **state)
{
    struct contact first = found(wrong);
    uint8_t fpr[FPR_LEN];
    assert_int_equal(contact_pin(&db, &first), 0);
    assert_int_equal(contact_verify(&db, "ada@demo", wrong), 0);
    assert_int_equal(trust_of(wrong), TRUST_VERIFIED);
    assert_int_equal(contact_verify(&db, "ada@demo", right), 0);
    assert_int_equal(trust_of(wrong), TRUST_UNKNOWN);
    assert_int_equal(contact_pinned_fpr(&db, "ada@demo", fpr), 0);
    assert_memory_equal(fpr, right, FPR_LEN);
    assert_int_equal(contact_forget(&db, "ada@demo"), 1);
    assert_int_equal(contact_pinned_fpr(&db, "ada@demo", fpr), -1);
    assert_int_equal(contact_forget(&db, "ada@demo"), 0);
}

/* A rival is noted and moves nothing while the pinned identity lives; revoked, or expired with a
 * rival, it holds mail back (P-10.31). */
static void what_holds_mail_back(void **state)
{
    static uint8_t octets[] = "signed";
    struct bytes record = {octets, 6};
    struct contact first = found(right), c;
    first.expiry_s = 9000000000;
    assert_int_equal(contact_pin(&db, &first), 0);
    assert_int_equal(contact_set_changed(&db, "ada@demo", wrong), 0);
    assert_int_equal(contact_get(&db, "ada@demo", &c), 0);
    assert_true(c.changed && !c.held);
    contact_free(&c);
    assert_int_equal(db_exec(&db, "UPDATE contact SET expiry_s=1", ""), 1);
    assert_int_equal(contact_get(&db, "ada@demo", &c), 0);
    assert_true(c.held && !c.revoked);
    contact_free(&c);
    assert_int_equal(contact_pin(&db, &first), 0); /* renewed: it stands again */
    assert_int_equal(contact_get(&db, "ada@demo", &c), 0);
    assert_true(!c.held && !c.changed && c.expiry_s == 9000000000);
    contact_free(&c);
    assert_int_equal(revoked_add(&db, "ada@demo", right, &record, false), 0);
    assert_int_equal(revoked_add(&db, "ada@demo", right, &record, false), 0);
    assert_true(revoked_known(&db, right) && !revoked_known(&db, wrong));
    assert_int_equal(contact_get(&db, "ada@demo", &c), 0);
    assert_true(c.held && c.revoked);
    contact_free(&c);
}

static void quarantine_ends_for_the_named_key(void **state)
{
    struct incoming in;
    int64_t n = test_incoming(&db, 1, 99999);
    assert_int_equal(in_get(&db, n, &in), 0);
    assert_int_equal(
        db_exec(&db, "UPDATE incoming SET sender='ada@demo',state=8 WHERE n=?", "i", n), 1);
    assert_int_equal(contact_verify(&db, "ada@demo", in.fpr), 0);
    assert_int_equal(trust_of(in.fpr), TRUST_VERIFIED); /* its key came with the message */
    assert_int_equal(test_in_state(&db, n), IN_NOTICED);
    incoming_free(&in);
}

static void what_waits_is_looked_up_again(void **state)
{
    static const char *const to[] = {"ada@demo", NULL};
    int64_t m = test_message(&db, 1, false, to);
    int64_t n = db_int(&db, 0, "SELECT n FROM receiver WHERE message=?", "i", m);
    assert_int_equal(db_exec(&db, "UPDATE receiver SET due_ms=9e15,tries=9", ""), 1);
    assert_int_equal(rcv_set_why(&db, n, "two keys"), 0);
    assert_int_equal(contact_verify(&db, "ada@demo", right), 0);
    assert_int_equal(db_int(&db, 1, "SELECT due_ms FROM receiver WHERE n=?", "i", n), 0);
    assert_int_equal(rcv_set_ready(&db, n), 0);
    assert_int_equal(db_int(&db, 0, "SELECT why IS NULL FROM receiver WHERE n=?", "i", n), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_pin_waits_for_its_key, setup, teardown),
        cmocka_unit_test_setup_teardown(a_named_fingerprint_replaces_a_pin, setup, teardown),
        cmocka_unit_test_setup_teardown(what_holds_mail_back, setup, teardown),
        cmocka_unit_test_setup_teardown(quarantine_ends_for_the_named_key, setup, teardown),
        cmocka_unit_test_setup_teardown(what_waits_is_looked_up_again, setup, teardown),
    };
    return cmocka_run_group_tests(tests, test_dir_make, test_dir_remove);
}
