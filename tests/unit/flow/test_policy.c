/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_policy.c - every way a client reads, under every rule (P-7.12). */
#include "flow/receiver/policy.h"
#include "store/db.h"
#include "store/schema.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct db db;

static int setup(void **state)
{
    struct error e;
    memset(&db, 0, sizeof db);
    return db_open(&db, ":memory:", false, &e) < 0 || schema_migrate(&db, &e) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    db_close(&db);
    return 0;
}

static enum verdict verdict(const char *client, bool peek, int64_t octets, int part)
{
    struct reading r = {
        .peek = peek, .partial = octets >= 0, .octets = octets < 0 ? 0 : (uint64_t)octets};
    assert_int_equal(policy_client_name(client, r.client), 0);
    r.part = part;
    return policy_verdict(&db, "alice@demo", &r);
}

/* What Thunderbird fetches in advance, the preview for its notice, and all that a person does. */
static void expect(const char *client, enum verdict ahead, enum verdict preview)
{
    assert_int_equal(verdict(client, true, -1, READ_WHOLE), ahead);
    assert_int_equal(verdict(client, true, 2048, READ_TEXT), preview);
    assert_int_equal(verdict(client, true, 32768, READ_TEXT), VERDICT_PULL);
    assert_int_equal(verdict(client, true, -1, READ_TEXT), VERDICT_PULL);
    assert_int_equal(verdict(client, true, 65536, READ_WHOLE), VERDICT_PULL);
    assert_int_equal(verdict(client, true, -1, READ_PART), VERDICT_PULL);
    assert_int_equal(verdict(client, true, 100, READ_PART), VERDICT_PULL);
    for (int part = READ_WHOLE; part <= READ_PART; part++) {
        assert_int_equal(verdict(client, false, -1, part), VERDICT_PULL);
        assert_int_equal(verdict(client, false, 2048, part), VERDICT_PULL);
    }
}

static void by_the_rules(void **state)
{
    expect("Thunderbird", VERDICT_REFUSE, VERDICT_SKIP);
    expect("thunderbird", VERDICT_REFUSE, VERDICT_SKIP);
    expect("mutt", VERDICT_PULL, VERDICT_PULL);
    expect(CLIENT_NONE, VERDICT_PULL, VERDICT_PULL);
    assert_int_equal(policy_set(&db, POLICY_CLIENT, "mutt", POLICY_REFUSE_BACKGROUND), 0);
    assert_int_equal(policy_set(&db, POLICY_CLIENT, "Thunderbird", POLICY_PULL_ALL), 0);
    expect("mutt", VERDICT_REFUSE, VERDICT_SKIP);
    expect("Thunderbird", VERDICT_PULL, VERDICT_PULL);
    assert_int_equal(policy_set(&db, POLICY_CLIENT, "Thunderbird", POLICY_ON_OPEN), 0);
    expect("Thunderbird", VERDICT_REFUSE, VERDICT_SKIP);
    assert_int_equal(policy_set(&db, POLICY_CONTACT, "alice@demo", POLICY_PULL_ALL), 0);
    expect("Thunderbird", VERDICT_PULL, VERDICT_PULL);
    expect("mutt", VERDICT_PULL, VERDICT_PULL);
    assert_int_equal(policy_set(&db, POLICY_CONTACT, "alice@demo", POLICY_REFUSE_BACKGROUND), 0);
    expect(CLIENT_NONE, VERDICT_REFUSE, VERDICT_SKIP);
    assert_int_equal(policy_set(&db, POLICY_CONTACT, "alice@demo", POLICY_ON_OPEN), 0);
    expect("mutt", VERDICT_PULL, VERDICT_PULL);
    expect("Thunderbird", VERDICT_REFUSE, VERDICT_SKIP);
}

static void names_of_clients(void **state)
{
    char out[CLIENT_NAME_MAX + 1];
    assert_int_equal(policy_client_name("K-9 Mail", out), 0);
    assert_string_equal(out, "K-9_Mail");
    assert_int_equal(policy_client_name("", out), -1);
    assert_int_equal(policy_client_name("caf\xc3\xa9", out), -1);
    assert_int_equal(policy_client_name("a\nb", out), -1);
    assert_int_equal(policy_client_name("0123456789012345678901234567890123456789", out), 0);
    assert_int_equal(policy_client_name("01234567890123456789012345678901234567890", out), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(by_the_rules, setup, teardown),
        cmocka_unit_test(names_of_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
