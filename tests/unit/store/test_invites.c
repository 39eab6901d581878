/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_invites.c - who may use an invitation, counted once however often the transaction runs, and
 * what an accepted one leads to (P-15.2, P-15.4, P-15.5). */
#include "one_db.h"
#include "store/contacts.h"
#include "store/invites.h"

#define NOW_MS 1800000000000
#define OWN "alice@demo"

static const uint8_t own_fpr[FPR_LEN] = {1}, bob_fpr[FPR_LEN] = {2}, eve_fpr[FPR_LEN] = {3};
static const uint8_t secret[INVITE_SECRET_LEN] = {7, 7};

static void made(uint8_t id, bool group, int64_t uses)
{
    struct invite_row v = {.id = {id},
                           .group = group,
                           .uses_max = uses,
                           .made_ms = NOW_MS,
                           .expiry_s = NOW_MS / 1000 + 3600};
    memcpy(v.secret, secret, sizeof secret);
    assert_int_equal(invite_add(&db, &v), 0);
}

static struct invite_claim claim(uint8_t id, const char *address, const uint8_t *fpr)
{
    struct invite_claim c = {
        .network = 1, .inviter_fpr = own_fpr, .fpr = fpr, .address = address, .id = {id}};
    invite_prove(&c, secret, c.proof);
    return c;
}

static enum invite_verdict use(const struct invite_claim *c, int64_t now_ms)
{
    static uint8_t key[] = "key";
    struct bytes pubkey = {key, 3};
    return invite_use(&db, c, &pubkey, OWN, now_ms);
}

static enum in_trust trust(const char *address)
{
    struct contact c;
    if (contact_get(&db, address, &c) < 0)
        return TRUST_UNKNOWN;
    contact_free(&c);
    return c.trust;
}

static bool count_uses(void *ctx, const struct invite_row *v)
{
    *(int64_t *)ctx += v->uses;
    return true;
}

static int64_t uses(void)
{
    int64_t n = 0;
    invite_each(&db, count_uses, &n);
    return n;
}

static void a_use_counts_once(void **state)
{
    made(1, false, 1);
    struct invite_claim bob = claim(1, "bob@demo", bob_fpr), eve = claim(1, "eve@demo", eve_fpr);
    assert_int_equal(use(&bob, NOW_MS), INVITE_TAKEN);
    assert_int_equal(trust("bob@demo"), TRUST_VERIFIED);
    assert_int_equal(use(&bob, NOW_MS), INVITE_AGAIN); /* the same mail, or another one by him */
    assert_int_equal(uses(), 1);
    assert_int_equal(use(&eve, NOW_MS), INVITE_USED);
    assert_int_equal(trust("eve@demo"), TRUST_UNKNOWN);
    assert_int_equal(uses(), 1);
    /* what was taken stays so when the invitation is over */
    assert_int_equal(use(&bob, NOW_MS + 86400000), INVITE_AGAIN);
}

static void a_copied_proof_is_of_no_use(void **state)
{
    made(1, false, 9);
    struct invite_claim bob = claim(1, "bob@demo", bob_fpr), stolen = bob;
    stolen.fpr = eve_fpr;
    assert_int_equal(use(&stolen, NOW_MS), INVITE_FORGED);
    stolen.address = "eve@demo";
    assert_int_equal(use(&stolen, NOW_MS), INVITE_FORGED);
    stolen = bob;
    stolen.id[7] = 1;
    assert_int_equal(use(&stolen, NOW_MS), INVITE_UNKNOWN);
    assert_int_equal(uses(), 0);
    assert_int_equal(trust("bob@demo"), TRUST_UNKNOWN);
}

static void what_is_over_pins_nothing(void **state)
{
    made(1, false, 1);
    made(2, true, 1);
    struct invite_claim bob = claim(1, "bob@demo", bob_fpr), out = claim(2, "x@other", eve_fpr);
    assert_int_equal(use(&bob, NOW_MS + 2 * 3600000 + 2000), INVITE_EXPIRED);
    assert_int_equal(use(&out, NOW_MS), INVITE_OTHER_GROUP);
    assert_int_equal(invite_revoke(&db, bob.id), 1);
    assert_int_equal(invite_revoke(&db, bob.id), 0);
    assert_int_equal(use(&bob, NOW_MS), INVITE_REVOKED);
    assert_int_equal(trust("bob@demo"), TRUST_UNKNOWN);
    assert_int_equal(trust("x@other"), TRUST_UNKNOWN);
    assert_int_equal(uses(), 0);
}

static void a_pinned_key_stays(void **state)
{
    uint8_t fpr[FPR_LEN];
    made(1, false, 1);
    assert_int_equal(contact_verify(&db, "bob@demo", eve_fpr), 0); /* a pin without a key, too */
    struct invite_claim bob = claim(1, "bob@demo", bob_fpr);
    assert_int_equal(use(&bob, NOW_MS), INVITE_OTHER_KEY);
    assert_int_equal(contact_pinned_fpr(&db, "bob@demo", fpr), 0);
    assert_memory_equal(fpr, eve_fpr, FPR_LEN);
    assert_int_equal(uses(), 0);
    assert_int_equal(contact_forget(&db, "bob@demo"), 1); /* the user lets go: now it may */
    assert_int_equal(use(&bob, NOW_MS), INVITE_TAKEN);
}

static void ids_are_found_by_their_beginning(void **state)
{
    uint8_t id[INVITE_ID_LEN];
    made(0x1a, false, 1);
    made(0x1b, false, 1);
    assert_int_equal(invite_find(&db, "1b00", id), 0);
    assert_int_equal(id[0], 0x1b);
    assert_int_equal(invite_find(&db, "1", id), 2);
    assert_int_equal(invite_find(&db, "2", id), 1);
}

static void an_accepted_one_pins_and_is_written_once(void **state)
{
    struct invite v = {.network = 1, .expiry_s = NOW_MS / 1000, .group = true, .nodes = 2};
    struct accepted_invite a;
    struct invite_counts n;
    char node[2][INVITE_NODE_MAX + 1];
    uint8_t fpr[FPR_LEN];
    (void)strcpy(v.address, "bob@demo");
    memcpy(v.fpr, bob_fpr, FPR_LEN);
    (void)strcpy(v.node[0], "one.example:1");
    (void)strcpy(v.node[1], "two.example:2");
    struct bytes text = {0};
    assert_int_equal(contact_verify(&db, "bob@demo", eve_fpr), 0);
    assert_int_equal(accepted_add(&db, &v, &text, NOW_MS), 0);
    assert_int_equal(contact_pinned_fpr(&db, "bob@demo", fpr), 0);
    assert_memory_equal(fpr, bob_fpr, FPR_LEN); /* the user named this key */
    assert_int_equal(invite_nodes(&db, node, 2), 2);
    assert_int_equal(accepted_to_write(&db, &a), 0);
    assert_string_equal(a.address, "bob@demo");
    accepted_invite_free(&a);
    assert_int_equal(accepted_set_written(&db, "bob@demo", "0123456789abcdef", 16), 0);
    assert_int_equal(accepted_to_write(&db, &a), -1);
    assert_int_equal(accepted_to_join(&db, &a), -1); /* no list names this peer */
    invite_count(&db, NOW_MS, &n);
    assert_int_equal(n.pending, 1);
    assert_int_equal(accepted_set_joined(&db, "bob@demo"), 0);
    invite_count(&db, NOW_MS, &n);
    assert_int_equal(n.pending, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_use_counts_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copied_proof_is_of_no_use, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_over_pins_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pinned_key_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(ids_are_found_by_their_beginning, setup, teardown),
        cmocka_unit_test_setup_teardown(an_accepted_one_pins_and_is_written_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
